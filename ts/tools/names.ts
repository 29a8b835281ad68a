// Names of toolkits and tools, in JavaScript and on the command line.
import { type Check, isString, wrongValue } from "../check.js";
import { AgentOsError } from "../errors.js";

/** Longest name of a toolkit or tool. */
const MAX_NAME = 64;

const TOOLKIT = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const TOOL = /^[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*$/;

/** The name of a toolkit is the end of its command: `agentos-NAME`. */
export const isToolkitName: Check = (name, value) => {
  isString(name, value);
  if (!TOOLKIT.test(value as string) || (value as string).length > MAX_NAME) {
    throw wrongValue(name, `lower-case words with hyphens between them, ${MAX_NAME} characters at most, such as 'issue-tracker'`, value);
  }
};

/** The name of a tool is an identifier, or words with hyphens. */
export const isToolName: Check = (name, value) => {
  isString(name, value);
  if (!TOOL.test(value as string) || (value as string).length > MAX_NAME) {
    throw wrongValue(name, `letters and digits with single hyphens or underscores between them, ${MAX_NAME} characters at most, such as 'listIssues'`, value);
  }
};

/** `listIssues` is `list-issues` on the command line, `getURLFor` is `get-url-for`. */
export function commandName(tool: string): string {
  return tool
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .replace(/_/g, "-")
    .toLowerCase();
}

/** Refuses two tools that would be one command. */
export function refuseClashes(toolkit: string, tools: readonly string[]): void {
  const taken = new Map<string, string>();
  for (const tool of tools) {
    const command = commandName(tool);
    const other = taken.get(command);
    if (other !== undefined) {
      throw clash(`toolkit "${toolkit}": the tools "${other}" and "${tool}" would both be the command agentos-${toolkit} ${command}`);
    }
    taken.set(command, tool);
  }
}

export function clash(message: string): AgentOsError {
  return new AgentOsError({ code: "ERR_AGENTOS_TOOL_CLASH", message });
}
