// The HTTP server: routes, control requests, and the pace at which an answer is sent.
import { appendFileSync } from "node:fs";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { readRequest, writeAnswer, writeError } from "./answer.js";
import { compileScript } from "./script.js";
import { countTokens, freshId, parseArguments } from "./text.js";

const ROUTES = [
  [/\/messages\/count_tokens$/, "countAnthropic"],
  [/:countTokens$/, "countGemini"],
  [/\/messages$/, "anthropic"],
  [/\/chat\/completions$/, "chat"],
  [/\/responses$/, "responses"],
  [/:(streamGenerateContent|generateContent)$/, "gemini"],
];

const DEFAULT_SCRIPT = { turns: [{ text: "Hello from the mock model." }] };

/**
 * Starts a server. `port` 0 takes a free one; `chunkChars` is the length of a streamed piece of text; `delayMs` waits after each
 * event; `log` is a file that gets every request as a line of JSON; `maxRequests` bounds what `requests` remembers.
 */
export async function startMockLlm(options = {}) {
  const mock = new MockLlm({ host: "127.0.0.1", port: 0, chunkChars: 12, delayMs: 0, maxRequests: 1000, models: ["mock-1"], ...options });
  await mock.listen();
  return mock;
}

class MockLlm {
  /** What was asked, oldest first. */
  requests = [];
  #options;
  #choose;
  #script;
  #waiting = [];
  #server = http.createServer((request, response) => this.#serve(request, response));

  constructor(options) {
    this.#options = options;
    this.setScript(options.script ?? DEFAULT_SCRIPT);
  }

  async listen() {
    const { host, port } = this.#options;
    await new Promise((resolve, reject) => this.#server.once("error", reject).listen(port, host, resolve));
    this.port = this.#server.address().port;
    this.url = `http://${host}:${this.port}`;
  }

  /** The variables by which most agents find a model service. */
  get env() {
    return {
      ANTHROPIC_BASE_URL: this.url,
      ANTHROPIC_API_KEY: "mock",
      OPENAI_BASE_URL: `${this.url}/v1`,
      OPENAI_API_KEY: "mock",
      GOOGLE_GEMINI_BASE_URL: this.url,
      GEMINI_API_KEY: "mock",
    };
  }

  setScript(script) {
    this.#script = script;
    this.#choose = compileScript(script);
  }

  /** Resolves with the next request to a model. */
  nextRequest() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request, response) {
    const url = new URL(request.url, "http://mock");
    let raw;
    try {
      raw = Buffer.concat(await request.toArray()).toString("utf8");
    } catch {
      return; // The client went away.
    }
    try {
      if (url.pathname.startsWith("/__")) this.#control(url, request.method, raw, response);
      else await this.#model(url, request, raw, response);
    } catch (error) {
      if (!response.headersSent) sendJson(response, 500, { error: { message: String(error) } });
    }
  }

  #control(url, method, raw, response) {
    if (url.pathname === "/__requests") return sendJson(response, 200, this.requests);
    if (url.pathname === "/__reset") {
      this.requests.length = 0;
      this.setScript(this.#script);
    } else if (url.pathname === "/__script" && method === "POST") {
      this.setScript(JSON.parse(raw));
    } else if (url.pathname !== "/__health") {
      return sendJson(response, 404, {});
    }
    return sendJson(response, 200, { ok: true });
  }

  async #model(url, { method }, raw, response) {
    const api = ROUTES.find(([pattern]) => pattern.test(url.pathname))?.[1];
    const body = parseArguments(raw) ?? {};
    const record = this.#record({ api, method, path: url.pathname + url.search }, body);
    if (method === "GET" && /\/models(\/[^/]+)?$/.test(url.pathname)) return sendJson(response, 200, modelList(this.#options.models));
    if (api === undefined || method !== "POST") return sendJson(response, method === "POST" ? 200 : 404, {});
    if (api === "countAnthropic") return sendJson(response, 200, { input_tokens: countTokens(raw) });
    if (api === "countGemini") return sendJson(response, 200, { totalTokens: countTokens(raw) });
    const view = readRequest(api, body, url);
    const turn = this.#choose(view);
    Object.assign(record, { ...view, tools: view.tools.map((tool) => tool.name), system: view.system.slice(0, 400), turn });
    for (const resolve of this.#waiting.splice(0)) resolve(record);
    return this.#play(view, turn, record, response);
  }

  async #play(view, turn, record, response) {
    if (turn.delayMs) await sleep(turn.delayMs);
    if (turn.hang) return undefined; // Never answers; the client's abort closes the connection.
    if (turn.error) {
      const { status, body } = writeError(view.api, turn.error);
      return sendJson(response, status, body, turn.error.headers);
    }
    const answer = writeAnswer(view, turn, this.#options);
    if (!view.stream) return sendJson(response, 200, answer.whole);
    return this.#stream(answer.events, turn, record, response);
  }

  async #stream(events, turn, record, response) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", "request-id": freshId("req_") });
    const delayMs = turn.chunkDelayMs ?? this.#options.delayMs;
    for (const [index, event] of events.entries()) {
      if (response.destroyed) {
        record.aborted = true;
        return;
      }
      if (index === turn.dropAfter) {
        response.destroy();
        return;
      }
      response.write(event);
      if (delayMs > 0) await sleep(delayMs);
    }
    response.end();
  }

  #record(record, body) {
    this.requests.push(record);
    if (this.requests.length > this.#options.maxRequests) this.requests.shift();
    if (this.#options.log) appendFileSync(this.#options.log, `${JSON.stringify({ ...record, body })}\n`);
    return record;
  }
}

function sendJson(response, status, body, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function modelList(ids) {
  const created_at = "2024-01-01T00:00:00Z";
  const data = ids.map((id) => ({ id, type: "model", object: "model", display_name: id, created: 0, owned_by: "mock", created_at }));
  return { object: "list", has_more: false, data };
}
