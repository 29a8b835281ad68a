// Collects the licence texts of the packages that went into a bundle.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @param {string[]} inputs absolute paths of the bundled modules
 * @returns {string} name, version, licence and its text, package by package
 */
export function licenceTexts(inputs) {
  const directories = new Set(inputs.map(packageDirectory).filter((directory) => directory !== undefined));
  const entries = [...directories].map(describePackage).sort((a, b) => (a.title < b.title ? -1 : 1));
  return entries.map(({ title, text }) => `${"=".repeat(80)}\n${title}\n${"=".repeat(80)}\n\n${text.trim()}\n`).join("\n");
}

/** The directory of the package a module belongs to: the innermost `node_modules/<name>` of its path. */
function packageDirectory(input) {
  return input.match(/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/)?.[0];
}

function describePackage(directory) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const files = readdirSync(directory).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  const holder = typeof author === "string" ? author : author?.name;
  const stated = `${typeof license === "string" ? license : (license?.type ?? "")}${holder ? `, by ${holder}` : ""} (the package carries no licence text)`;
  const text = files.length > 0 ? files.map((file) => readFileSync(join(directory, file), "utf8")).join("\n") : stated;
  return { title: `${name} ${version}`, text };
}
