// One of Pi's login flows imports node:http when it is loaded, to serve a redirect of a browser. Nobody logs in
// through the adapter, and node:http brings node:net and much else along: it is loaded with the first call.
import { createRequire } from "node:module";

export function createServer(...args) {
  return createRequire(import.meta.url)("node:http").createServer(...args);
}

export default { createServer };
