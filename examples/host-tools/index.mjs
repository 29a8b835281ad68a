// Host tools three ways: a shell script, JavaScript of the VM, and an agent call functions of this process. Without ANTHROPIC_API_KEY
// a scripted model on this machine answers the agent.
import { AgentOs } from "agentos";
import common from "@agentos/common";
import pi from "@agentos/pi";
import { modelService } from "./model-service.mjs";
import { project, weather } from "./toolkits.mjs";

const model = await modelService();
const vm = await AgentOs.create({
  software: [common, pi],
  toolkits: [project, weather],
  permissions: { network: { default: "deny", rules: [{ mode: "allow", patterns: [model.address] }] } },
});

async function run(title, line) {
  console.log(`\n# ${title}\n$ ${line.replaceAll("\n", "\n> ")}`);
  const { exitCode, stdout, stderr } = await vm.exec(line);
  process.stdout.write(stdout + stderr);
  if (exitCode !== 0) throw new Error(`exit status ${exitCode}`);
  return stdout;
}

function expect(output, ...parts) {
  for (const part of parts) if (!output.includes(part)) throw new Error(`${JSON.stringify(part)} is missing`);
}

try {
  expect(await run("What there is", "agentos list"), "agentos-project", "agentos-weather");
  expect(await run("Help", "agentos-project list-issues --help"), "--status <open|closed|all>");

  const script = `agentos-project list-issues --status open | while IFS=: read -r id title; do
  agentos-project create-pr --title "Fix$title" --branch "fix-\${id#\\#}"
done
for city in London Oslo; do agentos-weather get --city "$city"; done
agentos-weather get --city Atlantis || echo "exit status $?"`;
  expect(await run("A shell script", script), "Created PR #42", '{"city":"Oslo","temperature":4}', "exit status 1");

  await vm.writeFile(
    "/home/user/warmest.mjs",
    `import weather from "agentos:weather";
const all = await Promise.all(["London", "Oslo", "Rome"].map((city) => weather.get({ city })));
const [warmest] = all.sort((a, b) => b.temperature - a.temperature);
console.log(\`\${warmest.city} is the warmest, with \${warmest.temperature} degrees\`);
`,
  );
  expect(await run("JavaScript of the VM", "node warmest.mjs"), "Rome is the warmest, with 27 degrees");

  console.log("\n# An agent");
  const calls = [];
  const session = await vm.createSession("pi", { env: model.env });
  session.on("event", ({ update }) => {
    if (update?.sessionUpdate === "tool_call") console.log(`tool call: ${update.title}`);
    if (update?.status === "completed" || update?.status === "failed") calls.push(update.status);
  });
  const answer = await session.prompt("Which issues are open, and how warm is it in London?");
  console.log(answer.text);
  if (answer.stopReason !== "end_turn") throw new Error(`the agent stopped: ${answer.stopReason}`);
  if (calls.length === 0 || calls.includes("failed")) throw new Error(`tool calls: ${calls.join(", ") || "none"}`);
  model.check(expect);
} finally {
  await vm.dispose();
  await model.close();
}
