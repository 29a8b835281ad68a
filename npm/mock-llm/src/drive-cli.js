#!/usr/bin/env node
// acp-drive [--cwd DIR] [--prompt TEXT] [--auth METHOD] [--fs] [--terminal] [--deny] [--cancel-after MS] [--timeout MS] [-v] -- command args...
import { parseArgs } from "node:util";
import { driveAcp } from "./drive.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cwd: { type: "string" },
    prompt: { type: "string" },
    auth: { type: "string" },
    fs: { type: "boolean" },
    terminal: { type: "boolean" },
    deny: { type: "boolean" },
    "cancel-after": { type: "string" },
    timeout: { type: "string" },
    verbose: { type: "boolean", short: "v" },
  },
});

const [command, ...args] = positionals;
if (command === undefined) {
  console.error("usage: acp-drive [options] -- command args...");
  process.exit(2);
}
const report = await driveAcp({
  command,
  args,
  cwd: values.cwd,
  prompt: values.prompt,
  authMethod: values.auth,
  fs: values.fs,
  terminal: values.terminal,
  deny: values.deny,
  cancelAfterMs: values["cancel-after"] && Number(values["cancel-after"]),
  timeoutMs: values.timeout && Number(values.timeout),
  trace: values.verbose ? (direction, line) => console.error(direction, line.slice(0, 600)) : undefined,
});
console.log(JSON.stringify(report, null, 1));
process.exitCode = report.error ? 1 : 0;
