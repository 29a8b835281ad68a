// The part of Pi's public exports that the adapter uses, taken from the modules that define them. The package's root
// also exports the terminal interface, and a bundler must assume that importing it does something.
export { getAgentDir, VERSION } from "pi:dist/config.js";
export { AuthStorage } from "pi:dist/core/auth-storage.js";
export { ModelRegistry } from "pi:dist/core/model-registry.js";
export { DefaultResourceLoader } from "pi:dist/core/resource-loader.js";
export { createAgentSession } from "pi:dist/core/sdk.js";
export { SettingsManager } from "pi:dist/core/settings-manager.js";
