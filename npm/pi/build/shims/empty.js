// Replaced by virtual-modules.js at run time.
export {};
