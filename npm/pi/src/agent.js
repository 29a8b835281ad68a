// The methods of the Agent Client Protocol, version 1, that an agent answers.
import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { VERSION } from "@mariozechner/pi-coding-agent";
import { ErrorCode, RpcError } from "./connection.js";
import { createPiSession } from "./pi-session.js";
import { AcpSession } from "./session.js";

const PROTOCOL_VERSION = 1;

export class Agent {
  #sessions = new Map();
  #connection;

  connect(connection) {
    this.#connection = connection;
  }

  methods = {
    initialize: () => ({
      protocolVersion: PROTOCOL_VERSION,
      agentInfo: { name: "pi", title: "Pi", version: VERSION },
      agentCapabilities: {
        loadSession: false,
        promptCapabilities: { image: true, audio: false, embeddedContext: true },
        mcpCapabilities: { http: false, sse: false },
        sessionCapabilities: { close: {} },
      },
      authMethods: [],
    }),
    "session/new": (params) => this.#newSession(params),
    "session/prompt": (params) => this.#session(params).prompt(params.prompt),
    "session/cancel": (params) => this.#session(params).cancel(),
    "session/set_config_option": (params) => this.#session(params).setConfigOption(params.configId, params.value),
    "session/close": (params) => this.#closeSession(params),
  };

  async closeAll() {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.allSettled(sessions.map((session) => session.close()));
  }

  async #newSession({ cwd, _meta }) {
    if (typeof cwd !== "string" || !isAbsolute(cwd)) {
      throw new RpcError(ErrorCode.invalidParams, `cwd: expected an absolute path, got ${JSON.stringify(cwd)}`);
    }
    if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) {
      throw new RpcError(ErrorCode.invalidParams, `cwd: not a directory: ${cwd}`);
    }
    const instructions = _meta?.additionalInstructions;
    const pi = await createPiSession(cwd, typeof instructions === "string" ? [instructions] : []);
    const session = new AcpSession(pi, cwd, this.#connection);
    this.#sessions.set(session.id, session);
    return { sessionId: session.id, configOptions: session.configOptions };
  }

  async #closeSession(params) {
    const session = this.#session(params);
    this.#sessions.delete(session.id);
    await session.close();
  }

  #session({ sessionId }) {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) throw new RpcError(ErrorCode.notFound, `no such session: ${JSON.stringify(sessionId)}`);
    return session;
  }
}
