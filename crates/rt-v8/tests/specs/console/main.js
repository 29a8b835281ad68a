console.log(["a", { b: "c" }], new Map([["k", "v"]]), "%s");
console.log("%s is %d", "x", 3, { y: 1 });
console.table([{ a: 1 }]);
console.log(class A {}, function f() {}, Symbol("s"), null, undefined, -0, 1n);
console.error("to stderr");
process.stdout.write = (text) => { process.stderr.write("caught " + text); return true; };
console.log("redirected");
