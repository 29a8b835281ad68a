// What `import ... from "agentos"` has; ../index.d.ts documents it.
export { AgentOs, agentOs } from "./agent-os.js";
export { hostDir, memory } from "./drivers.js";
export { AgentOsError } from "./errors.js";
export { Process } from "./process.js";
export { Session } from "./session.js";
export { Shell } from "./shell.js";
export { toolkitFromMcp } from "./tools/mcp-client.js";
export { HostTool, Toolkit, hostTool, hostToolkit, toolKit } from "./tools/toolkit.js";
