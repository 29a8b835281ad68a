// Pi's own command line, as bundled.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { cli, fixture } from "./fixture.js";

function pi(args, env) {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [cli, ...args], { env: { ...process.env, ...env } }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
    child.stdin.end();
  });
}

test("pi --version is the version of the published package", async (t) => {
  const { env } = await fixture(t, { turns: [] });
  const published = dirname(dirname(fileURLToPath(import.meta.resolve("@mariozechner/pi-coding-agent"))));
  const { version } = JSON.parse(readFileSync(join(published, "package.json"), "utf8"));
  const { code, stdout, stderr } = await pi(["--version"], env);
  assert.equal(code, 0);
  assert.equal((stdout + stderr).trim(), version);
});

test("pi -p answers with the model's text", async (t) => {
  const { home, mock, env } = await fixture(t, { turns: [{ text: "hello from the model" }] });
  mkdirSync(join(home, ".pi/agent"), { recursive: true });
  writeFileSync(join(home, ".pi/agent/models.json"), JSON.stringify({ providers: { anthropic: { baseUrl: mock.url } } }));
  const { code, stdout } = await pi(["-p", "hi"], env);
  assert.equal(code, 0);
  assert.equal(stdout, "hello from the model\n");
});
