// One shell case on one new VM, and what came of it.
import { AgentOs } from "agentos";
import { posix } from "node:path";
import { bytes } from "./cases.mjs";

const HOME = "/home/user";
const CWD = `${HOME}/w`;

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const at = (path) => (path.startsWith("/") ? path : `${CWD}/${path}`);

/** What the suites were recorded with. */
const ENV = { HOME, PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" };

/** The shell lines that make the case's files, in three stages, and the files with content. */
function plan(files = {}) {
  const before = [`mkdir -p ${quote(CWD)}`];
  const after = [];
  const modes = [];
  const plain = [];
  for (const [name, file] of Object.entries(files)) {
    const path = quote(at(name));
    if (name.includes("/")) before.push(`mkdir -p ${quote(posix.dirname(at(name)))}`);
    if (file.dir) before.push(`mkdir -p ${path}`);
    else if (file.symlink !== undefined) after.push(`ln -s ${quote(file.symlink)} ${path}`);
    else if (file.fifo) after.push(`mkfifo ${path}`);
    else if (file.hardlink !== undefined) after.push(`ln ${quote(at(file.hardlink))} ${path}`);
    else plain.push([at(name), bytes(file.text ?? file)]);
    if (file.mtime !== undefined) after.push(`touch -h -d @${file.mtime} ${path}`);
    if (file.mode !== undefined) modes.unshift(`chmod ${file.mode} ${path}`); // Folders after what they hold.
  }
  return { before, plain, after: [...after, ...modes] };
}

/** Runs a case: `{ stdout, stderr, code }`, with the two folders under the names that expectations have. */
export async function runCase(software, test, timeoutMs) {
  const vm = await AgentOs.create({ software });
  try {
    const { before, plain, after } = plan(test.files);
    await vm.exec(before.join("\n"), { timeoutMs });
    for (const [path, content] of plain) await vm.writeFile(path, content);
    if (after.length > 0) await vm.exec(`umask 022\n${after.join("\n")}`, { cwd: CWD, timeoutMs });
    const result = await vm.exec(test.script, { stdin: bytes(test.stdin), env: { ...ENV, ...test.env }, cwd: CWD, timeoutMs, encoding: "buffer" });
    return { stdout: renamed(result.stdout), stderr: renamed(result.stderr), code: result.timedOut ? "timeout" : result.exitCode };
  } finally {
    await vm.dispose();
  }
}

function renamed(output) {
  const text = Buffer.from(output).toString("latin1");
  return Buffer.from(text.replaceAll(CWD, "@CWD@").replaceAll(HOME, "@HOME@"), "latin1");
}

/** Whether standard output and exit status are as recorded; standard error is judged on its own. */
export function judge(test, got) {
  const pass = got.code === test.expect.code && got.stdout.equals(bytes(test.expect.stdout));
  return { pass, stderr: test.expect.stderr === undefined || got.stderr.equals(bytes(test.expect.stderr)) };
}
