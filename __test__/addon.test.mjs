// The addon as a file: what it takes from the process it is loaded into, and that it may stay there.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readElf } from "./support/elf.mjs";

const elf = readElf(readFileSync(new URL("../agentos.linux-x64-gnu.node", import.meta.url)));
const names = (wanted) => elf.symbols.filter(wanted).map(({ name }) => name);

/** Names that Node exports too: a copy of ours that bound to them would run Node's code on our data. */
const OF_NODE = /^(deflate|inflate|crc32|adler32|compress|uncompress|Brotli|nghttp[23]_|uv_|ares_|SSL_|EVP_|CRYPTO_|_ZNK?2v8|_ZN4node|cppgc|llhttp_|sqlite3_)/;

test("no zlib, brotli, nghttp2, uv, OpenSSL or V8 symbol is taken from Node", () => {
  assert.ok(elf.symbols.length > 50, "the symbol table is read");
  assert.deepEqual(names(({ name, defined }) => !defined && OF_NODE.test(name)), []);
});

test("only Node-API is taken from Node; everything else is a versioned symbol of the C library", () => {
  const others = ({ name, defined, weak, versioned }) => !defined && !weak && !versioned && !/^(napi|node_api)_/.test(name);
  assert.deepEqual(names(others), []);
});

test("only libraries that every glibc system has are needed", () => {
  const everywhere = new Set(["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2"]);
  assert.deepEqual(elf.needed.filter((name) => !everywhere.has(name)), []);
});

test("its symbols are bound to itself, and it is never unloaded", () => {
  assert.equal(elf.symbolic, true, "-Bsymbolic");
  assert.equal(elf.noDelete, true, "-z nodelete");
});

// rustc exports the C interface of the brotli crate whatever the linker is told. Node loads addons RTLD_LOCAL, so nobody finds it.
const EXPORTED_BY_RUSTC = /^Brotli/;

test("nothing else that Node has under the same name is offered to others", () => {
  assert.deepEqual(names(({ name, defined }) => defined && OF_NODE.test(name) && !EXPORTED_BY_RUSTC.test(name)), []);
});
