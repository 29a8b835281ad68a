// The handle classes of internalBinding: pipes, terminals and TCP sockets of the kernel. They stand where deno_node has native
// classes that adopt descriptors of the host.
(function () {
const { core, primordials } = __bootstrap;
const {
  op_os_is_tty,
  op_os_set_raw_mode,
  op_os_window_size,
  op_socket_accept,
  op_socket_address,
  op_socket_bind,
  op_socket_bind_path,
  op_socket_connect,
  op_socket_connect_path,
  op_socket_listen,
  op_socket_new,
  op_socket_set_option,
  op_void_async_deferred,
} = core.ops;
const { ObjectAssign, PromisePrototypeThen, ReflectApply, SymbolFor, Uint8Array } = primordials;
const { streamBaseState, kLastWriteWasAsync } = core.loadExtScript("ext:deno_node/internal_binding/stream_wrap.ts");
const { StreamHandle, READ, EAGAIN, ECANCELED } = core.loadExtScript("ext:runtime/stream_handle.js");

const EINVAL = -22, ENOTSUP = -95;

// A stream that can also listen and connect.
class SocketHandle extends StreamHandle {
  #listening = false;
  // The connection that `accept` takes; one per call of onconnection.
  #accepted = EAGAIN;

  listen(backlog) {
    if (this.rid === -1) {
      const error = this.create();
      if (error < 0) return error;
    }
    const error = op_socket_listen(this.rid, backlog);
    if (error < 0) return error;
    if (!this.#listening) this.#acceptLoop();
    return 0;
  }

  async #acceptLoop() {
    this.#listening = true;
    while (this.rid !== -1) {
      const fd = op_socket_accept(this.rid);
      if (fd === EAGAIN) {
        await this.wait(READ);
        continue;
      }
      if (this.rid === -1) break;
      this.#accepted = fd;
      if (typeof this.onconnection === "function") this.callback(this.onconnection, fd < 0 ? fd : 0);
      // A refused descriptor table is not going to be better at once.
      if (fd < 0) await this.wait(READ);
    }
    this.#listening = false;
  }

  accept(client) {
    const fd = this.#accepted;
    this.#accepted = EAGAIN;
    return fd < 0 ? fd : client.open(fd);
  }

  // Connects by `start`, an operation that answers a promise of 0 or a negative errno.
  connectBy(req, start) {
    const promise = start(this.rid);
    PromisePrototypeThen(promise, (status) => this.complete(req, this.rid === -1 ? ECANCELED : status, req, true, true));
    return 0;
  }

  getsockname(out) { return this.#address(out, false); }
  getpeername(out) { return this.#address(out, true); }
  #address(out, peer) {
    const address = op_socket_address(this.rid, peer);
    if (typeof address === "number") return address;
    ObjectAssign(out, address);
    return 0;
  }
}

class TCPWrap extends SocketHandle {
  #ensure(family) {
    if (this.rid !== -1) return 0;
    const fd = op_socket_new(family);
    return fd < 0 ? fd : this.open(fd);
  }
  create() { return this.#ensure("IPv6"); }
  bind(address, port) { return this.#bind("IPv4", address, port, 0); }
  bindWithFlags(address, port, flags) { return this.#bind("IPv4", address, port, flags); }
  bind6(address, port, flags) { return this.#bind("IPv6", address, port, flags); }
  bind6WithFlags(address, port, flags) { return this.#bind("IPv6", address, port, flags); }
  #bind(family, address, port, flags) {
    const error = this.#ensure(family);
    return error < 0 ? error : op_socket_bind(this.rid, address, port, (flags & 1) !== 0);
  }
  connect(req, address, port) { return this.#connect("IPv4", req, address, port); }
  connect6(req, address, port) { return this.#connect("IPv6", req, address, port); }
  #connect(family, req, address, port) {
    const error = this.#ensure(family);
    return error < 0 ? error : this.connectBy(req, (rid) => op_socket_connect(rid, address, port));
  }
  setNoDelay(on) { return this.rid === -1 ? 0 : op_socket_set_option(this.rid, "nodelay", on ? 1 : 0); }
  setKeepAlive(on, _delay) { return this.rid === -1 ? 0 : op_socket_set_option(this.rid, "keepalive", on ? 1 : 0); }
  setSimultaneousAccepts() { return 0; }
  reset(callback) {
    op_socket_set_option(this.rid, "linger", 0);
    this.close(callback);
    return 0;
  }
}

class PipeWrap extends SocketHandle {
  #ensure() {
    if (this.rid !== -1) return 0;
    const fd = op_socket_new("unix");
    return fd < 0 ? fd : this.open(fd);
  }
  create() { return EINVAL; }
  bind(path) {
    const error = this.#ensure();
    return error < 0 ? error : op_socket_bind_path(this.rid, path);
  }
  connect(req, path) {
    const error = this.#ensure();
    return error < 0 ? error : this.connectBy(req, (rid) => op_socket_connect_path(rid, path));
  }
  fchmod() { return ENOTSUP; }
  setPendingInstances() {}
}

class TTY extends StreamHandle {
  constructor(fd, ctx) {
    super();
    const error = op_os_is_tty(fd) ? this.open(fd) : EINVAL;
    if (error < 0 && ctx) ObjectAssign(ctx, { code: "EINVAL", errno: error, message: "invalid argument", syscall: "uv_tty_init" });
  }
  static isTTY(fd) { return op_os_is_tty(fd); }
  getWindowSize(size) {
    const found = op_os_window_size(this.fd);
    if (!found) return ENOTSUP;
    size[0] = found[0];
    size[1] = found[1];
    return 0;
  }
  setRawMode(raw) { return op_os_set_raw_mode(this.fd, Boolean(raw)); }
}

// TLS over a handle of ours. Upstream's TLSWrap has a way for JavaScript streams: it hands out encrypted bytes to write
// (`owner.stream.write`), and takes those that came (`readBuffer`, `emitEOF`, which it sets on the handle).
const kJSStreamHandle = SymbolFor("kJSStreamHandle");
const kOwner = SymbolFor("kJSStreamOwner");

function prepareForTls(handle) {
  if (!(handle instanceof StreamHandle)) return;
  handle[kJSStreamHandle] = true;
  handle[kOwner] = {
    stream: {
      write(data, done) {
        const target = handle.tlsTransport ?? handle;
        const req = { oncomplete: () => done() };
        const error = target.writeBuffer(req, data);
        // What was written at once has no completion of its own; a failed write ends the pump and the read side tells.
        if (error === 0 && !streamBaseState[kLastWriteWasAsync]) PromisePrototypeThen(op_void_async_deferred(), done);
      },
    },
  };
}

// Reads of `transport` go to the TLS engine that `handle` was wrapped for.
function readForTls(handle, transport) {
  transport.onread = (data, count) => {
    if (count > 0) handle.readBuffer(new Uint8Array(data, 0, count));
    else if (count < 0) handle.emitEOF();
  };
}

function wireTls(res, handle) {
  if (!(handle instanceof StreamHandle)) return;
  readForTls(handle, handle);
  const transport = () => handle.tlsTransport ?? handle;
  const start = res.start;
  res.start = function (...args) {
    const result = ReflectApply(start, res, args);
    transport().readStart();
    res._flushEncOut();
    return result;
  };
  // The engine's own part delivers what is decrypted already.
  const { readStart, readStop } = res;
  res.readStart = function () {
    const result = ReflectApply(readStart, res, []);
    transport().readStart();
    return result;
  };
  res.readStop = function () {
    transport().readStop();
    return ReflectApply(readStop, res, []);
  };
  res._nativeTcpHandle = handle;
  res._installNativeOnread = (native) => readForTls(handle, native);
}

// The socket got its handle after it was wrapped: what was prepared on the first one uses this.
function attachTls(res, native) {
  const first = res._nativeTcpHandle;
  first.tlsTransport = native;
  res._nativeTcpHandle = native;
  readForTls(first, native);
}

return { TCPWrap, PipeWrap, TTY, prepareForTls, wireTls, attachTls };
})();
