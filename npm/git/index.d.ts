import type { SoftwareManifest } from "agentos";

/** git: local repositories, and clones of local paths. Network transports are not built. */
declare const git: SoftwareManifest;
export default git;
