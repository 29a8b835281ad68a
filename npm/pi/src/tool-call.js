// How a Pi tool call looks in the protocol: kind, title, places it touches, and the change it would make.
import { readFileSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";

const KINDS = { read: "read", ls: "read", edit: "edit", write: "edit", bash: "execute", grep: "search", find: "search" };

/** Tools that only look. Everything else, extensions included, asks for permission first. */
const READ_ONLY = new Set(["read", "ls", "grep", "find"]);

/** Above this the old text of an overwritten file is left out of the diff. */
const MAX_DIFF_BYTES = 1024 * 1024;

const MAX_TITLE_CHARS = 200;

export function needsPermission(toolName) {
  return !READ_ONLY.has(toolName);
}

export function describeToolCall(toolName, args, cwd) {
  const path = typeof args?.path === "string" ? absolute(args.path, cwd) : undefined;
  return {
    title: title(toolName, args),
    kind: KINDS[toolName] ?? "other",
    rawInput: args,
    ...(path === undefined ? {} : { locations: [{ path }] }),
  };
}

/** The change a `write` or `edit` call would make, as protocol diffs; empty for other tools. Call it before the tool runs. */
export function plannedDiffs(toolName, args, cwd) {
  if (typeof args?.path !== "string") return [];
  const path = absolute(args.path, cwd);
  if (toolName === "write" && typeof args.content === "string") {
    return [{ type: "diff", path, oldText: readIfSmall(path), newText: args.content }];
  }
  if (toolName === "edit" && Array.isArray(args.edits)) {
    return args.edits
      .filter((edit) => typeof edit?.oldText === "string" && typeof edit?.newText === "string")
      .map(({ oldText, newText }) => ({ type: "diff", path, oldText, newText }));
  }
  return [];
}

/** Content blocks of a tool result, in the protocol's shape. */
export function resultContent(result) {
  return (result?.content ?? []).flatMap((block) => {
    if (block.type === "text" && block.text !== "") {
      return [{ type: "content", content: { type: "text", text: block.text } }];
    }
    if (block.type === "image") {
      return [{ type: "content", content: { type: "image", data: block.data, mimeType: block.mimeType } }];
    }
    return [];
  });
}

function title(toolName, args) {
  const subject = args?.command ?? args?.path ?? args?.pattern;
  if (typeof subject !== "string") return toolName;
  const line = subject.split("\n", 1)[0];
  const text = toolName === "bash" ? line : `${toolName} ${line}`;
  return text.length > MAX_TITLE_CHARS ? `${text.slice(0, MAX_TITLE_CHARS - 3)}...` : text;
}

function absolute(path, cwd) {
  return isAbsolute(path) ? path : resolve(cwd, path);
}

function readIfSmall(path) {
  try {
    return statSync(path).size <= MAX_DIFF_BYTES ? readFileSync(path, "utf8") : null;
  } catch {
    return null; // A new file, or one we may not read: the tool itself will report the latter.
  }
}
