// Files of a VM, from the host's side.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hostDir, memory } from "agentos";
import { boot } from "./support/vm.mjs";

test("a file is read back as bytes or as text", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/a.txt", "grün\n");
  assert.deepEqual(await vm.readFile("/home/user/a.txt"), new Uint8Array([103, 114, 195, 188, 110, 10]));
  assert.equal(await vm.readFile("/home/user/a.txt", "utf8"), "grün\n");
  assert.equal(await vm.readFile("/home/user/a.txt", "hex"), "6772c3bc6e0a");
  await vm.writeFile("/home/user/b.bin", new Uint8Array([0, 255, 1]));
  assert.deepEqual(await vm.readFile("/home/user/b.bin"), new Uint8Array([0, 255, 1]));
  await vm.writeFile("/home/user/empty", "");
  assert.equal((await vm.readFile("/home/user/empty")).length, 0);
});

test("a large file survives the way in and out", async (t) => {
  const vm = await boot(t);
  const content = Buffer.alloc(9 << 20, "0123456789abcdef-");
  await vm.writeFile("/tmp/large", content);
  assert.ok(content.equals(await vm.readFile("/tmp/large")));
  assert.equal((await vm.exec("wc -c < /tmp/large")).stdout, `${content.length}\n`);
});

test("writing makes missing directories, which belong to the user of the VM", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/new/deep/file", "x", { mode: 0o600 });
  assert.equal((await vm.exec("stat -c '%U %a' new new/deep/file")).stdout, "agent 755\nagent 600\n");
  assert.equal((await vm.exec("echo more >> new/deep/file && cat new/deep/file")).stdout, "xmore\n");
});

test("host and programs see the same tree", async (t) => {
  const vm = await boot(t);
  await vm.exec("mkdir -p d && echo from-inside > d/f && ln -s f d/link");
  assert.equal(await vm.readFile("/home/user/d/f", "utf8"), "from-inside\n");
  assert.deepEqual(await vm.readdir("/home/user/d"), ["f", "link"]);
  assert.deepEqual(await vm.readdir("/home/user/d", { withFileTypes: true }), [
    { name: "f", type: "file" },
    { name: "link", type: "symlink" },
  ]);
  assert.deepEqual(await vm.readdirRecursive("/home/user"), [
    { path: "/home/user/d", type: "directory" },
    { path: "/home/user/d/f", type: "file" },
    { path: "/home/user/d/link", type: "symlink" },
  ]);
  assert.deepEqual(await vm.readdirRecursive("/home/user", { maxDepth: 1 }), [{ path: "/home/user/d", type: "directory" }]);
});

test("stat tells type, size, owner and times", async (t) => {
  const vm = await boot(t);
  const before = Date.now();
  await vm.writeFile("/home/user/f", "12345");
  const stat = await vm.stat("/home/user/f");
  assert.equal(stat.type, "file");
  assert.equal(stat.size, 5);
  assert.equal(stat.mode, 0o100644);
  assert.deepEqual([stat.uid, stat.gid, stat.nlink], [1000, 1000, 1]);
  assert.ok(stat.mtimeMs >= before - 1000 && stat.mtimeMs <= Date.now() + 1000);
  assert.equal((await vm.stat("/dev/null")).type, "characterDevice");
  assert.equal((await vm.stat("/home")).type, "directory");
});

test("symbolic links are made, read and followed", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/f", "x");
  await vm.symlink("f", "/home/user/l");
  assert.equal(await vm.readlink("/home/user/l"), "f");
  assert.equal((await vm.lstat("/home/user/l")).type, "symlink");
  assert.equal((await vm.stat("/home/user/l")).type, "file");
  await vm.symlink("nowhere", "/home/user/dangling");
  assert.equal(await vm.exists("/home/user/dangling"), false);
  await vm.symlink("loop", "/home/user/loop");
  await assert.rejects(vm.readFile("/home/user/loop"), { code: "ELOOP" });
});

test("move, copy, chmod, delete", async (t) => {
  const vm = await boot(t);
  await vm.writeFile("/home/user/a", "content", { mode: 0o750 });
  await vm.move("/home/user/a", "/home/user/b");
  assert.equal(await vm.exists("/home/user/a"), false);
  await vm.copy("/home/user/b", "/home/user/c");
  assert.equal(await vm.readFile("/home/user/c", "utf8"), "content");
  assert.equal((await vm.stat("/home/user/c")).mode, 0o100750);
  await vm.chmod("/home/user/c", 0o400);
  assert.equal((await vm.stat("/home/user/c")).mode, 0o100400);
  await vm.mkdir("/home/user/d/e", { recursive: true });
  await vm.writeFile("/home/user/d/e/f", "1");
  await vm.copy("/home/user/d", "/home/user/d2", { recursive: true });
  assert.equal(await vm.readFile("/home/user/d2/e/f", "utf8"), "1");
  await assert.rejects(vm.delete("/home/user/d"), { code: "ENOTEMPTY", syscall: "rmdir" });
  await vm.delete("/home/user/d", { recursive: true });
  await vm.delete("/home/user/b");
  assert.deepEqual(await vm.readdir("/home/user"), ["c", "d2"]);
});

test("a directory is not copied into itself, nor without being told", async (t) => {
  const vm = await boot(t);
  await vm.mkdir("/home/user/d");
  await assert.rejects(vm.copy("/home/user/d", "/home/user/e"), { code: "EISDIR" });
  await assert.rejects(vm.copy("/home/user/d", "/home/user/d/e", { recursive: true }), { code: "EINVAL" });
});

test("several files at once: each has its own outcome", async (t) => {
  const vm = await boot(t);
  const written = await vm.writeFiles([
    { path: "/home/user/a", content: "1" },
    { path: "/dev/null/x", content: "2" },
  ]);
  assert.deepEqual(written.map(({ path, error }) => [path, error?.code]), [["/home/user/a", undefined], ["/dev/null/x", "ENOTDIR"]]);
  const [a, missing] = await vm.readFiles(["/home/user/a", "/home/user/missing"]);
  assert.deepEqual(a, { path: "/home/user/a", content: new Uint8Array([49]) });
  assert.equal(missing.error.code, "ENOENT");
});

test("failures are Node's: code, errno, syscall and path", async (t) => {
  const vm = await boot(t);
  await assert.rejects(vm.readFile("/home/user/missing"), {
    name: "AgentOsError",
    code: "ENOENT",
    errno: -2,
    syscall: "open",
    path: "/home/user/missing",
    message: "ENOENT: no such file or directory, open '/home/user/missing'",
  });
  await assert.rejects(vm.readFile("/home"), { code: "EISDIR", errno: -21 });
  await assert.rejects(vm.mkdir("/home"), { code: "EEXIST" });
  await assert.rejects(vm.mkdir("/home/user/a/b"), { code: "ENOENT" });
  await assert.rejects(vm.readdir("/etc/passwd"), { code: "ENOTDIR" });
  await assert.rejects(vm.readlink("/etc/passwd"), { code: "EINVAL" });
  await assert.rejects(vm.stat("/etc/passwd/x"), { code: "ENOTDIR" });
  await vm.mkdir("/home", { recursive: true });
});

for (const [name, path] of [["relative", "home/user/f"], ["empty", ""], ["dotted", "./f"]]) {
  test(`a path that is ${name} is refused`, async (t) => {
    const vm = await boot(t);
    for (const call of [() => vm.readFile(path), () => vm.writeFile(path, "x"), () => vm.readdir(path), () => vm.delete(path), () => vm.move(path, "/x")]) {
      await assert.rejects(call, (error) => error.code === "ERR_AGENTOS_INVALID_PATH" && error.message.includes("absolute"));
    }
  });
}

test("arguments of the wrong type are named", async (t) => {
  const vm = await boot(t);
  await assert.rejects(vm.readFile(5), { code: "ERR_INVALID_ARG_TYPE", message: 'The "path" argument must be of type string. Received type number (5)' });
  await assert.rejects(vm.writeFile("/f"), /"content" argument must be of type string or an instance of Uint8Array. Received undefined/);
  await assert.rejects(vm.readFile("/f", "utf9"), { code: "ERR_INVALID_ARG_VALUE" });
  await assert.rejects(vm.readFile("/f\0"), { code: "ERR_INVALID_ARG_VALUE", message: /without null bytes/ });
  await assert.rejects(vm.chmod("/f", 0o17777), { code: "ERR_INVALID_ARG_VALUE" });
  await assert.rejects(vm.mkdir("/f", { recursiv: true }), { code: "ERR_INVALID_ARG_VALUE" });
});

test("the file quota answers ENOSPC, and what was freed can be used again", async (t) => {
  const vm = await boot(t, { limits: { maxFsBytes: 1 << 20 } });
  await assert.rejects(vm.writeFile("/home/user/large", Buffer.alloc(2 << 20)), { code: "ENOSPC" });
  await vm.delete("/home/user/large");
  await vm.writeFile("/home/user/fits", Buffer.alloc(512 << 10));
  const { stderr, exitCode } = await vm.exec("head -c 2M /dev/zero > f");
  assert.equal(exitCode, 1);
  assert.match(stderr, /No space left on device/);
});

test("a directory of the host is mounted, read-only or not", async (t) => {
  const host = mkdtempSync(join(tmpdir(), "agentos-test-"));
  t.after(() => rmSync(host, { recursive: true }));
  writeFileSync(join(host, "f"), "on the host\n");
  const vm = await boot(t, {
    mounts: [
      { path: "/work", driver: hostDir(host) },
      { path: "/mnt/ro", driver: hostDir(host), readOnly: true },
      { path: "/scratch", driver: memory() },
    ],
  });
  assert.equal((await vm.exec("cat /work/f && echo new > /work/g && cat /mnt/ro/g")).stdout, "on the host\nnew\n");
  assert.equal(readFileSync(join(host, "g"), "utf8"), "new\n");
  assert.match((await vm.exec("echo x > /mnt/ro/f")).stderr, /Read-only file system/);
  await assert.rejects(vm.writeFile("/mnt/ro/f", "x"), { code: "EROFS" });
  await vm.writeFile("/scratch/s", "kept in memory");
  await vm.move("/scratch/s", "/work/s");
  assert.equal(readFileSync(join(host, "s"), "utf8"), "kept in memory");
});

test("no way leads out of a mounted directory", async (t) => {
  const host = mkdtempSync(join(tmpdir(), "agentos-test-"));
  t.after(() => rmSync(host, { recursive: true }));
  const secret = `${host}-secret`;
  writeFileSync(secret, "secret of the host");
  t.after(() => rmSync(secret));
  symlinkSync(secret, join(host, "absolute"));
  symlinkSync(`../${secret.split("/").at(-1)}`, join(host, "relative"));
  symlinkSync("..", join(host, "up"));
  const vm = await boot(t, { mounts: [{ path: "/work", driver: hostDir(host) }] });
  const name = secret.split("/").at(-1);
  for (const path of ["/work/absolute", "/work/relative", `/work/up/${name}`, `/work/../${name}`, `/work/../../..${secret}`]) {
    await assert.rejects(vm.readFile(path), (error) => ["ENOENT", "EACCES", "ELOOP"].includes(error.code), path);
    assert.notEqual((await vm.exec(`cat '${path}'`)).exitCode, 0, path);
  }
  const made = await vm.exec(`ln -s ${secret} /work/mine && cat /work/mine`);
  assert.equal(made.stdout, "");
});

test("a mount of something that is not there is a bad option", async (t) => {
  await assert.rejects(boot(t, { mounts: [{ path: "/work", driver: hostDir("/does/not/exist") }] }), (error) => {
    assert.equal(error.code, "ERR_AGENTOS_INVALID_OPTION");
    assert.match(error.message, /mounts\[0\]\.driver\.path.*\/does\/not\/exist/);
    return true;
  });
});
