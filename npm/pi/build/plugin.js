// Redirects of the bundler. Pi's own files go into the bundle as they are published; only what they
// import is redirected, and each redirect says why in its shim.
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const shims = fileURLToPath(new URL("./shims/", import.meta.url));
const adapter = fileURLToPath(new URL("../src/", import.meta.url));
const require = createRequire(import.meta.url);

/** Directory of the published Pi package. */
export const piDir = dirname(dirname(fileURLToPath(import.meta.resolve("@mariozechner/pi-coding-agent"))));

const tuiEntry = fileURLToPath(import.meta.resolve("@mariozechner/pi-tui"));
const jitiStatic = join(dirname(require.resolve("jiti/package.json")), "lib", "jiti-static.mjs");
const extensionLoader = join(piDir, "dist", "core", "extensions", "loader.js");
const loginFlow = /\/pi-ai\/dist\/utils\/oauth\/[^/]+\.js$/;

const shim = (name) => ({ path: join(shims, name) });

/** @param {{ terminal: boolean }} options whether the bundle draws on a terminal */
export function piPlugin({ terminal }) {
  return {
    name: "pi",
    setup(build) {
      build.onResolve({ filter: /^pi:/ }, ({ path }) => {
        if (path === "pi:jiti") return { path: jitiStatic };
        if (path === "pi:tui") return { path: tuiEntry };
        return { path: join(piDir, path.slice("pi:".length)) };
      });
      build.onResolve({ filter: /^jiti\/static$/ }, () => shim("jiti.js"));
      build.onResolve({ filter: /^undici$/ }, () => shim("undici.js"));
      build.onResolve({ filter: /\/config\.js$/ }, ({ importer }) =>
        importer === extensionLoader ? shim("extension-config.js") : undefined,
      );
      if (terminal) return;
      build.onResolve({ filter: /^@mariozechner\/pi-coding-agent$/ }, ({ importer }) =>
        importer.startsWith(adapter) ? shim("sdk.js") : undefined,
      );
      build.onResolve({ filter: /^node:http$/ }, ({ importer }) => (loginFlow.test(importer) ? shim("http.js") : undefined));
      build.onResolve({ filter: /^cli-highlight$/ }, () => shim("highlight.js"));
      build.onResolve({ filter: /^@mariozechner\/pi-tui$|\/index\.js$/ }, ({ importer, path }) =>
        importer === extensionLoader && !path.startsWith(`.${sep}`) ? shim("empty.js") : undefined,
      );
    },
  };
}
