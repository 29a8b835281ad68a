// The software manifest of git (docs/software-packages.md in the agentOS repository).
import { fileURLToPath } from "node:url";

const SHA256 = "b0fba375d2406a5fbd245963daeee5e7fe5234100517acce3153c732f5449235";

/** Commands that are the same module under another name: git's transports start them by that name. */
const LINKS = ["git-receive-pack", "git-upload-archive", "git-upload-pack"];

export default {
  name: "@agentos/git",
  version: "0.1.0",
  root: fileURLToPath(new URL(".", import.meta.url)),
  files: [{ path: "/usr/bin/git", source: "bin/git.wasm", mode: 0o755, sha256: SHA256 }],
  links: LINKS.map((name) => ({ path: `/usr/bin/${name}`, to: "/usr/bin/git", hard: true })),
  symlinks: [],
  trees: [],
  agents: {},
  env: {},
  dependencies: ["@agentos/common"],
};
