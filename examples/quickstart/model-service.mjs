// The model that the agent talks to: Anthropic's with ANTHROPIC_API_KEY, else a scripted stand-in on this machine.

const SCRIPT = {
  turns: [
    {
      text: "I will write the script.",
      toolCalls: [{ write: { path: "/home/user/hello.js", content: 'console.log("Hello, world!");\n' } }],
    },
    { text: "I wrote /home/user/hello.js. Run it with: node /home/user/hello.js" },
  ],
};

/** Resolves to `{ env, address, close }`: the session's environment, and the host and port that the VM must be able to reach. */
export async function modelService() {
  const key = process.env.ANTHROPIC_API_KEY;
  if (key) return { env: { ANTHROPIC_API_KEY: key }, address: "api.anthropic.com:443", close: async () => {} };
  const { startMockLlm } = await import("@agentos/mock-llm");
  const mock = await startMockLlm({ script: SCRIPT });
  console.log(`ANTHROPIC_API_KEY is not set: a scripted model answers, at ${mock.url}\n`);
  return {
    env: { ANTHROPIC_API_KEY: "mock", ANTHROPIC_BASE_URL: mock.url },
    address: `127.0.0.1:${mock.port}`,
    close: () => mock.close(),
  };
}
