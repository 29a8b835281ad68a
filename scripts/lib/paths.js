// Where things are. Everything a build makes is outside version control: dist/, .cache/, *.node, and cargo's target directory.
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** What earlier steps were made from; see stamp.js. */
export const stampFile = join(root, ".cache", "stamps.json");

/** The V8 start-up snapshot. */
export const snapshot = join(root, "dist", "v8-snapshot.bin");

/** Compiled WebAssembly modules. */
export const modules = join(root, "dist", "modules");

/** The addon, under the name that napi-rs gives it on this platform. */
export const addon = join(root, "agentos.linux-x64-gnu.node");

/**
 * Shared by all checkouts of a user, so that a second clone does not compile V8's and wasmtime's crates again.
 * A CARGO_TARGET_DIR of the user's own wins.
 */
export const cacheDir = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "agentos");
export const cargoTargetDir = process.env.CARGO_TARGET_DIR ?? join(cacheDir, "target");
