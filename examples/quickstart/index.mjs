// Boots a VM, runs a shell pipeline in it, lets an agent write a program, and runs that program.
import { AgentOs } from "agentos";
import common from "@agentos/common";
import pi from "@agentos/pi";
import { modelService } from "./model-service.mjs";
import { printEvent } from "./print-event.mjs";

const model = await modelService();
const vm = await AgentOs.create({
  software: [common, pi],
  permissions: { network: { default: "deny", rules: [{ mode: "allow", patterns: [model.address] }] } },
});

try {
  const line = "echo hello | tr a-z A-Z && ls -la /home/user && uname -a";
  console.log(`$ ${line}`);
  const shell = await vm.exec(line);
  process.stdout.write(shell.stdout);
  if (shell.exitCode !== 0) throw new Error(`exit status ${shell.exitCode}: ${shell.stderr}`);

  const session = await vm.createSession("pi", { env: model.env });
  session.on("event", printEvent);
  const answer = await session.prompt("Write a hello world script to /home/user/hello.js");
  console.log(`\nThe agent stopped (${answer.stopReason}) and said: ${answer.text}`);

  console.log("\n$ cat /home/user/hello.js");
  process.stdout.write(await vm.readFile("/home/user/hello.js", "utf8"));

  console.log("\n$ node /home/user/hello.js");
  const hello = await vm.exec("node /home/user/hello.js");
  process.stdout.write(hello.stdout);
  if (hello.exitCode !== 0) throw new Error(`exit status ${hello.exitCode}: ${hello.stderr}`);
} finally {
  await vm.dispose();
  await model.close();
}
