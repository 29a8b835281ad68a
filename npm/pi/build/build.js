// Builds dist/: the Pi package in the layout it is published in, with its modules and ours bundled.
//
//   dist/package.json, README.md, docs/, ...   Pi's own files, which it reads at run time
//   dist/dist/cli.js                           Pi's command line
//   dist/dist/acp.js                           our protocol adapter over Pi's SDK
//   dist/THIRD_PARTY_LICENSES                  of everything bundled
//   dist/dist/chunks/                          what one of them loads later, such as a provider's SDK
import { chmodSync, cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { licenceTexts } from "./licences.js";
import { piDir, piPlugin } from "./plugin.js";

const packageDir = fileURLToPath(new URL("..", import.meta.url));
const finalDir = join(packageDir, "dist");
const outDir = `${finalDir}.new`;
const PHOTON = "@silvia-odwyer/photon-node";

/** CommonJS dependencies in an ES module bundle still call `require` for Node's own modules. */
const banner = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);`;

function bundle(name, entry, options) {
  return build({
    entryPoints: { [name]: entry },
    outdir: join(outDir, "dist"),
    chunkNames: `chunks/${name}-[name]-[hash]`,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: banner },
    legalComments: "none", // Their place is THIRD_PARTY_LICENSES.
    metafile: true,
    // Native or optional: Pi looks for each in a try block and goes on without it.
    external: ["@mariozechner/clipboard", "koffi", "@opentelemetry/api", PHOTON],
    plugins: [piPlugin(options)],
    logLevel: "error",
  });
}

function copyAssets() {
  for (const name of ["package.json", "README.md", "CHANGELOG.md", "docs", "examples"]) copyFromPi(name);
  copyFromPi("dist/modes/interactive/theme", (path) => !/\.(js|ts|map)$/.test(path));
  copyFromPi("dist/modes/interactive/assets", () => true);
  copyFromPi("dist/core/export-html", (path) => !/export-html\/[^/]*\.(d\.ts|map)$/.test(path));
  // Reads images for the model; WebAssembly beside its JavaScript, found through node_modules.
  const photon = dirname(fileURLToPath(import.meta.resolve(PHOTON)));
  cpSync(photon, join(outDir, "node_modules", PHOTON), { recursive: true });
}

function copyFromPi(name, filter = () => true) {
  cpSync(join(piDir, name), join(outDir, name), { recursive: true, filter });
}

rmSync(outDir, { recursive: true, force: true });
mkdirSync(outDir, { recursive: true });
copyAssets();
const bundles = await Promise.all([
  bundle("acp", join(packageDir, "src/acp.js"), { terminal: false }),
  bundle("cli", join(piDir, "dist/cli.js"), { terminal: true }),
]);
for (const name of ["acp", "cli"]) chmodSync(join(outDir, "dist", `${name}.js`), 0o755);

const inputs = bundles.flatMap(({ metafile }) => Object.keys(metafile.inputs)).map((input) => resolve(input));
writeFileSync(join(outDir, "THIRD_PARTY_LICENSES"), licenceTexts(inputs));
rmSync(finalDir, { recursive: true, force: true });
renameSync(outDir, finalDir);
