#!/usr/bin/node
// Entry of `pi-acp`: Pi as an agent that speaks the Agent Client Protocol on its standard input and output.
import { Agent } from "./agent.js";
import { Connection } from "./connection.js";

process.title = "pi-acp";
process.env.PI_CODING_AGENT ??= "true";

// Standard output belongs to the protocol: whatever else wants to print goes to standard error.
const writeProtocol = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
for (const method of ["log", "info", "debug"]) console[method] = console.error;

const agent = new Agent();
const connection = new Connection((line) => writeProtocol(line), agent.methods);
agent.connect(connection);

async function end(code) {
  connection.close();
  await agent.closeAll();
  process.exit(code);
}

process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => connection.receive(chunk));
process.stdin.on("end", () => end(0));
process.on("SIGTERM", () => end(143));
process.on("SIGINT", () => end(130));
