// npm run build
import { buildSteps } from "./lib/build-steps.js";
import { main, runSteps } from "./lib/steps.js";

await main(() => runSteps(buildSteps));
