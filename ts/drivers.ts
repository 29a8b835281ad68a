// What can be mounted, as plain data.
import { resolve } from "node:path";
import type { HostDirDriver, MemoryDriver } from "../index.js";
import { isString } from "./check.js";

export function hostDir(path: string): HostDirDriver {
  isString("path", path);
  return { type: "hostDir", path: resolve(path) };
}

export function memory(): MemoryDriver {
  return { type: "memory" };
}
