// What a VM tells its listeners: read from its log at JavaScript's own pace.
import { EventEmitter } from "node:events";
import type { PermissionRequest, VmEvents, VmPermissionRequest } from "../index.js";
import { type NativeVm, called } from "./binding.js";
import { isFunction, isOneOf } from "./check.js";
import type { Session } from "./session.js";

/** Events read from the log at once. */
const BATCH = 256;

const NAMES = ["permissionRequest", "permissionAnswer", "audit", "limitWarning", "vmShutdown"] as const;
const isEventName = isOneOf(...NAMES);

type Name = keyof VmEvents;
type Logged = { seq: number; time: number; type: Name };

/** Separates a session's id from its request's in the id of a question that an agent asks. */
const SEPARATOR = "/";

export class VmEventSource {
  readonly #native: NativeVm;
  readonly #emitter = new EventEmitter();
  #subscribed = false;
  /** Number of the last event that was emitted. */
  #seen = 0;

  constructor(native: NativeVm) {
    this.#native = native;
  }

  on(event: Name, listener: unknown): void {
    isEventName("event", event);
    isFunction("listener", listener);
    this.#subscribe();
    this.#emitter.on(event, listener as (...args: unknown[]) => void);
  }

  off(event: Name, listener: unknown): void {
    isEventName("event", event);
    isFunction("listener", listener);
    this.#emitter.off(event, listener as (...args: unknown[]) => void);
  }

  /** Passes what the agent of a session asks on, under an id of the VM. */
  relay(session: Session): void {
    const self = new WeakRef(this);
    session.on("permissionRequest", (request: PermissionRequest) => {
      const { toolCall, options } = request;
      const asked: VmPermissionRequest = {
        id: `${session.sessionId}${SEPARATOR}${request.id}`,
        class: "agent",
        operation: toolCall.kind ?? "other",
        object: toolCall.title ?? toolCall.toolCallId,
        why: `agent ${session.agent} asks`,
        pid: null,
        argv: [],
        sessionId: session.sessionId,
        toolCall,
        options,
      };
      const source = self.deref();
      if (source !== undefined) source.#call("permissionRequest", asked);
    });
  }

  /** The session's id and the request's, if `id` is of a question that an agent asks. */
  static ofSession(id: string): [session: string, request: string] | undefined {
    const at = id.lastIndexOf(SEPARATOR);
    return at < 0 ? undefined : [id.slice(0, at), id.slice(at + SEPARATOR.length)];
  }

  /** With the first listener: a VM that nobody listens to costs nothing. */
  #subscribe(): void {
    if (this.#subscribed) return;
    this.#subscribed = true;
    // What came before there was a listener is for `permissionRequests()` and `audit()`.
    this.#seen = called(() => this.#native.events(0, Number.MAX_SAFE_INTEGER))
      .map((json) => (JSON.parse(json) as Logged).seq)
      .reduce((last, seq) => Math.max(last, seq), 0);
    // Weak, so that a VM that nobody refers to any more ends.
    const self = new WeakRef(this);
    called(() => this.#native.subscribe(() => self.deref()?.flush()));
  }

  /** Tells the listeners what is new. */
  flush(): void {
    if (!this.#subscribed) return;
    for (;;) {
      const batch = called(() => this.#native.events(this.#seen, BATCH));
      for (const json of batch) {
        const { seq, time, type, ...event } = JSON.parse(json) as Logged;
        if (seq <= this.#seen) continue;
        this.#seen = seq;
        this.#call(type, event);
      }
      if (batch.length < BATCH) return;
    }
  }

  /** A listener that throws is an uncaught exception, as of any event; the others are called all the same. */
  #call(name: Name, argument: unknown): void {
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
