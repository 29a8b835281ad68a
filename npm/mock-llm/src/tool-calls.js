// Tool calls by intent: `{ write: { path, content } }`, `{ read: { path } }`, `{ bash: { command } }`. They are mapped on whatever
// tool and argument names an agent offers, so that one script drives all agents. `{ name, input }` is taken as it is.

const PATH_NAMES = ["path", "file_path", "filePath", "absolute_path", "filename"];

const INTENTS = {
  write: {
    tools: ["write", "Write", "write_file", "create_file", "str_replace_based_edit_tool", "create", "fs_write"],
    arguments: { path: PATH_NAMES, content: ["content", "contents", "file_text", "text", "data"] },
    asCommand: ({ path, content }) => `cat > '${path}' <<'MOCK_EOF'\n${content}\nMOCK_EOF`,
  },
  read: {
    tools: ["read", "Read", "read_file", "view", "fs_read"],
    arguments: { path: PATH_NAMES },
    asCommand: ({ path }) => `cat '${path}'`,
  },
  bash: {
    tools: ["bash", "Bash", "exec_command", "shell_command", "shell", "run_shell_command", "execute", "terminal", "local_shell"],
    arguments: { command: ["command", "cmd"] },
  },
};

/** @returns {{ name: string, input: object }} the call in the words of the tools that the request offers */
export function resolveCall(call, tools) {
  if (call.name) return { name: call.name, input: call.input ?? {} };
  const kind = Object.keys(INTENTS).find((name) => call[name]);
  if (kind === undefined) throw new Error(`not a tool call: ${JSON.stringify(call)}`);
  const intent = INTENTS[kind];
  const tool = findTool(intent.tools, tools);
  if (tool !== undefined) return { name: tool.name, input: toInput(call[kind], intent, tool.schema ?? {}) };
  if (intent.asCommand !== undefined) return resolveCall({ bash: { command: intent.asCommand(call[kind]) } }, tools);
  return { name: intent.tools[0], input: call[kind] };
}

function findTool(names, tools) {
  for (const name of names) {
    const tool = tools.find((candidate) => candidate.name === name || candidate.name?.endsWith(`__${name}`));
    if (tool !== undefined) return tool;
  }
  return undefined;
}

function toInput(wanted, intent, { properties = {}, required = [] }) {
  const input = {};
  for (const [key, value] of Object.entries(wanted)) {
    const name = (intent.arguments[key] ?? [key]).find((alias) => alias in properties) ?? key;
    const isArgv = properties[name]?.type === "array" && typeof value === "string";
    input[name] = isArgv ? ["bash", "-lc", value] : value;
  }
  for (const name of required) if (!(name in input)) input[name] = filler(properties[name] ?? {});
  return input;
}

/** Some value of the right type, for arguments that a tool requires and the script does not know. */
function filler(schema) {
  if (schema.enum?.length > 0) return schema.enum[0];
  switch (schema.type) {
    case "boolean":
      return false;
    case "number":
    case "integer":
      return 1;
    case "array":
      return [];
    default:
      return "mock";
  }
}
