// The model that the agent talks to: Anthropic's with ANTHROPIC_API_KEY, else a scripted stand-in on this machine.

const CODE = 'require("agentos:weather").get({ city: "London" }).then(({ temperature }) => console.log(`London: ${temperature}`))';
const SCRIPT = {
  turns: [
    { text: "I will look.", toolCalls: [{ bash: { command: "agentos-project list-issues --status open" } }] },
    { text: "", toolCalls: [{ bash: { command: `node -e '${CODE}'` } }] },
    { text: "Two issues are open, and it is 18 degrees in London." },
  ],
};

/** Resolves to `{ env, address, check, close }`: the session's environment, what the VM must be able to reach, and what the model must have seen. */
export async function modelService() {
  const key = process.env.ANTHROPIC_API_KEY;
  if (key) return { env: { ANTHROPIC_API_KEY: key }, address: "api.anthropic.com:443", check: () => {}, close: async () => {} };
  const { startMockLlm } = await import("@agentos/mock-llm");
  const mock = await startMockLlm({ script: SCRIPT });
  return {
    env: { ANTHROPIC_API_KEY: "mock", ANTHROPIC_BASE_URL: mock.url },
    address: `127.0.0.1:${mock.port}`,
    // What the tools answered went to the model.
    check: (expect) => expect(JSON.stringify(mock.requests.at(-1)), "#1: Fix login bug", "#2: Dark mode", "London: 18"),
    close: () => mock.close(),
  };
}
