import type { SoftwareManifest } from "agentos";

/** The base userland: bash, coreutils, grep, sed, find, gawk and the programs that go with them. */
declare const common: SoftwareManifest;
export default common;
