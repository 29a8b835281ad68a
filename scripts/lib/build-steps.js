// The steps from a fresh clone to something that runs.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { installAddon } from "./addon.js";
import { cargoBuild, releaseFile } from "./cargo.js";
import { addon, modules, root, snapshot } from "./paths.js";
import { capture, CommandError, run } from "./run.js";
import { checkSystem } from "./system.js";

const RUST_SOURCES = ["Cargo.toml", "Cargo.lock", "build.rs", ".cargo", "rust-toolchain.toml", "src", "crates", "third_party/v8/SHA256SUMS"];
const rustVersion = () => [capture("rustc", ["--version", "--verbose"]) ?? ""];
const has = (path) => existsSync(join(root, path));

/** @type {import("./steps.js").Step[]} */
export const buildSteps = [
  { name: "check the system", run: checkSystem },
  { name: "check the V8 archive", run: checkV8Archive, inputs: () => ["third_party/v8"] },
  { name: "install npm packages", run: () => run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]), needed: needsNpmInstall },
  {
    name: "build the V8 snapshot",
    run: buildSnapshot,
    inputs: () => RUST_SOURCES,
    texts: rustVersion,
    outputs: [snapshot],
    needed: () => has("crates/rt-v8/src/bin/snapshot.rs"),
  },
  { name: "build the addon", run: buildAddon, inputs: () => RUST_SOURCES, texts: rustVersion, outputs: [addon] },
  {
    name: "compile the WebAssembly programs",
    run: compileModules,
    inputs: () => ["Cargo.lock", "crates/rt-wasm", "npm/common/bin", "npm/git/bin"],
    texts: rustVersion,
    outputs: [modules],
    needed: () => has("crates/rt-wasm/src/bin/precompile.rs"),
  },
  {
    name: "build the TypeScript layer",
    run: () => run("npx", ["--no-install", "tsc", "-p", "tsconfig.json"]),
    inputs: () => ["tsconfig.json", "ts", "index.d.ts", "package-lock.json"],
    outputs: [join(root, "dist")],
    needed: () => has("tsconfig.json") && has("ts"),
  },
  {
    name: "bundle Pi",
    run: () => run("npm", ["run", "--silent", "build", "--workspace", "@agentos/pi"]),
    inputs: () => ["npm/pi/package.json", "npm/pi/build", "npm/pi/src", "package-lock.json"],
    outputs: [join(root, "npm/pi/dist/dist/acp.js")],
  },
];

function checkV8Archive() {
  const directory = join(root, "third_party/v8");
  for (const line of readFileSync(join(directory, "SHA256SUMS"), "utf8").trim().split("\n")) {
    const [expected, name] = line.split(/\s+/);
    const actual = createHash("sha256").update(readFileSync(join(directory, name))).digest("hex");
    if (actual !== expected) throw new CommandError(`third_party/v8/${name}: sha256 is ${actual}, SHA256SUMS says ${expected}`);
  }
}

/** npm writes a lock file of its own into node_modules; one older than ours means that the packages are. */
function needsNpmInstall() {
  const installed = statSync(join(root, "node_modules/.package-lock.json"), { throwIfNoEntry: false });
  return installed === undefined || installed.mtimeMs < statSync(join(root, "package-lock.json")).mtimeMs;
}

// Each cargo call selects the addon's package too, whatever it builds: cargo unites the features of dependencies over
// the selected packages, and another selection would compile most crates a second time.

async function buildSnapshot() {
  await cargoBuild(["-p", "agentos-node", "-p", "agentos-rt-v8", "--bin", "snapshot"]);
  mkdirSync(dirname(snapshot), { recursive: true });
  run(releaseFile("snapshot"), [snapshot]);
}

async function buildAddon() {
  await cargoBuild(["-p", "agentos-node"]);
  installAddon();
}

async function compileModules() {
  await cargoBuild(["-p", "agentos-node", "-p", "agentos-rt-wasm", "--bin", "precompile"]);
  mkdirSync(modules, { recursive: true });
  const sources = ["npm/common/bin", "npm/git/bin"].map((path) => join(root, path));
  run(releaseFile("precompile"), [modules, ...sources]);
}
