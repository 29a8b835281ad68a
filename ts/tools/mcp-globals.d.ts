// A type of browsers that the MCP SDK's declarations name, and @types/node has under another name.
type HeadersInit = NonNullable<RequestInit["headers"]>;
