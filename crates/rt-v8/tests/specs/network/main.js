const http = require("http"), net = require("net");
const server = http.createServer((req, res) => {
  let body = "";
  req.on("data", (d) => body += d).on("end", () => res.end(`${req.method} ${req.url} ${body}`));
});
server.listen(0, "127.0.0.1", () => {
  const { port, address, family } = server.address();
  console.log(port > 0, address, family);
  const req = http.request({ port, host: "127.0.0.1", method: "POST", path: "/p" }, (res) => {
    let body = "";
    res.on("data", (d) => body += d).on("end", () => { console.log(res.statusCode, body); server.close(refused(port)); });
  });
  req.end("x".repeat(10));
});
const refused = (port) => () => net.connect(port, "127.0.0.1").on("error", (e) => { console.log(e.code, e.syscall, e.address); unix(); });
function unix() {
  const echo = net.createServer((s) => s.pipe(s)).listen("/tmp/s", () => {
    const s = net.connect("/tmp/s", () => s.end("ping"));
    s.on("data", (d) => console.log(String(d))).on("close", () => echo.close(() => console.log("closed")));
  });
}
