// A human approves what programs want to do. Answers: o(nce), a(lways), anything else is no. `--auto` approves everything.
import { AgentOs } from "agentos";
import common from "@agentos/common";
import { createInterface } from "node:readline/promises";

const auto = process.argv.includes("--auto");
const vm = await AgentOs.create({
  software: [common],
  permissions: {
    fs: {
      rules: [
        { mode: "deny", paths: ["/home/user/keys"] },
        { mode: "ask", operations: ["delete"], paths: ["/home/user"] },
      ],
    },
    process: { rules: [{ mode: "ask", patterns: ["tar"] }] },
  },
  autoApprove: auto,
});

/** One question at a time; the programs that asked the others wait meanwhile. */
const terminal = auto ? undefined : createInterface({ input: process.stdin, output: process.stderr });
/** A line of the terminal; nothing at its end, which is a no. */
const lines = terminal?.[Symbol.asyncIterator]();
async function answerTo(question) {
  process.stderr.write(question);
  return (await lines.next()).value ?? "";
}
let last = Promise.resolve();
vm.on("permissionRequest", (request) => {
  last = last.then(async () => {
    const who = `${request.argv.join(" ")} (process ${request.pid})`;
    const answer = auto ? "o" : await answerTo(`${who} wants to ${request.operation} ${request.object}. Let it? [o/a/N] `);
    const reply = { o: "once", y: "once", a: "always" }[answer.trim().toLowerCase()[0]] ?? "reject";
    // Its time may be over, or the program may have ended while the question stood.
    if (vm.permissionRequests().some(({ id }) => id === request.id)) vm.respondPermission(request.id, reply);
  });
});

try {
  await vm.writeFile("/home/user/keys/id", "not for programs\n");
  await vm.writeFile("/home/user/notes.txt", "draft\n");
  for (const line of ["cat notes.txt", "cat keys/id", "tar cf notes.tar notes.txt && tar tf notes.tar", "rm notes.txt && echo removed"]) {
    console.log(`$ ${line}`);
    const { stdout, stderr, exitCode } = await vm.exec(line);
    process.stdout.write(stdout + stderr);
    if (exitCode !== 0) console.log(`exit status ${exitCode}`);
  }
  console.log("\nWhat was decided:");
  for (const { operation, object, allowed, reply, why } of vm.audit()) {
    console.log(`  ${allowed ? "let" : "no "}  ${operation} ${object}  (${reply ?? (why || "a rule")})`);
  }
} finally {
  terminal?.close();
  await vm.dispose();
}
