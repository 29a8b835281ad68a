// The software manifest of the base userland (docs/software-packages.md in the agentOS repository).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const manifest = JSON.parse(readFileSync(new URL("./manifest.json", import.meta.url), "utf8"));

export default { ...manifest, root: fileURLToPath(new URL(".", import.meta.url)) };
