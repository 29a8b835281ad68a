// A home directory, a scripted model service and the adapter under test.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startMockLlm } from "@agentos/mock-llm";
import { driveAcp } from "@agentos/mock-llm/drive";

const dist = fileURLToPath(new URL("../dist/dist/", import.meta.url));
if (!existsSync(dist)) throw new Error("dist/ is missing: run npm run build in npm/pi");

export const acp = join(dist, "acp.js");
export const cli = join(dist, "cli.js");

/** Resolves to a directory that is gone after the test, a mock, and the environment by which Pi finds both. */
export async function fixture(t, script) {
  const home = mkdtempSync(join(tmpdir(), "agentos-pi-"));
  const mock = await startMockLlm({ script });
  t.after(async () => {
    await mock.close();
    rmSync(home, { recursive: true, force: true });
  });
  const env = { HOME: home, ANTHROPIC_BASE_URL: mock.url, ANTHROPIC_API_KEY: "mock", PI_OFFLINE: "1" };
  const drive = (options) => driveAcp({ command: process.execPath, args: [acp], cwd: home, env, ...options });
  return { home, mock, env, drive };
}
