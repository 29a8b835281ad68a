// Classic script. deno_core loads every module of every extension first, then classic scripts, then entry points. Loading already
// runs the scripts behind the synthetic modules (node:util, node:url, node:zlib, node:worker_threads): those see no build info and
// no Deno yet, so they only keep a reference to the object `internals.Deno`, which 99_boot.js fills.
((global) => {
  const { core, internals } = global.__bootstrap;
  core.setBuildInfo("x86_64-unknown-linux-gnu");
  internals.Deno ??= {};
})(globalThis);
