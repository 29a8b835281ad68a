// StreamHandle: Node's StreamBase over a descriptor of the kernel. What LibUvStreamWrap is upstream, the base of pipes, terminals
// and TCP sockets.
//
// Reading waits until the descriptor is readable and reads then, so that a stopped stream takes nothing from a descriptor that
// other processes may share. Writing tries at once and queues what did not fit. Methods answer 0 or a negative errno.
(function () {
const { core, primordials } = __bootstrap;
const {
  op_node_new_async_id,
  op_stream_cancel,
  op_stream_close,
  op_stream_open,
  op_stream_ready,
  op_stream_shutdown,
  op_stream_try_read,
  op_stream_try_write,
  op_stream_write_all,
  op_void_async_deferred,
} = core.ops;
const { ArrayPrototypePush, ArrayPrototypeShift, FunctionPrototypeCall, PromisePrototypeThen, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeSlice, TypedArrayPrototypeSubarray, Uint8Array } = primordials;
const { streamBaseState, kBytesWritten, kLastWriteWasAsync } = core.loadExtScript("ext:deno_node/internal_binding/stream_wrap.ts");
const { Buffer } = core.loadExtScript("ext:deno_node/internal/buffer.mjs");

const EAGAIN = -11, EBADF = -9, ECANCELED = -125, EOF = -4095;
const READ = 0, WRITE = 1;
const CHUNK_BYTES = 65536;
// One for all handles: what was read is copied out of it at once.
let scratch;

class StreamHandle {
  #rid = -1;
  #fd = -1;
  #asyncId = op_node_new_async_id();
  #reading = false;
  #readLoop = false;
  #writeLoop = false;
  #queue = [];
  #shutdown = null;
  #blocking = false;
  #referenced = true;
  #waits = new Set();
  #userBuffer = null;
  #bytesRead = 0;
  #bytesWritten = 0;

  // Takes a descriptor over.
  open(fd) {
    if (this.#rid !== -1) return EBADF;
    const rid = op_stream_open(fd);
    if (rid < 0) return rid;
    this.#rid = rid;
    this.#fd = fd;
    return 0;
  }

  get fd() { return this.#fd; }
  get rid() { return this.#rid; }
  get bytesRead() { return this.#bytesRead; }
  get bytesWritten() { return this.#bytesWritten; }
  get writeQueueSize() {
    let size = 0;
    for (const entry of this.#queue) size += TypedArrayPrototypeGetByteLength(entry.data);
    return size;
  }
  getAsyncId() { return this.#asyncId; }
  asyncReset() { this.#asyncId = op_node_new_async_id(); }
  getProviderType() { return 0; }

  ref() { this.#setReferenced(true); }
  unref() { this.#setReferenced(false); }
  hasRef() { return this.#referenced && this.#rid !== -1; }
  #setReferenced(on) {
    this.#referenced = on;
    for (const promise of this.#waits) on ? core.refOpPromise(promise) : core.unrefOpPromise(promise);
  }

  // Waits until the descriptor is ready; keeps the event loop alive while the handle is referenced.
  async wait(direction) {
    const promise = op_stream_ready(this.#rid, direction);
    this.#waits.add(promise);
    if (!this.#referenced) core.unrefOpPromise(promise);
    try {
      return await promise;
    } finally {
      this.#waits.delete(promise);
    }
  }

  readStart() {
    if (this.#rid === -1) return EBADF;
    this.#reading = true;
    if (!this.#readLoop) this.#read();
    return 0;
  }

  readStop() {
    this.#reading = false;
    if (this.#readLoop && this.#rid !== -1) op_stream_cancel(this.#rid, READ);
    return 0;
  }

  useUserBuffer(buffer) {
    this.#userBuffer = buffer;
    return 0;
  }

  async #read() {
    this.#readLoop = true;
    while (this.#reading && this.#rid !== -1) {
      const target = this.#userBuffer ?? (scratch ??= new Uint8Array(CHUNK_BYTES));
      const count = op_stream_try_read(this.#rid, target);
      if (count === EAGAIN) {
        const ready = await this.wait(READ);
        if (ready < 0 && ready !== ECANCELED) this.#deliver(ready);
        continue;
      }
      if (count === 0) this.#reading = false;
      this.#deliver(count === 0 ? EOF : count, target);
      // One turn of the event loop per chunk, as libuv: timers and other streams get theirs.
      if (this.#reading) await op_void_async_deferred();
    }
    this.#readLoop = false;
    if (this.#reading && this.#rid !== -1) this.#read();
  }

  #deliver(count, target) {
    if (typeof this.onread !== "function") return;
    if (count < 0) {
      this.#reading = false;
      this.callback(this.onread, undefined, count);
      return;
    }
    this.#bytesRead += count;
    const data = this.#userBuffer ? target : TypedArrayPrototypeSlice(target, 0, count);
    this.callback(this.onread, TypedArrayPrototypeGetBuffer(data), count);
  }

  // Calls back into JavaScript of the program; what it throws is an uncaught exception, not the end of our loop.
  callback(fn, ...args) {
    try {
      return FunctionPrototypeCall(fn, this, ...args);
    } catch (error) {
      core.reportUnhandledException(error);
    }
  }

  writeBuffer(req, data) {
    return this.#write(req, data);
  }
  writeUtf8String(req, text) { return this.#write(req, Buffer.from(text, "utf8")); }
  writeLatin1String(req, text) { return this.#write(req, Buffer.from(text, "latin1")); }
  writeAsciiString(req, text) { return this.#write(req, Buffer.from(text, "latin1")); }
  writeUcs2String(req, text) { return this.#write(req, Buffer.from(text, "utf16le")); }

  writev(req, chunks, allBuffers) {
    const parts = [];
    if (allBuffers) for (const chunk of chunks) ArrayPrototypePush(parts, chunk);
    else for (let i = 0; i < chunks.length; i += 2) ArrayPrototypePush(parts, typeof chunks[i] === "string" ? Buffer.from(chunks[i], chunks[i + 1]) : chunks[i]);
    return this.#write(req, Buffer.concat(parts));
  }

  #write(req, data) {
    const length = TypedArrayPrototypeGetByteLength(data);
    streamBaseState[kBytesWritten] = length;
    streamBaseState[kLastWriteWasAsync] = 0;
    if (this.#rid === -1) return EBADF;
    if (this.#blocking) {
      const result = op_stream_write_all(this.#rid, data);
      if (result === 0) this.#bytesWritten += length;
      return result;
    }
    let done = 0;
    if (this.#queue.length === 0) {
      const count = op_stream_try_write(this.#rid, data);
      if (count < 0 && count !== EAGAIN) return count;
      done = count < 0 ? 0 : count;
      this.#bytesWritten += done;
      if (done >= length) return 0;
    }
    streamBaseState[kLastWriteWasAsync] = 1;
    ArrayPrototypePush(this.#queue, { req, data: TypedArrayPrototypeSubarray(data, done) });
    if (!this.#writeLoop) this.#drain();
    return 0;
  }

  async #drain() {
    this.#writeLoop = true;
    while (this.#queue.length > 0 && this.#rid !== -1) {
      const entry = this.#queue[0];
      const count = op_stream_try_write(this.#rid, entry.data);
      if (count === EAGAIN) {
        await this.wait(WRITE);
        continue;
      }
      if (count >= 0) {
        this.#bytesWritten += count;
        entry.data = TypedArrayPrototypeSubarray(entry.data, count);
        if (TypedArrayPrototypeGetByteLength(entry.data) > 0) continue;
      }
      ArrayPrototypeShift(this.#queue);
      this.complete(entry.req, count < 0 ? count : 0);
    }
    this.#writeLoop = false;
    const pending = this.#queue;
    this.#queue = [];
    for (const entry of pending) this.complete(entry.req, ECANCELED);
    if (this.#shutdown) this.#finishShutdown();
  }

  complete(req, status, ...more) {
    if (typeof req.oncomplete !== "function") return;
    try {
      FunctionPrototypeCall(req.oncomplete, req, status, this, ...more);
    } catch (error) {
      core.reportUnhandledException(error);
    }
  }

  shutdown(req) {
    if (this.#rid === -1) return EBADF;
    this.#shutdown = req;
    if (!this.#writeLoop) PromisePrototypeThen(op_void_async_deferred(), () => this.#finishShutdown());
    return 0;
  }

  #finishShutdown() {
    const req = this.#shutdown;
    if (!req) return;
    this.#shutdown = null;
    const status = this.#rid === -1 ? ECANCELED : op_stream_shutdown(this.#rid);
    this.complete(req, status);
  }

  setBlocking(on) {
    this.#blocking = Boolean(on);
    return 0;
  }

  close(callback) {
    if (this.#rid !== -1) {
      this.#reading = false;
      op_stream_close(this.#rid);
      this.#rid = -1;
      this.#fd = -1;
    }
    PromisePrototypeThen(op_void_async_deferred(), () => {
      if (!this.#writeLoop) {
        const pending = this.#queue;
        this.#queue = [];
        for (const entry of pending) this.complete(entry.req, ECANCELED);
      }
      this.#finishShutdown();
      if (typeof callback === "function") this.callback(callback);
    });
  }
}

return { StreamHandle, READ, WRITE, EAGAIN, EBADF, ECANCELED };
})();
