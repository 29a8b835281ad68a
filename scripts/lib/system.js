// What a build needs from the system. Everything else comes from npm, from crates.io, or is in this repository.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.js";
import { capture, CommandError, run } from "./run.js";

const MINIMUM_NODE = 20;

/** Debian packages, and how to see that each is there. */
const PACKAGES = [
  { name: "build-essential", found: () => ["cc", "c++", "make", "strip"].every(hasCommand) },
  { name: "cmake", found: () => hasCommand("cmake") },
  { name: "libclang-dev", found: hasLibclang },
];

/** Checks the system; installs Debian packages that are missing when it may, else stops with the command to type. */
export function checkSystem() {
  checkPlatform();
  checkNode();
  checkRust();
  const missing = PACKAGES.filter(({ found }) => !found()).map(({ name }) => name);
  if (missing.length > 0) install(missing);
}

function checkPlatform() {
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== "linux-x64") throw new CommandError(`agentOS builds on linux-x64; this is ${platform}`);
}

function checkNode() {
  if (Number(process.versions.node.split(".")[0]) < MINIMUM_NODE) {
    throw new CommandError(`Node.js ${MINIMUM_NODE} or newer is needed; this is ${process.version}`);
  }
}

function checkRust() {
  const minimum = readFileSync(join(root, "Cargo.toml"), "utf8").match(/^rust-version = "([\d.]+)"/m)[1];
  const version = capture("rustc", ["--version"])?.match(/[\d.]+/)[0];
  if (version === undefined || !hasCommand("cargo") || compareVersions(version, minimum) < 0) {
    const found = version === undefined ? "none was found" : `this is ${version}`;
    throw new CommandError(`Rust ${minimum} or newer is needed, ${found}: see https://rustup.rs`);
  }
}

function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < 3; i++) if ((left[i] ?? 0) !== (right[i] ?? 0)) return (left[i] ?? 0) - (right[i] ?? 0);
  return 0;
}

function install(packages) {
  const command = `apt-get install -y ${packages.join(" ")}`;
  const prefix = process.getuid() === 0 ? [] : ["sudo", "-n"];
  const mayInstall = hasCommand("apt-get") && (prefix.length === 0 || capture("sudo", ["-n", "true"]) !== undefined);
  if (!mayInstall) throw new CommandError(`System packages are missing. Type:\n\n    sudo ${command}\n`);
  console.log(`Installing ${packages.join(", ")}`);
  const apt = (...args) => {
    const [program, ...rest] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args];
    run(program, rest);
  };
  apt("update");
  apt("install", "-y", "--no-install-recommends", ...packages);
}

function hasCommand(name) {
  return (process.env.PATH ?? "").split(":").some((directory) => directory !== "" && existsSync(join(directory, name)));
}

/** bindgen loads libclang at run time, from LIBCLANG_PATH or from where Debian puts it. */
function hasLibclang() {
  if (process.env.LIBCLANG_PATH) return true;
  const llvm = existsSync("/usr/lib") ? readdirSync("/usr/lib").filter((name) => name.startsWith("llvm-")) : [];
  const directories = ["/usr/lib/x86_64-linux-gnu", "/usr/lib", ...llvm.map((name) => `/usr/lib/${name}/lib`)];
  return directories.some((directory) => existsSync(directory) && readdirSync(directory).some(isLibclang));
}

function isLibclang(name) {
  return /^libclang(-[\d.]+)?\.so(\.|$)/.test(name);
}
