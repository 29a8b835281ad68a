// Stand-ins for deno_node's native TCPWrap, PipeWrap and TTY, which adopt descriptors of the host.
(function () {
const EACCES = -13;
const fails = ["listen", "bind", "bind6", "bindWithFlags", "bind6WithFlags", "connect", "connect6", "accept", "open", "fchmod", "readStart", "readStop",
  "shutdown", "writeBuffer", "writev", "writeUtf8String", "writeLatin1String", "writeAsciiString", "writeUcs2String", "setNoDelay", "setKeepAlive",
  "setBlocking", "setSimultaneousAccepts", "setPendingInstances", "reset", "getsockname", "getpeername", "getWindowSize", "setRawMode", "useUserBuffer"];
function make(name) {
  const C = { [name]: class {
    close(cb) { if (typeof cb === "function") queueMicrotask(() => cb.call(this)); }
    ref() {} unref() {} hasRef() { return false; } getAsyncId() { return 0; } getProviderType() { return 0; }
    get fd() { return -1; } get bytesRead() { return 0; } get bytesWritten() { return 0; }
  } }[name];
  C.isTTY = () => false;
  for (const m of fails) C.prototype[m] = function () { return EACCES; };
  return C;
}
return { TCPWrap: make("TCPWrap"), PipeWrap: make("PipeWrap"), TTY: make("TTY") };
})();
