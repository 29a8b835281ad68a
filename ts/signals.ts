// Names of signals.
import { type Check, wrongType } from "./check.js";
import { AgentOsError } from "./errors.js";

const NAMES = new Set(
  `HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ
  VTALRM PROF WINCH IO PWR SYS`
    .split(/\s+/)
    .map((name) => `SIG${name}`),
);

export const isSignal: Check = (name, value) => {
  if (typeof value !== "string") throw wrongType(name, "of type string", value);
  if (!NAMES.has(value)) throw new AgentOsError({ code: "ERR_UNKNOWN_SIGNAL", message: `Unknown signal: ${value}` });
};
