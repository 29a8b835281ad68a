// jiti (2.4 MB, with Babel) compiles extensions written in TypeScript. It is loaded with the first
// extension rather than at start-up, and the modules that extensions may import come with it.

export function createJiti(id, options) {
  return {
    async import(path, importOptions) {
      const [{ createJiti: create }, { virtualModules }] = await Promise.all([
        import("pi:jiti"),
        import("./virtual-modules.js"),
      ]);
      return create(id, { ...options, virtualModules }).import(path, importOptions);
    },
  };
}
