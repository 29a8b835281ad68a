// `npm run bench [-- NAME...]`: prints one JSON object per benchmark. Each has the raw samples' quantiles, n, the machine, and the
// rival measured in the same run where there is one. Nothing here is asserted: numbers are reported, not tested.
import { cpus, totalmem, release } from "node:os";
import { benchmarks } from "./benchmarks.mjs";
import { neighbours } from "./neighbours.mjs";
import { tools } from "./tools.mjs";
import { userland } from "./userland.mjs";

const wanted = process.argv.slice(2);
const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), kernel: release(), node: process.version };

for (const [name, run] of Object.entries({ ...benchmarks, ...userland, ...tools, ...neighbours })) {
  if (wanted.length > 0 && !wanted.some((w) => name.includes(w))) continue;
  const result = await run();
  console.log(JSON.stringify({ benchmark: name, ...result, machine, date: new Date().toISOString() }));
}
