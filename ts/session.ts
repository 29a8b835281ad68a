// A conversation with an agent.
import { EventEmitter } from "node:events";
import type * as api from "../index.js";
import type { AgentDescription, ContentBlock, PromptResult, SessionEvent, TranscriptEntry } from "../index.js";
import { type NativeSession, called, settled } from "./binding.js";
import { isFunction, isInteger, isOneOf, isShape, isString, wrongType } from "./check.js";
import { isPromptOptions } from "./options.js";
import { abortable } from "./run.js";

/** Events read from the log at once. */
const BATCH = 256;

const isEventName = isOneOf("event", "permissionRequest", "exit");
const isEventsOptions = isShape({ since: isInteger });

type Listener = (argument: never) => void;

export class Session implements api.Session {
  readonly sessionId: string;
  readonly agent: string;
  readonly #native: NativeSession;
  readonly #emitter = new EventEmitter();
  readonly #onEnd: (session: Session) => void;
  readonly #asks: boolean;
  /** Number of the last event that was emitted. */
  #seen = 0;

  /**
   * For a conversation that was just opened.
   * @param asks permission requests are for the listeners, not for a policy
   * @param onEnd called when the agent has ended
   */
  constructor(agent: string, native: NativeSession, asks: boolean, onEnd: (session: Session) => void) {
    this.sessionId = native.id;
    this.agent = agent;
    this.#native = native;
    this.#asks = asks;
    this.#onEnd = onEnd;
    // Weak, so that a session that nobody refers to any more ends its agent.
    const self = new WeakRef(this);
    const nudge = () => {
      const session = self.deref();
      if (session !== undefined) session.#emitNew();
    };
    called(() => native.subscribe(nudge));
    // What came before there was a listener is for `events()`.
    this.#seen = this.#read(0).at(-1)?.seq ?? 0;
  }

  async prompt(prompt: string | readonly ContentBlock[], options: { signal?: AbortSignal } = {}): Promise<PromptResult> {
    isPromptOptions("options", options);
    const blocks = JSON.stringify(contentBlocks(prompt));
    const { signal } = options;
    signal?.throwIfAborted();
    const answer = settled(() => this.#native.prompt(blocks));
    try {
      return await (signal === undefined ? answer : abortable(answer, signal, () => void this.cancel().catch(() => {})));
    } finally {
      // The listeners know all that led to the answer before the caller has it.
      this.#emitNew();
    }
  }

  cancel(): Promise<void> {
    return settled(() => this.#native.cancel());
  }

  async setMode(mode: string): Promise<void> {
    isString("mode", mode);
    await settled(() => this.#native.setMode(mode));
  }

  async setModel(model: string): Promise<void> {
    isString("model", model);
    await settled(() => this.#native.setModel(model));
  }

  describe(): AgentDescription {
    return called(() => this.#native.describe());
  }

  on(event: "event" | "permissionRequest" | "exit", listener: Listener): this {
    isEventName("event", event);
    isFunction("listener", listener);
    this.#emitter.on(event, listener as (...args: unknown[]) => void);
    return this;
  }

  off(event: "event" | "permissionRequest" | "exit", listener: Listener): this {
    isEventName("event", event);
    isFunction("listener", listener);
    this.#emitter.off(event, listener as (...args: unknown[]) => void);
    return this;
  }

  events(options: { since?: number } = {}): SessionEvent[] {
    isEventsOptions("options", options);
    return this.#read(options.since ?? 0);
  }

  async transcript(): Promise<TranscriptEntry[]> {
    return JSON.parse(await settled(() => this.#native.transcript())) as TranscriptEntry[];
  }

  respondPermission(id: string, reply: "once" | "always" | "reject"): void {
    isString("id", id);
    isOneOf("once", "always", "reject")("reply", reply);
    called(() => this.#native.respondPermission(id, reply));
  }

  async close(): Promise<void> {
    await settled(() => this.#native.close());
    this.#emitNew();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #read(since: number): SessionEvent[] {
    return called(() => this.#native.events(since, Number.MAX_SAFE_INTEGER)).map((json) => JSON.parse(json) as SessionEvent);
  }

  #emitNew(): void {
    for (;;) {
      const batch = called(() => this.#native.events(this.#seen, BATCH));
      for (const json of batch) {
        const event = JSON.parse(json) as SessionEvent;
        // A listener that prompts or closes may have emitted it already.
        if (event.seq > this.#seen) this.#emit(event);
      }
      if (batch.length < BATCH) return;
    }
  }

  #emit(event: SessionEvent): void {
    this.#seen = event.seq;
    this.#call("event", event);
    if (event.type === "permissionRequest" && this.#asks) {
      this.#call("permissionRequest", { id: event.id, toolCall: event.toolCall, options: event.options });
    }
    if (event.type === "exit") {
      this.#onEnd(this);
      this.#call("exit", { exitCode: event.exitCode, signal: event.signal });
    }
  }

  /** A listener that throws is an uncaught exception, as of any event; the others are called all the same. */
  #call(name: string, argument: unknown): void {
    for (const listener of this.#emitter.listeners(name)) {
      try {
        listener(argument);
      } catch (error) {
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }
}

function contentBlocks(prompt: string | readonly ContentBlock[]): readonly ContentBlock[] {
  if (typeof prompt === "string") return [{ type: "text", text: prompt }];
  if (!Array.isArray(prompt)) throw wrongType("prompt", "of type string or an array of content blocks", prompt);
  (prompt as readonly ContentBlock[]).forEach((block, index) => {
    if (typeof block !== "object" || block === null) throw wrongType(`prompt[${index}]`, "a content block", block);
    isString(`prompt[${index}].type`, block.type);
  });
  return prompt as readonly ContentBlock[];
}
