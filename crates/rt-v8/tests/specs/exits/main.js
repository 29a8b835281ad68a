let again = true;
process.on("beforeExit", (code) => { console.log("beforeExit", code); if (again) { again = false; setTimeout(() => console.log("more"), 1); } });
process.on("exit", (code) => { console.log("exit", code); process.exitCode = 5; });
process.on("uncaughtException", (e, origin) => console.log("caught", e.message, origin));
setTimeout(() => { throw new Error("late"); }, 1);
Promise.reject(new Error("rejected"));
