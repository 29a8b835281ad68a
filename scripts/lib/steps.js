// Runs steps one after the other and says which of how many it is at.
import { fingerprint, isFresh, setFresh } from "./stamp.js";

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {() => unknown} run
 * @property {() => string[]} [inputs] paths that the result depends on; a step without them runs every time
 * @property {() => string[]} [texts] further things that it depends on
 * @property {string[]} [outputs] absolute paths that it makes
 * @property {() => boolean} [needed] false when the step has nothing to do in this tree
 */

/** @param {Step[]} steps */
export async function runSteps(steps) {
  const wanted = steps.filter((step) => step.needed?.() ?? true);
  for (const [index, step] of wanted.entries()) await runStep(step, `[${index + 1}/${wanted.length}]`);
}

async function runStep(step, position) {
  const inputs = step.inputs && fingerprint(step.inputs(), step.texts?.());
  if (inputs !== undefined && isFresh(step.name, inputs, step.outputs ?? [])) {
    console.log(`${position} ${step.name}: up to date`);
    return;
  }
  console.log(`${position} ${step.name}`);
  const started = Date.now();
  await step.run();
  if (inputs !== undefined) setFresh(step.name, inputs);
  console.log(`${position} ${step.name}: done in ${formatDuration(Date.now() - started)}`);
}

export function formatDuration(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Runs a script's main function; a failure is one line, for what failed has already said why. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    console.error(`\n${error.name === "Error" || error.constructor.name === "CommandError" ? error.message : error.stack}`);
    process.exitCode = 1;
  }
}
