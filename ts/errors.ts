// The one error class, and how errors of the addon become one.
import type * as api from "../index.js";

/** Starts the message of every error of the Rust API (src/error.rs); JSON with the fields follows. */
const TAG = "agentos:";

export interface ErrorFields {
  code: string;
  message: string;
  errno?: number | null;
  syscall?: string | null;
  path?: string | null;
  limit?: string | null;
  configured?: number | null;
}

export class AgentOsError extends Error implements api.AgentOsError {
  declare readonly name: "AgentOsError";
  readonly code: string;
  declare readonly errno?: number;
  declare readonly syscall?: string;
  declare readonly path?: string;
  declare readonly limit?: string;
  declare readonly configured?: number;

  constructor({ code, message, ...details }: ErrorFields) {
    super(message);
    this.code = code;
    // Absent fields stay absent, as in Node.
    for (const [key, value] of Object.entries(details)) {
      if (value !== null && value !== undefined) Object.defineProperty(this, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }
}

// On the prototype, as for the built-in classes: it then is not printed among the fields.
Object.defineProperty(AgentOsError.prototype, "name", { value: "AgentOsError", configurable: true, writable: true });

/** An `AgentOsError` for what the addon threw; anything else is passed on. */
export function translate(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AgentOsError) return error;
  if (error.message.startsWith(TAG)) return new AgentOsError(JSON.parse(error.message.slice(TAG.length)) as ErrorFields);
  // An argument that Node-API could not convert: the checks of this layer should have named it.
  return new AgentOsError({ code: "ERR_INVALID_ARG_TYPE", message: error.message });
}
