// Pi's configuration as its extension loader sees it. Pi resolves what an extension imports in one of two
// ways: from node_modules, or from modules that were bundled with it. A bundle has no node_modules.
export * from "pi:dist/config.js";
export const isBunBinary = true;
