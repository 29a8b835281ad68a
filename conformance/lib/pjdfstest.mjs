// pjdfstest: its recorded system calls, replayed on tmpfs and on an overlay by a test of crates/fs-overlay.
//
// The scripts need root, device nodes and other users' ids in one process after another, which no program of a VM may
// have; the replay stands where the kernel's system calls stand.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cargo } from "../../scripts/lib/cargo.js";

const TEST = ["test", "--release", "--locked", "-p", "agentos-fs-overlay", "--test", "pjdfstest", "--", "--nocapture"];

/** Ids of the scripts that pass and that fail on one of the file systems, or null where the suite is absent. */
export async function runPjdfstest(folder) {
  const path = join(folder, "pjdfstest");
  if (!existsSync(path)) return null;
  const ids = readdirSync(path).filter((name) => /\.jsonl(\.gz)?$/.test(name)).flatMap((name) => idsOf(join(path, name)));
  let output = "";
  const status = await cargo(TEST, (text) => (output += text));
  const failed = new Set([...output.matchAll(/^"([a-z_]+\/\d+)" step \d+:/gm)].map(([, id]) => id));
  if (status !== 0 && failed.size === 0) throw new Error(`cargo ${TEST.join(" ")} ended with ${status}\n${output.slice(-2000)}`);
  return { passed: ids.filter((id) => !failed.has(id)), failed: ids.filter((id) => failed.has(id)) };
}

function idsOf(file) {
  const raw = readFileSync(file);
  return (file.endsWith(".gz") ? gunzipSync(raw) : raw).toString().split("\n").filter(Boolean).map((line) => JSON.parse(line).id);
}
