import dual from "dual";
import { a, b } from "cjs";
import data from "./data.json" with { type: "json" };
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
console.log(dual, require("dual"), a, b, data.x, import.meta.filename, import.meta.url);
console.log((await import("./ts.ts")).n, await import("data:text/javascript,export default 7").then((m) => m.default));
await import("./nope.mjs").catch((e) => console.log(e.code));
