// The software manifest of the Pi coding agent (docs/software-packages.md in the agentOS repository).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const { version } = JSON.parse(readFileSync(new URL("./package.json", import.meta.url), "utf8"));

/** Where `npm install --global` puts Pi on Debian. The tree is built by `npm run build`. */
const INSTALLED = "/usr/lib/node_modules/@mariozechner/pi-coding-agent";

export default {
  name: "@agentos/pi",
  version,
  root: fileURLToPath(new URL(".", import.meta.url)),
  files: [],
  links: [],
  symlinks: [
    { path: "/usr/bin/pi", target: `..${INSTALLED.slice("/usr".length)}/dist/cli.js` },
    { path: "/usr/bin/pi-acp", target: `..${INSTALLED.slice("/usr".length)}/dist/acp.js` },
  ],
  trees: [{ path: INSTALLED, source: "dist", readOnly: true }],
  agents: {
    // Pi would otherwise look for newer versions of itself and download helper programs.
    pi: { command: "/usr/bin/pi-acp", args: [], env: { PI_OFFLINE: "1" } },
  },
  env: {},
  dependencies: ["@agentos/common"],
};
