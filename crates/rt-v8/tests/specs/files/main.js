const fs = require("fs");
const path = "/home/user/f";
fs.mkdirSync("/home/user/full");
fs.writeFileSync("/home/user/full/x", "");
fs.writeFileSync(path, "hello");
fs.appendFileSync(path, " world");
console.log(fs.readFileSync(path, "utf8"), fs.statSync(path).size, fs.statSync(path).isFile());
const fd = fs.openSync(path, "r+");
console.log(fd >= 3 && fd < 20, fs.readSync(fd, Buffer.alloc(5)), fs.fstatSync(fd).size);
fs.ftruncateSync(fd, 5);
fs.closeSync(fd);
for (const call of [() => fs.readFileSync("/nope"), () => fs.mkdirSync("/home"), () => fs.rmdirSync("/home/user/full"), () => fs.readdirSync(path), () => fs.closeSync(99)]) {
  try { call(); } catch (e) { console.log(e.code, e.errno, e.syscall, e.path); }
}
fs.mkdirSync("/home/user/a/b", { recursive: true });
fs.symlinkSync("../f", "/home/user/a/l");
console.log(fs.readlinkSync("/home/user/a/l"), fs.realpathSync("/home/user/a/l"), fs.readFileSync("/home/user/a/l", "utf8"));
fs.renameSync(path, "/home/user/g");
fs.rmSync("/home/user/a", { recursive: true });
console.log(fs.existsSync("/home/user/a"), fs.readdirSync("/home/user"));
(async () => {
  const { readFile, writeFile, stat } = fs.promises;
  await writeFile("/home/user/h", "async");
  console.log(await readFile("/home/user/h", "utf8"), (await stat("/home/user/h")).size, await readFile("/nope").catch((e) => e.code));
  fs.createReadStream("/home/user/h").pipe(fs.createWriteStream("/home/user/i")).on("finish", () => console.log(fs.readFileSync("/home/user/i", "utf8")));
})();
