// npm start: from a fresh clone to the quickstart example.
import { buildSteps } from "./lib/build-steps.js";
import { run } from "./lib/run.js";
import { main, runSteps } from "./lib/steps.js";

const quickstart = { name: "run examples/quickstart", run: () => run(process.execPath, ["examples/quickstart/index.mjs"]) };

await main(() => runSteps([...buildSteps, quickstart]));
