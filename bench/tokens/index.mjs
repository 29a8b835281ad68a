// `npm run bench -- tokens`: tokens of the same three tasks as MCP definitions and calls, as shell commands, and as code mode. All calls
// run in a VM; the conversation is what a client of a model's Messages API sends. Writes docs/host-tools-tokens.md.
import { writeFileSync } from "node:fs";
import { AgentOs } from "agentos";
import common from "@agentos/common";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { listTools } from "./mcp.mjs";
import { tasks } from "./tasks.mjs";
import { commented, toolkits } from "./toolkits.mjs";

const tokens = (value) => encode(typeof value === "string" ? value : JSON.stringify(value)).length;

/** The one tool that an agent has anyway. */
const BASH = {
  name: "bash",
  description: "Run a command in bash and get its output.",
  input_schema: { type: "object", properties: { command: { type: "string", description: "The command" } }, required: ["command"] },
};

/** What the agent is told of its tools, as the VM writes it; in code mode also the declarations that it imports from. */
async function instructions(vm, way) {
  if (way === "mcp") return "";
  const list = (await must(vm, "agentos list")).trim();
  if (way === "shell") return `These shell commands call tools of the host:\n${list}\n\`COMMAND TOOL --help\` shows the options of one.`;
  return `The modules agentos:NAME have tools of the host:\n${list}\nTheir types are in /usr/lib/agentos/tools/NAME.d.ts. Write one script that does it all and prints only what is asked.`;
}

async function must(vm, line) {
  const { exitCode, stdout, stderr } = await vm.exec(line);
  if (exitCode !== 0) throw new Error(`${line}: ${stderr}`);
  return stdout;
}

/** What the model would look up before its first call: the help of a command, the declarations of a module. */
const lookUp = {
  mcp: () => [],
  shell: (task) => [...new Set(task.shell.join(" ").match(/agentos-[a-z]+ [a-z-]+/g))].map((command) => `${command} --help`),
  code: (task) => [...new Set(task.code.join(" ").match(/agentos:[a-z]+/g))].map((module) => `cat /usr/lib/agentos/tools/${module.slice(8)}.d.ts`),
};

/** Runs a task in one way; answers what each request of the conversation holds. */
async function converse(vm, client, task, way, informed) {
  const tools = way === "mcp" ? client.tools : [BASH];
  const system = await instructions(vm, way);
  const head = tokens(tools) + tokens(system) + tokens({ role: "user", content: task.question });
  const looks = informed ? lookUp[way](task).map((line) => [{ name: "bash", input: { command: line } }]) : [];
  const turns = way === "mcp" ? task.mcp : task[way].map((command) => [{ name: "bash", input: { command } }]);
  const run = ({ name, input }) => (way === "mcp" ? client.call(name, input) : must(vm, input.command));
  let [context, sent, output] = [head, head, 0];
  for (const calls of [...looks, ...turns]) {
    const said = { role: "assistant", content: calls.map((call, i) => ({ type: "tool_use", id: `call_${i}`, ...call })) };
    const results = [];
    for (const [i, call] of calls.entries()) results.push({ type: "tool_result", tool_use_id: `call_${i}`, content: await run(call) });
    output += tokens(said);
    context += tokens(said) + tokens({ role: "user", content: results });
    // Each turn sends all that came before once more.
    sent += context;
  }
  output += tokens(task.answer);
  const did = commented.splice(0).join();
  if (did !== (task.commented ?? []).join()) throw new Error(`${task.name}, ${way}: commented on ${did}`);
  return { definitions: tokens(tools) + tokens(system), context: context + tokens(task.answer), sent: sent + output, output, requests: looks.length + turns.length + 1 };
}

const WAYS = { mcp: "MCP", shell: "shell", code: "code mode" };

export async function tokenBenchmark() {
  const vm = await AgentOs.create({ software: [common], toolkits });
  try {
    const client = await listTools(vm);
    const rows = [];
    for (const task of tasks) {
      for (const way of Object.keys(WAYS)) {
        for (const informed of way === "mcp" ? [true] : [true, false]) rows.push({ task: task.name, way, informed, ...(await converse(vm, client, task, way, informed)) });
      }
    }
    const count = toolkits.reduce((sum, { tools }) => sum + tools.length, 0);
    writeFileSync(new URL("../../docs/host-tools-tokens.md", import.meta.url), page(rows, count));
    return { unit: "tokens", tokenizer: "o200k_base", tools: count, rows };
  } finally {
    await vm.dispose();
  }
}

function page(rows, count) {
  const lines = rows.map((row) => {
    const mcp = rows.find(({ task, way }) => task === row.task && way === "mcp");
    const less = (of) => `${Math.round(100 * (1 - row[of] / mcp[of]))} %`;
    const name = row.way === "mcp" ? WAYS.mcp : `${WAYS[row.way]}, ${row.informed ? "after looking it up" : "at once"}`;
    const cells = [row.task, name, row.requests, row.definitions, row.context, row.sent, row.way === "mcp" ? "" : less("context"), row.way === "mcp" ? "" : less("sent")];
    return `| ${cells.join(" | ")} |`;
  });
  const total = (way, informed, of) => rows.filter((row) => row.way === way && row.informed === informed).reduce((sum, row) => sum + row[of], 0);
  const sums = [["mcp", true], ["shell", true], ["shell", false], ["code", true], ["code", false]].map(([way, informed]) => {
    const [context, sent] = ["context", "sent"].map((of) => total(way, informed, of));
    const less = (of) => (way === "mcp" ? "" : `${Math.round(100 * (1 - total(way, informed, of) / total("mcp", true, of)))} %`);
    return `| all three | ${WAYS[way]}${way === "mcp" ? "" : informed ? ", after looking it up" : ", at once"} | | | ${context} | ${sent} | ${less("context")} | ${less("sent")} |`;
  });
  return `# Tokens of host tools

Written by \`npm run bench -- tokens\`. Three tasks with ${count} tools, done in three ways: the tools' definitions and calls of the Model Context Protocol, shell
commands, and code mode (a script in the VM that imports the tools). What the model says and calls is recorded in \`bench/tokens/tasks.mjs\`; what the tools answer
comes from running the calls in a VM. Counted with gpt-tokenizer's o200k_base over the JSON of the messages.

- *After looking it up*: the model first reads the commands' \`--help\`, or the module's declarations. *At once*: it knows them already, from an earlier task or its
  instructions.
- *Definitions*: tools and instructions, which every request carries. *Context*: the conversation at its end. *Sent*: the sum over all requests, each of which
  sends what came before once more, and the output; what a provider bills without a cache.

| task | way | requests | definitions | context | sent | context saved | sent saved |
|---|---|---:|---:|---:|---:|---:|---:|
${[...lines, ...sums].join("\n")}

Most of what is saved is the definitions, so it grows with the number of tools and shrinks without many of them; answers that stay in a pipe or a script are the
rest. The transcripts are written by hand: a model that errs, or that reads more than it needs, spends more in each of the ways.
`;
}
