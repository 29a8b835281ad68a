// Small pieces that all protocols share.
import { randomBytes } from "node:crypto";

/** A fresh identifier in the manner of the services: prefix and twelve letters or digits. */
export function freshId(prefix) {
  return prefix + randomBytes(9).toString("base64url").replace(/[-_]/g, "x");
}

/** A rough token count; nobody here needs a true one. */
export function countTokens(text) {
  return Math.max(1, Math.ceil((text ?? "").length / 4));
}

export function chunksOf(text, size) {
  const chunks = [];
  for (let start = 0; start < text.length; start += size) chunks.push(text.slice(start, start + size));
  return chunks;
}

/** The text of message content in any protocol's shape. */
export function textOf(content) {
  if (content == null) return "";
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(blockText).join("");
  return content.parts ? textOf(content.parts) : (content.text ?? "");
}

function blockText(block) {
  if (typeof block === "string") return block;
  if (block?.text !== undefined) return block.text;
  if (typeof block?.content === "string") return block.content;
  if (Array.isArray(block?.content)) return textOf(block.content);
  return block?.output ? textOf(block.output) : "";
}

/** Tool arguments that travel as a JSON text; undefined when they are not JSON. */
export function parseArguments(text) {
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One server-sent event. */
export function sse(data, name) {
  return `${name === undefined ? "" : `event: ${name}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
}
