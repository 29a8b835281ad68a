// Evaluates the part of the Node layer that programs usually need, after 99_boot.js has set up, so that the snapshot holds it.
//
// Static imports, not core.createLazyLoader(x)(): that way does not mark x as consumed, and the snapshot would drop the source of
// functions that compile later. The snapshot tool fails when one is missing here.
import { internals } from "ext:core/mod.js";
import "ext:deno_node/_fs/_fs_copy.ts";
import "ext:deno_node/_fs/_fs_dir.ts";
import "ext:deno_node/_fs/_fs_exists.ts";
import "ext:deno_node/_fs/_fs_glob.ts";
import "ext:deno_node/_fs/_fs_lutimes.ts";
import "ext:deno_node/_fs/_fs_read.ts";
import "ext:deno_node/_fs/_fs_readdir.ts";
import "ext:deno_node/internal/fs/promises.ts";
import "ext:deno_node/internal/fs/stat_utils.ts";
import "ext:deno_node/internal/fs/streams.mjs";
import "ext:deno_node/internal/streams/fast-utf8-stream.js";
import "ext:deno_web/locks.js";
import "node:process"; // before anything that closes over it
import Module from "node:module"; // sets globalThis.nodeBootstrap
import "node:async_hooks";
import "node:fs";
import "node:fs/promises";
import "node:path";
import "node:events";
import "node:stream";
import "node:stream/promises";
import "node:util";
import "node:url";
import "node:buffer";
import "node:timers";
import "node:timers/promises";
import "node:os";
import "node:assert";
import "node:string_decoder";
import "node:readline";
import "node:tty";
import "node:child_process";

internals.nodeBootstrap = globalThis.nodeBootstrap;
internals.Module = Module;
delete globalThis.nodeBootstrap;
