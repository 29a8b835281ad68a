// Runs cargo and shows how far it is. The first build compiles some 650 crates and takes a while.
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDir, cargoTargetDir, root } from "./paths.js";
import { CommandError, run, stream } from "./run.js";
import { formatDuration } from "./steps.js";

const PROGRESS_INTERVAL_MS = 15_000;

/** How much of cargo's output is kept to be shown when it fails. */
const MAX_KEPT_CHARS = 200_000;

const environment = { CARGO_TARGET_DIR: cargoTargetDir, RUSTY_V8_ARCHIVE: process.env.RUSTY_V8_ARCHIVE ?? sharedArchive() };

/**
 * A copy of the V8 archive at a path that is the same for every checkout. Cargo builds the crate `v8`, and with it most others,
 * anew when this path changes.
 */
function sharedArchive() {
  const [sum, name] = readFileSync(join(root, "third_party/v8/SHA256SUMS"), "utf8").trim().split(/\s+/);
  const directory = join(cacheDir, "v8", sum.slice(0, 12));
  const copy = join(directory, name);
  if (!existsSync(copy)) {
    mkdirSync(directory, { recursive: true });
    copyFileSync(join(root, "third_party/v8", name), `${copy}.${process.pid}`);
    renameSync(`${copy}.${process.pid}`, copy);
  }
  return copy;
}

/**
 * Takes over the shared target directory from another checkout: cargo names the artifacts of both alike and judges them by
 * time, so it could take the other checkout's for ours. Only our own crates are built again.
 */
function claimTarget() {
  const owner = join(cargoTargetDir, "checkout");
  if (existsSync(owner) && readFileSync(owner, "utf8") === root) return;
  const fingerprints = join(cargoTargetDir, "release", ".fingerprint");
  const ours = existsSync(fingerprints) ? readdirSync(fingerprints).filter((name) => /^(agentos|xtask)/.test(name)) : [];
  for (const name of ours) rmSync(join(fingerprints, name), { recursive: true });
  mkdirSync(cargoTargetDir, { recursive: true });
  writeFileSync(owner, root);
}

/** Path of something that the release profile builds. */
export function releaseFile(name) {
  return join(cargoTargetDir, "release", name);
}

/** `cargo build --release` of the given selection. On a terminal cargo draws its own bar. */
export async function cargoBuild(args) {
  claimTarget();
  const command = ["build", "--release", "--locked", ...args];
  if (process.stderr.isTTY) {
    run("cargo", command, { env: { ...process.env, ...environment } });
    return;
  }
  const progress = new Progress();
  const timer = setInterval(() => progress.print(), PROGRESS_INTERVAL_MS);
  const bar = { CARGO_TERM_PROGRESS_WHEN: "always", CARGO_TERM_PROGRESS_WIDTH: "100", CARGO_TERM_COLOR: "never" };
  const status = await stream("cargo", command, { env: { ...environment, ...bar }, onOutput: (text) => progress.read(text) });
  clearInterval(timer);
  if (status !== 0) throw new CommandError(`${progress.messages()}\ncargo ${command.join(" ")}: exit status ${status}`);
}

/**
 * Runs a cargo command with its output shown, and gives the output to `onOutput` as well.
 * @returns {Promise<number>} exit status
 */
export function cargo(args, onOutput) {
  claimTarget();
  return stream("cargo", args, {
    env: environment,
    onOutput: (text, name) => {
      process[name].write(text);
      onOutput(text);
    },
  });
}

/** Reads cargo's bar, `Building [==>  ] 123/645: crate, crate`, and passes it on as a line now and then. */
class Progress {
  #kept = "";
  #bar;
  #printed;
  #started = Date.now();

  read(text) {
    const bars = [...text.matchAll(/Building \[[=> ]*\] (\d+)\/(\d+)(?:: ([^\r\n]*))?/g)];
    if (bars.length > 0) this.#bar = bars.at(-1);
    this.#kept = (this.#kept + text).slice(-MAX_KEPT_CHARS);
  }

  print() {
    if (this.#bar === undefined || this.#bar[0] === this.#printed) return;
    this.#printed = this.#bar[0];
    const [, done, total, crates = ""] = this.#bar;
    console.log(`      ${done} of ${total} crates, ${formatDuration(Date.now() - this.#started)}: ${crates.trim().slice(0, 60)}`);
  }

  /** What cargo said, without its bar and the list of crates. */
  messages() {
    const lines = this.#kept.replaceAll("\r", "\n").split("\n");
    return lines.filter((line) => !/^\s*(Compiling|Building|Downloaded|Downloading) /.test(line)).join("\n").trim();
  }
}
