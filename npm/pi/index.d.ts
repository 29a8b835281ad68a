import type { SoftwareManifest } from "agentos";

/** The Pi coding agent: the command `pi`, and the agent "pi" for `createSession`. */
declare const pi: SoftwareManifest;
export default pi;
