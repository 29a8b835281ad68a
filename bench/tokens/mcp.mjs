// The VM's toolkits by the Model Context Protocol: the definitions that an agent would put into its requests, and its calls.
import { mcpClientOf } from "../../__test__/support/mcp.mjs";

export async function listTools(vm) {
  const { client } = await mcpClientOf(vm);
  const { tools } = await client.listTools();
  return {
    // As an agent hands them to its model.
    tools: tools.map(({ name, description, inputSchema }) => ({ name, description, input_schema: inputSchema })),
    async call(name, input) {
      const { content, isError } = await client.callTool({ name, arguments: input });
      if (isError) throw new Error(content[0].text);
      return content.map(({ text }) => text).join("\n");
    },
  };
}
