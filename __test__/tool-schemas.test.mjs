// Schemas of tools: every library's become JSON Schema for the command line, and check again on the host.
import { hostTool, hostToolkit, toolKit, toolkitFromMcp } from "agentos";
import { type } from "arktype";
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import * as mini from "zod/mini";
import { z as z3 } from "zod-3";
import { argumentSchema } from "../dist/tools/schema.js";

const handler = async () => {};
const schemaOf = (args) => {
  const { $schema: _, ...json } = argumentSchema("args", args).json;
  return json;
};

/** The same schema in both versions of zod; null where one of them has no such thing. */
const bothZods = {
  "text, numbers and booleans": (zod) => zod.object({ s: zod.string().min(1), n: zod.number(), i: zod.number().int().min(0).max(9), b: zod.boolean() }),
  "enums and literals": (zod) => zod.object({ e: zod.enum(["a", "b"]), l: zod.literal("x"), n: zod.nativeEnum({ A: 1, B: "two" }) }),
  "optional, nullable, default": (zod) => zod.object({ o: zod.string().optional(), n: zod.string().nullable(), d: zod.number().default(3) }),
  "arrays and tuples": (zod) => zod.object({ a: zod.array(zod.string()).max(3), t: zod.tuple([zod.string(), zod.number()]).rest(zod.boolean()) }),
  records: (zod) => zod.object({ r: zod.record(zod.string(), zod.number()) }),
  unions: (zod) => zod.object({ u: zod.union([zod.string(), zod.object({ deep: zod.number() })]) }),
  "discriminated unions": (zod) =>
    zod.object({ d: zod.discriminatedUnion("kind", [zod.object({ kind: zod.literal("a"), x: zod.number() }), zod.object({ kind: zod.literal("b") })]) }),
  intersections: (zod) => zod.object({ i: zod.intersection(zod.object({ a: zod.string() }), zod.object({ b: zod.number() })) }),
  dates: (zod) => zod.object({ d: zod.date(), u: zod.union([zod.number(), zod.date()]), l: zod.array(zod.object({ at: zod.date() })) }),
  "big integers": (zod) => zod.object({ n: zod.bigint() }),
  recursion: (zod) => {
    const node = zod.lazy(() => zod.object({ name: zod.string(), children: zod.array(node).default([]) }));
    return zod.object({ node });
  },
  refinements: (zod) => zod.object({ even: zod.number().refine((n) => n % 2 === 0, "must be even") }),
  transforms: (zod) => zod.object({ n: zod.string().transform(Number), p: zod.string().transform((s) => s.trim()).pipe(zod.string().min(1)) }),
  "any and unknown": (zod) => zod.object({ a: zod.any(), u: zod.unknown() }),
  "a schema that is no object": (zod) => zod.array(zod.string()),
};
const samples = {
  "text, numbers and booleans": [{ s: "x", n: 1.5, i: 3, b: false }],
  "enums and literals": [{ e: "a", l: "x", n: "two" }],
  "optional, nullable, default": [{ n: null }, { n: null, d: 3 }],
  "arrays and tuples": [{ a: ["x"], t: ["x", 1, true] }],
  records: [{ r: { a: 1 } }],
  unions: [{ u: { deep: 1 } }],
  "discriminated unions": [{ d: { kind: "a", x: 1 } }],
  intersections: [{ i: { a: "x", b: 1 } }],
  dates: [
    { d: "2026-12-01T10:00:00Z", u: "2026-01-01", l: [{ at: "2026-02-03" }] },
    { d: new Date("2026-12-01T10:00:00Z"), u: new Date("2026-01-01"), l: [{ at: new Date("2026-02-03") }] },
  ],
  "big integers": [{ n: 12 }, { n: 12n }],
  recursion: [{ node: { name: "a", children: [{ name: "b" }] } }, { node: { name: "a", children: [{ name: "b", children: [] }] } }],
  refinements: [{ even: 2 }],
  transforms: [{ n: "4", p: " x " }, { n: 4, p: "x" }],
  "any and unknown": [{ a: 1, u: [2] }],
  "a schema that is no object": [["x"]],
};

for (const [name, make] of Object.entries(bothZods)) {
  for (const [version, zod] of [["zod 4", z], ["zod 3", z3]]) {
    test(`${version}: ${name}`, async () => {
      const schema = argumentSchema("args", make(zod));
      const [given, expected = given] = samples[name];
      assert.deepEqual(await schema.check(structuredClone(given)), { value: expected });
      // What the kernel sees is JSON, and says what kinds of values there are.
      assert.deepEqual(JSON.parse(JSON.stringify(schema.json)), schema.json);
      assert.equal(schema.json.type, Array.isArray(given) ? "array" : "object");
    });
  }
}

test("JSON Schemas are those of the input, in the form of 2020-12", () => {
  for (const zod of [z, z3]) {
    const args = zod.object({ status: zod.enum(["open", "all"]).default("open"), n: zod.string().transform(Number), due: zod.date(), items: zod.tuple([zod.string(), zod.number()]) });
    const { properties, required } = schemaOf(args);
    assert.deepEqual(properties.status, { type: "string", enum: ["open", "all"], default: "open" });
    assert.deepEqual(properties.n, { type: "string" });
    assert.deepEqual(properties.due, { type: "string", format: "date-time" });
    assert.deepEqual(properties.items.prefixItems, [{ type: "string" }, { type: "number" }]);
    assert.deepEqual(required, ["n", "due", "items"]);
  }
});

test("other libraries by Standard Schema, JSON Schema as it is", async () => {
  const arktype = argumentSchema("args", type({ a: "number > 3", "b?": "string" }));
  assert.deepEqual(arktype.json.properties.b, { type: "string" });
  assert.deepEqual(arktype.json.required, ["a"]);
  assert.deepEqual(await arktype.check({ a: 4 }), { value: { a: 4 } });
  assert.match((await arktype.check({ a: 1 })).problem, /^a: .*more than 3/);
  assert.deepEqual(schemaOf(mini.object({ a: mini.optional(mini.string()) })), { type: "object", properties: { a: { type: "string" } } });
  const json = { type: "object", properties: { x: { $ref: "#/$defs/y" } }, required: ["x"], $defs: { y: { type: "number" } } };
  assert.deepEqual(schemaOf(json), json);
  assert.deepEqual(schemaOf(undefined), { type: "object", properties: {}, additionalProperties: false });
});

test("what a refinement says is told with its path", async () => {
  for (const zod of [z, z3]) {
    const schema = argumentSchema("args", zod.object({ a: zod.object({ list: zod.array(zod.number().refine((n) => n % 2 === 0, "must be even")) }) }));
    assert.deepEqual(await schema.check({ a: { list: [2, 3] } }), { problem: "a.list[1]: must be even" });
    const late = argumentSchema("args", zod.object({ d: zod.date() }));
    assert.match((await late.check({ d: "no date" })).problem, /^d: Invalid/);
    const slow = argumentSchema("args", zod.string().refine(async () => false, "asked a server"));
    assert.deepEqual(await slow.check("x"), { problem: "asked a server" });
  }
});

const refusals = {
  "a map in zod 4": [z.object({ list: z.array(z.object({ m: z.map(z.string(), z.string()) })) }), "at /properties/list/items/properties/m: a map has no JSON form"],
  "a set in zod 3": [z3.object({ a: z3.object({ s: z3.set(z3.string()) }) }), "at /properties/a/properties/s: a set has no JSON form"],
  "a function in zod 3": [z3.object({ f: z3.function() }), "at /properties/f: a function has no JSON form"],
  "a class in zod 4": [z.object({ "a/b": z.union([z.string(), z.instanceof(Date)]) }), "at /properties/a~1b/anyOf/1: a custom type has no JSON form"],
  "an undefined in zod 4": [z.object({ u: z.undefined() }), "at /properties/u: an undefined has no JSON form"],
  "Standard Schema without JSON Schema": [{ "~standard": { version: 1, vendor: "acme", validate: () => ({ value: 1 }) } }, "the schema of acme has no JSON Schema"],
  "Standard Schema that cannot": [
    { "~standard": { version: 1, vendor: "acme", validate: () => {}, jsonSchema: { input: () => { throw new Error("acme cannot"); } } } },
    "acme cannot",
  ],
  "a function in JSON Schema": [{ type: "object", properties: { a: { default: () => 1 } } }, "at /properties/a/default: [Function: default] is not JSON"],
  "a schema that contains itself": [(() => { const s = { type: "object" }; s.not = s; return s; })(), "at /not: the schema contains itself"],
  "a list": [[], "a list is no schema"],
  "a number": [5, "5 is no schema"],
  null: [null, "null is no schema"],
};

for (const [name, [args, message]] of Object.entries(refusals)) {
  test(`refused, naming the place: ${name}`, () => {
    assert.throws(() => hostToolkit("project", { doIt: { description: "x", args, handler } }), (error) => {
      assert.equal(error.code, "ERR_AGENTOS_SCHEMA");
      assert.ok(error.message.startsWith(`toolkit "project": tool "doIt": args`), error.message);
      assert.ok(error.message.includes(message), error.message);
      return true;
    });
  });
}

const ok = { description: "x", handler };
const bad = [
  [() => hostToolkit("Project", { a: ok }), "ERR_INVALID_ARG_VALUE", /"name".*lower-case words.*'issue-tracker'.*'Project'/],
  [() => hostToolkit("", { a: ok }), "ERR_INVALID_ARG_VALUE", /"name"/],
  [() => hostToolkit("a--b", { a: ok }), "ERR_INVALID_ARG_VALUE", /"name"/],
  [() => hostToolkit("x".repeat(65), { a: ok }), "ERR_INVALID_ARG_VALUE", /"name"/],
  [() => hostToolkit(1, { a: ok }), "ERR_INVALID_ARG_TYPE", /"name"/],
  [() => hostToolkit("x", { "a b": ok }), "ERR_INVALID_ARG_VALUE", /"tools".*'a b'/],
  [() => hostToolkit("x", { "../a": ok }), "ERR_INVALID_ARG_VALUE", /"tools"/],
  [() => hostToolkit("x", { listIssues: ok, list_issues: ok }), "ERR_AGENTOS_TOOL_CLASH", /"listIssues" and "list_issues" would both be the command agentos-x list-issues/],
  [() => hostToolkit("x", { a: { handler } }), "ERR_INVALID_ARG_TYPE", /"tools\.a\.description"/],
  [() => hostToolkit("x", { a: { description: "x" } }), "ERR_INVALID_ARG_TYPE", /"tools\.a\.handler"/],
  [() => hostToolkit("x", { a: { ...ok, parameters: {} } }), "ERR_INVALID_ARG_VALUE", /"tools\.a".*parameters/],
  [() => hostToolkit("x", { a: { ...ok, timeoutMs: -1 } }), "ERR_INVALID_ARG_VALUE", /"tools\.a\.timeoutMs"/],
  [() => hostTool({ description: "x", handler }), "ERR_INVALID_ARG_TYPE", /"definition\.execute"/],
  [() => toolKit({ name: "x", tools: { a: ok } }), "ERR_INVALID_ARG_TYPE", /"options\.tools\.a".*hostTool/],
];

test("what is no toolkit is refused", () => {
  for (const [make, code, message] of bad) assert.throws(make, { code, message });
});

test("what is no MCP server is refused", async () => {
  await assert.rejects(toolkitFromMcp({}), { code: "ERR_INVALID_ARG_TYPE", message: /connected Client/ });
  await assert.rejects(toolkitFromMcp({ command: 1 }), { code: "ERR_INVALID_ARG_TYPE", message: /"server\.command"/ });
  await assert.rejects(toolkitFromMcp({ command: "/does/not/exist" }), { code: "ENOENT" });
});

test("a toolkit tells what is in it", () => {
  const weather = toolKit({ name: "weather", description: "Of today", tools: { get: hostTool({ description: "x", execute: () => 18 }) } });
  assert.deepEqual({ ...weather }, { name: "weather", description: "Of today", tools: ["get"] });
});
