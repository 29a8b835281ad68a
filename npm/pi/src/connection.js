// JSON-RPC 2.0 over a pair of byte streams, one message per line: the wire of the Agent Client Protocol.

/** Longest line a peer may send. A prompt carries images as base64, so the bound is generous. */
const MAX_LINE_CHARS = 64 * 1024 * 1024;

export const ErrorCode = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  authRequired: -32000,
  notFound: -32002,
};

/** An error that reaches the peer with its code; any other error becomes "internal". */
export class RpcError extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export class Connection {
  #write;
  #methods;
  #pending = new Map();
  #nextId = 1;
  #buffer = "";
  #closed = false;

  /**
   * @param {(line: string) => void} write sends one line, newline included
   * @param {Record<string, (params: any) => any>} methods handlers of requests and notifications, by method name
   */
  constructor(write, methods) {
    this.#write = write;
    this.#methods = methods;
  }

  notify(method, params) {
    this.#send({ method, params });
  }

  request(method, params) {
    if (this.#closed) return Promise.reject(new RpcError(ErrorCode.internal, "the client is gone"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  /** Feeds decoded text; handles each line that is complete. */
  receive(chunk) {
    this.#buffer += chunk;
    let start = 0;
    for (let end; (end = this.#buffer.indexOf("\n", start)) >= 0; start = end + 1) {
      const line = this.#buffer.slice(start, end).trim();
      if (line !== "") this.#receiveLine(line);
    }
    this.#buffer = this.#buffer.slice(start);
    if (this.#buffer.length > MAX_LINE_CHARS) {
      this.#buffer = "";
      this.#send({ id: null, error: { code: ErrorCode.parse, message: `a line exceeds ${MAX_LINE_CHARS} characters` } });
    }
  }

  /** The peer has gone: nothing it owes us will arrive. */
  close() {
    this.#closed = true;
    for (const { reject } of this.#pending.values()) reject(new RpcError(ErrorCode.internal, "the client is gone"));
    this.#pending.clear();
  }

  #send(message) {
    if (!this.#closed) this.#write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
  }

  #receiveLine(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      this.#send({ id: null, error: { code: ErrorCode.parse, message: "not JSON" } });
      return;
    }
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      this.#send({ id: null, error: { code: ErrorCode.invalidRequest, message: "not a JSON-RPC message" } });
    } else if (typeof message.method === "string") {
      this.#dispatch(message);
    } else if (message.id !== undefined) {
      this.#settle(message);
    } else {
      this.#send({ id: null, error: { code: ErrorCode.invalidRequest, message: "neither method nor id" } });
    }
  }

  #settle({ id, result, error }) {
    const waiting = this.#pending.get(id);
    if (waiting === undefined) return;
    this.#pending.delete(id);
    if (error) waiting.reject(new RpcError(error.code, error.message, error.data));
    else waiting.resolve(result);
  }

  async #dispatch({ id, method, params }) {
    const isRequest = id !== undefined;
    try {
      const handler = Object.hasOwn(this.#methods, method) ? this.#methods[method] : undefined;
      if (handler === undefined) throw new RpcError(ErrorCode.methodNotFound, `no such method: ${method}`);
      const result = await handler(params ?? {});
      if (isRequest) this.#send({ id, result: result ?? {} });
    } catch (error) {
      if (!isRequest) return;
      const code = error instanceof RpcError ? error.code : ErrorCode.internal;
      this.#send({ id, error: { code, message: String(error?.message ?? error), data: error?.data } });
    }
  }
}
