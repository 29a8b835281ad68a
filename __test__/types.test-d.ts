// Compiled, never run: what the types of the public API accept and refuse.
import {
  AgentOs,
  AgentOsError,
  type AgentOsOptions,
  type ExecResult,
  type JsonSchema,
  type Process,
  type Session,
  type ToolContext,
  type Toolkit,
  agentOs,
  hostDir,
  hostTool,
  hostToolkit,
  memory,
  toolKit,
} from "agentos";
import { type } from "arktype";
import { z } from "zod";
import * as mini from "zod/mini";
import { z as z3 } from "zod-3";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function holds<_ extends true>(): void {}

export async function accepts(vm: AgentOs, key: string | undefined): Promise<void> {
  await using _short = await agentOs();
  const options: AgentOsOptions = {
    software: [{ name: "x", version: "1", root: "/x", agents: { a: { command: "/a" } } }],
    mounts: [{ path: "/work", driver: hostDir("."), readOnly: true }, { path: "/scratch", driver: memory() }],
    permissions: { network: { default: "deny", rules: [{ mode: "allow", patterns: ["api.anthropic.com:443"] }] } },
    limits: { maxMemoryMb: 256, maxProcesses: 64 },
    env: { KEY: key },
    user: { uid: 1000, name: "agent" },
  };
  await AgentOs.create(options);

  await AgentOs.create({
    permissions: {
      fs: { default: "deny", rules: [{ mode: "allow", operations: ["read", "stat"], paths: ["/work/**"] }] },
      process: { rules: [{ mode: "ask", patterns: ["git"] }] },
      env: "deny",
      tool: { rules: [{ mode: "ask", operations: ["call"], patterns: ["bank"] }] },
    },
    permissionTimeoutMs: 1000,
    autoApprove: true,
    limits: { maxCpuPercent: 50, maxPipes: 10 },
  });
  vm.on("permissionRequest", (request) => vm.respondPermission(request.id, "once"))
    .on("limitWarning", ({ limit, used }) => limit === "maxFsBytes" && holds<Equal<typeof used, number>>())
    .on("audit", ({ allowed }) => holds<Equal<typeof allowed, boolean>>());
  await vm.exec("true", { permissions: { fs: "deny" } });

  const text = await vm.exec("true", { onStdout: (chunk) => holds<Equal<typeof chunk, string>>() });
  holds<Equal<typeof text, ExecResult<string>>>();
  const raw = await vm.exec("true", { encoding: "buffer", onStdout: (chunk) => holds<Equal<typeof chunk, Uint8Array>>() });
  holds<Equal<typeof raw, ExecResult<Uint8Array>>>();
  holds<Equal<typeof raw.stdout, Uint8Array>>();

  const process: Process = await vm.spawn("cat", [], { signal: AbortSignal.timeout(1) });
  const writer = process.stdin.getWriter();
  await writer.write("text");
  await writer.write(new Uint8Array(1));
  for await (const chunk of process.stdout) holds<Equal<typeof chunk, Uint8Array>>();
  const { exitCode } = await process.exited;
  holds<Equal<typeof exitCode, number>>();

  holds<Equal<Awaited<ReturnType<typeof vm.stat>>["type"], "file" | "directory" | "symlink" | "characterDevice" | "blockDevice" | "fifo" | "socket">>();
  const content = await vm.readFile("/f");
  holds<Equal<typeof content, Uint8Array>>();
  const line = await vm.readFile("/f", "utf8");
  holds<Equal<typeof line, string>>();
  for (const result of await vm.readFiles(["/f"])) {
    if ("error" in result) holds<Equal<typeof result.error, AgentOsError>>();
    else holds<Equal<typeof result.content, Uint8Array>>();
  }

  await using session: Session = await vm.createSession("pi", { env: { ANTHROPIC_API_KEY: key }, permissions: "ask" });
  session
    .on("event", (event) => {
      if (event.type === "update" && event.update.sessionUpdate === "agent_message_chunk") {
        const block = event.update.content;
        if (block.type === "text") holds<Equal<typeof block.text, string>>();
      }
    })
    .on("permissionRequest", ({ id }) => session.respondPermission(id, "once"))
    .on("exit", ({ signal }) => signal === "SIGKILL");
  const answer = await session.prompt([{ type: "text", text: "hi" }]);
  holds<Equal<typeof answer.text, string>>();
}

export async function refuses(vm: AgentOs, session: Session): Promise<void> {
  // @ts-expect-error there is no such option
  await AgentOs.create({ memory: 1 });
  // @ts-expect-error made by AgentOs.create only
  new AgentOs();
  // @ts-expect-error thrown by agentOS only
  new AgentOsError();
  // @ts-expect-error a line is text
  await vm.exec(["ls"]);
  // @ts-expect-error files are not connected to
  await AgentOs.create({ permissions: { fs: { rules: [{ mode: "deny", operations: ["connect"] }] } } });
  // @ts-expect-error there is no such event of a VM
  vm.on("boot", () => {});
  // @ts-expect-error there is no such encoding
  await vm.readFile("/f", "utf9");
  // @ts-expect-error signals have names
  vm.kill(2, 9);
  // @ts-expect-error there is no such reply
  session.respondPermission("id", "maybe");
  // @ts-expect-error there is no such event
  session.on("message", () => {});
}

export function infersArguments(): void {
  const schema = {
    type: "object",
    properties: {
      name: { type: "string" },
      level: { enum: ["low", "high"], default: "low" },
      tags: { type: "array", items: { type: ["string", "null"] } },
      one: { anyOf: [{ type: "integer" }, { const: true }] },
      deep: { type: "object", properties: { x: { type: "number" } }, required: ["x"] },
      odd: { $ref: "#/x" },
    },
    required: ["name", "deep"],
  } as const;
  hostToolkit("project", {
    zod4: {
      description: "x",
      args: z.object({ status: z.enum(["open", "all"]).default("open"), due: z.date().optional(), n: z.string().transform(Number) }),
      handler: async (c, args) => {
        holds<Equal<typeof args, { status: "open" | "all"; due?: Date | undefined; n: number }>>();
        holds<Equal<typeof c.vm, AgentOs>>();
        holds<Equal<typeof c.signal, AbortSignal>>();
        holds<Equal<typeof c.sessionId, string | null>>();
        return 1;
      },
    },
    zod3: {
      description: "x",
      args: z3.object({ title: z3.string(), tags: z3.array(z3.string()).default([]) }),
      handler: (_, args) => holds<Equal<typeof args, { title: string; tags: string[] }>>(),
    },
    mini: {
      description: "x",
      args: mini.object({ a: mini.optional(mini.number()) }),
      handler: (_, args) => holds<Equal<typeof args, { a?: number | undefined }>>(),
    },
    arktype: {
      description: "x",
      args: type({ a: "number > 3", "b?": "string" }),
      handler: (_, args) => holds<Equal<typeof args, { a: number; b?: string }>>(),
    },
    jsonSchema: {
      description: "x",
      args: schema,
      handler: (_, args) => {
        type Expected = { name: string; level: "low" | "high"; deep: { x: number }; tags?: (string | null)[]; one?: number | true; odd?: unknown };
        holds<Equal<typeof args, Expected>>();
      },
    },
    // In place, TypeScript does not get to the bottom of it.
    jsonSchemaInPlace: {
      description: "x",
      args: { type: "object", properties: { a: { type: "string" } } },
      handler: (_, args) => holds<Equal<typeof args, unknown>>(),
    },
    unknownSchema: {
      description: "x",
      args: {} as JsonSchema,
      handler: (_, args) => holds<Equal<typeof args, unknown>>(),
    },
    generator: {
      description: "x",
      timeoutMs: 1000,
      handler: async function* () {
        yield "line";
      },
    },
  });

  const get = hostTool({
    description: "x",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }, c) => {
      holds<Equal<typeof city, string>>();
      holds<Equal<typeof c, ToolContext>>();
      return { temperature: 18 };
    },
  });
  hostTool({
    description: "x",
    inputSchema: { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
    execute: ({ a }) => holds<Equal<typeof a, string>>(),
  });
  const kit: Toolkit = toolKit({ name: "weather", tools: { get } });
  void AgentOs.create({ toolkits: [kit] });

  // @ts-expect-error a toolkit is made by a function
  void AgentOs.create({ toolkits: [{ name: "weather", tools: [] }] });
  // @ts-expect-error a tool has a handler
  hostToolkit("x", { a: { description: "x" } });
  // @ts-expect-error there is no such argument
  hostTool({ description: "x", inputSchema: z.object({ city: z.string() }), execute: async ({ town }) => town });
  // @ts-expect-error tools of a toolKit are made by hostTool
  toolKit({ name: "x", tools: { a: { description: "x", execute: () => 1 } } });
}
