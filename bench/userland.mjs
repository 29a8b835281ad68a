// The userland against the machine's own tools, in the same run: `npm run bench -- userland`.
// Every command runs as `bash -c` in both; times are whole commands, the ratio is of their medians.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentOs } from "agentos";
import { sample } from "./measure.mjs";

/** All packages of commands that this repository has, as far as they are installed. */
async function software() {
  const found = [];
  for (const name of readdirSync(new URL("../npm/", import.meta.url))) {
    try {
      const { default: software } = await import(`@agentos/${name}`);
      // Agents are no commands, and some packages are not software at all.
      if (name !== "pi" && software !== undefined) found.push(software);
    } catch {
      // Not installed: its commands are skipped below.
    }
  }
  return found;
}

/** A directory here and a VM there, with the same files; `run(line)` answers the time that each takes. */
async function pair() {
  const vm = await AgentOs.create({ software: await software(), limits: { maxMemoryMb: 2048 } });
  const host = mkdtempSync(join(tmpdir(), "agentos-bench-"));
  const native = (line) =>
    new Promise((resolve, reject) => {
      execFile("bash", ["-c", line], { cwd: host, env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8", HOME: host }, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
        error ? reject(new Error(`natively: ${line}: ${stderr || error.message}`)) : resolve(stdout),
      );
    });
  const inVm = async (line) => {
    const { exitCode, stdout, stderr } = await vm.exec(line, { env: { LC_ALL: "C.UTF-8" } });
    if (exitCode !== 0) throw new Error(`in the VM: ${line}: ${stderr}`);
    return stdout;
  };
  const dispose = async () => {
    await vm.dispose();
    rmSync(host, { recursive: true, force: true });
  };
  return { vm, host, native, inVm, dispose };
}

/** Times a line in both worlds, alternating, so that the machine's mood is the same for both. */
async function compare({ native, inVm }, line, n, warmup = 1) {
  const [here, there] = [[], []];
  for (let i = 0; i < n + warmup; i++) {
    for (const [run, times] of [[inVm, here], [native, there]]) {
      const result = await sample(1, () => run(line));
      if (i >= warmup) times.push(result.p50);
    }
  }
  const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
  return { n, unit: "ms", vm: median(here), native: median(there), ratio: Math.round((median(here) / median(there)) * 100) / 100 };
}

/** What a shell does most. `times`: how often the line does it. */
const processes = [
  ["bash -c 'echo hi'", "echo hi", 1, 200],
  ["( : )", "for i in {1..200}; do ( : ); done", 200, 15],
  ["$(echo x)", "for i in {1..200}; do x=$(echo x); done", 200, 15],
  ["/bin/true", "for i in {1..200}; do /bin/true; done", 200, 15],
  ["echo a | cat | wc -l", "for i in {1..50}; do echo a | cat | wc -l; done", 50, 15],
  ["pipeline of 5", "echo hello | cat | tr a-z A-Z | cat | wc -c", 1, 50],
  ["loop of 10,000 :", "for ((i = 0; i < 10000; i++)); do :; done", 1, 30],
  ["( : ) with a variable of 20 MB", "printf -v x '%*s' 20000000 ''; for i in {1..20}; do ( : ); done", 20, 5],
];

/** Tools over `text` (50 MB of words), `json` (one record per line), `tree` (10,000 files) and `repo` (5,000 files). */
const tools = [
  ["grep", "grep -c lambda text"],
  ["grep", "grep -cE '[0-9]+ (alpha|omega)$' text"],
  ["sort", "sort text | tail -n 1"],
  ["sort", "sort -n -k2 text | tail -n 1"],
  ["sed", "sed 's/alpha/beta/g' text | tail -n 1"],
  ["awk", "awk '{ n += $2 } END { print n }' text"],
  ["wc", "wc text"],
  ["tr", "tr a-z A-Z < text | tail -n 1"],
  ["cat", "cat text text | wc -c"],
  ["sha256sum", "sha256sum < text"],
  ["gzip", "gzip -c text | wc -c"],
  ["tar", "tar cf - tree | wc -c"],
  ["find", "find tree -name 'f9*' | wc -l"],
  ["grep", "grep -rl 'line 42' tree | wc -l"],
  ["jq", "jq -s 'map(.n) | add' json"],
  ["rg", "rg -c lambda text"],
  ["rg", "rg -l 'line 42' tree | wc -l"],
  ["git", "cd repo && git status --short | wc -l"],
];

const WORDS = ["alpha", "beta", "gamma", "delta", "lambda", "sigma", "omega"];

/** Deterministic lines: word, number, word. */
function text(bytes) {
  const lines = [];
  let size = 0;
  for (let i = 0, state = 1; size < bytes; i++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    const line = `${WORDS[state % 7]} ${state % 1000003} ${WORDS[(state >> 8) % 7]} ${i} ${WORDS[(state >> 12) % 7]}\n`;
    lines.push(line);
    size += line.length;
  }
  return lines.join("");
}

async function fill({ vm, host, native, inVm }) {
  const content = text(50_000_000);
  const json = Array.from({ length: 100_000 }, (_, n) => JSON.stringify({ n, name: WORDS[n % 7], tags: [WORDS[n % 5], WORDS[n % 3]] })).join("\n");
  for (const [name, bytes] of [["text", content], ["json", json]]) {
    writeFileSync(join(host, name), bytes);
    await vm.writeFile(`/home/user/${name}`, bytes);
  }
  const tree = "for i in {0..99}; do mkdir -p tree/d$i; for j in {0..99}; do echo line $i $j > tree/d$i/f$j; done; done";
  const repo = `if command -v git >/dev/null; then mkdir repo; cd repo; for i in {0..49}; do mkdir d$i; for j in {0..99}; do echo $i $j > d$i/f$j; done; done
    git init -q . && git add . && git -c user.name=a -c user.email=a@b commit -qm all; fi`;
  for (const script of [tree, repo]) {
    await native(script);
    await inVm(script);
  }
}

export const userland = {
  async "userland-processes"() {
    const both = await pair();
    try {
      const rows = {};
      for (const [name, line, times, n] of processes) {
        const { vm, native, ...rest } = await compare(both, line, n, 3);
        const each = (ms) => Math.round((ms / times) * 10000) / 10000;
        rows[name] = { ...rest, times, vm: each(vm), native: each(native) };
      }
      return rows;
    } finally {
      await both.dispose();
    }
  },

  async "userland-tools"() {
    const both = await pair();
    try {
      await fill(both);
      const rows = {};
      for (const [tool, line] of tools) {
        const has = async (run) => (await run(`command -v ${tool} >/dev/null && echo yes || true`)).trim() === "yes";
        if (!(await has(both.inVm)) || !(await has(both.native))) {
          console.error(`skipped: ${line}: ${tool} is not installed in both`);
          continue;
        }
        rows[line] = await compare(both, line, 3);
      }
      return { ...rows, target: { ratio: 2, git: 3 } };
    } finally {
      await both.dispose();
    }
  },
};
