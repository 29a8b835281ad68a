#!/usr/bin/env node
// mock-llm [--script FILE] [--port N] [--host H] [--log FILE] [--delay MS] [--chunk N]
// Prints {"url","port"} and serves until it is told to stop. `${NAME}` in a script file is taken from the environment.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startMockLlm } from "./server.js";

const string = { type: "string" };
const { values } = parseArgs({ options: { script: string, port: string, host: string, log: string, delay: string, chunk: string } });

function readScript(file) {
  const escaped = (name) => JSON.stringify(process.env[name] ?? "").slice(1, -1);
  return JSON.parse(readFileSync(file, "utf8").replace(/\$\{(\w+)\}/g, (_, name) => escaped(name)));
}

const mock = await startMockLlm({
  ...(values.script && { script: readScript(values.script) }),
  ...(values.port && { port: Number(values.port) }),
  ...(values.host && { host: values.host }),
  ...(values.log && { log: values.log }),
  ...(values.delay && { delayMs: Number(values.delay) }),
  ...(values.chunk && { chunkChars: Number(values.chunk) }),
});
console.log(JSON.stringify({ url: mock.url, port: mock.port }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => mock.close());
