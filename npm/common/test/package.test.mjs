// The manifest is what its inputs say, and each module is one that the kernel can run.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import common from "../index.js";
import { wasmImports } from "./wasm-imports.js";

const packageDir = fileURLToPath(new URL("..", import.meta.url));
const read = (name) => readFileSync(join(packageDir, name), "utf8");
const modules = common.files.filter((file) => file.source.endsWith(".wasm"));

test("manifest.json and SHA256SUMS are up to date", () => {
  execFileSync(process.execPath, [join(packageDir, "build/manifest.js"), "--check"], { stdio: "pipe" });
});

test("every module has its source and licence recorded", () => {
  const recorded = JSON.parse(read("SOURCES.lock")).recipes.flatMap((recipe) => recipe.modules).sort();
  assert.deepEqual(modules.map((file) => file.source.slice("bin/".length, -".wasm".length)).sort(), recorded);
});

test("every source package has its copyright file", () => {
  const { recipes, libraries } = JSON.parse(read("SOURCES.lock"));
  const binaryName = { "make-dfsg": "make", libzstd: "zstd", xxd: "vim" };
  for (const { source } of [...recipes, ...libraries]) {
    const names = [source, binaryName[source], source.replace(/^lib/, "")].filter((name) => name !== undefined);
    assert.ok(names.some((name) => existsSync(join(packageDir, "LICENSES", `${name}.copyright`))), source);
  }
});

test("modules import nothing but the kernel's entry points", () => {
  const calls = readFileSync(join(packageDir, "../../docs/syscalls.md"), "utf8").matchAll(/^\| \d+ \| `(\w+)`/gm);
  const allowed = new Set(["linux.syscall", "linux.fork", "linux.sigpop", ...[...calls].map(([, name]) => `linux.${name}`)]);
  for (const { source } of modules) {
    const others = wasmImports(readFileSync(join(packageDir, source))).filter((name) => !allowed.has(name));
    assert.deepEqual(others, [], source);
  }
});

test("no two entries claim one path, and links lead to files of the package", () => {
  const files = common.files.map((file) => file.path);
  const paths = [...files, ...[common.links, common.symlinks].flat().map((entry) => entry.path)];
  assert.deepEqual(paths, [...new Set(paths)]);
  for (const link of common.links) assert.ok(files.includes(link.to), link.path);
});

test("scripts start with an interpreter the package has", () => {
  for (const { path, source } of common.files.filter((file) => file.path.startsWith("/usr/bin/") && !file.source.endsWith(".wasm"))) {
    assert.match(read(source).split("\n", 1)[0], /^#! ?\/bin\/(sh|bash)$/, path);
  }
});
