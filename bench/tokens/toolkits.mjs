// The tools of the token benchmark: 20 of them, as a backend of some size has. Their answers are fixed.
import { hostToolkit } from "agentos";
import { z } from "zod";

const LABELS = ["bug", "docs", "performance", "security", "ui"];
const ISSUES = Array.from({ length: 40 }, (_, i) => ({
  id: i + 1,
  title: `Issue number ${i + 1} about ${["login", "search", "export", "billing"][i % 4]}`,
  status: i % 3 === 2 ? "closed" : "open",
  labels: [LABELS[(i >> 1) % 5]],
  assignee: ["ada", "grace", "linus", null][i % 4],
  updatedAt: `2026-11-${String((i % 28) + 1).padStart(2, "0")}T09:00:00Z`,
  body: `Steps to reproduce: open the page, press the button ${i + 1} times, and see that the result is not what was asked for.`,
}));
const CITIES = { London: 18, Oslo: 4, Rome: 27, Cairo: 33, Lima: 21 };

const id = z.number().int().describe("Number of the issue");
const name = z.string().describe("Name of the service");
const page = { limit: z.number().int().min(1).max(100).default(50).describe("Most entries"), offset: z.number().int().min(0).default(0).describe("Entries to leave out") };

const tool = (description, shape, handler = () => ({ ok: true })) => ({ description, args: z.object(shape), handler: (_c, args) => handler(args) });

/** The issues that were commented on: every way of a task must come to the same. */
export const commented = [];

export const toolkits = [
  hostToolkit("project", {
    listIssues: tool(
      "List issues from the project tracker",
      { status: z.enum(["open", "closed", "all"]).default("open").describe("Which ones"), label: z.enum(LABELS).optional().describe("Only those with this label"), ...page },
      ({ status, label, limit, offset }) => ISSUES.filter((i) => (status === "all" || i.status === status) && (label === undefined || i.labels.includes(label))).slice(offset, offset + limit),
    ),
    getIssue: tool("Read one issue with its comments", { id }, ({ id: wanted }) => ({ ...ISSUES[wanted - 1], comments: [] })),
    createIssue: tool("Open an issue", { title: z.string(), body: z.string().default(""), labels: z.array(z.enum(LABELS)).default([]) }),
    closeIssue: tool("Close an issue", { id, reason: z.enum(["done", "duplicate", "wontfix"]).default("done") }),
    commentIssue: tool("Comment on an issue", { id, text: z.string() }, ({ id: about }) => {
      commented.push(about);
      return { ok: true };
    }),
    assignIssue: tool("Assign an issue to somebody", { id, user: z.string() }),
    createPr: tool("Create a pull request", { title: z.string(), branch: z.string(), base: z.string().default("main"), draft: z.boolean().default(false) }, ({ branch }) => ({ number: 42, url: `https://git.example/pull/42?head=${branch}` })),
    listPrs: tool("List pull requests", { state: z.enum(["open", "merged", "closed"]).default("open"), ...page }),
    mergePr: tool("Merge a pull request", { number: z.number().int(), method: z.enum(["merge", "squash", "rebase"]).default("merge") }),
    searchCode: tool("Search the repository's code", { query: z.string(), path: z.string().optional().describe("Only below this directory"), ...page }),
  }),
  hostToolkit("weather", {
    get: tool("The weather of a city now", { city: z.string().describe("Its English name") }, ({ city }) => ({ city, temperature: CITIES[city], humidity: 0.5, wind: { speed: 12, direction: "NW" } })),
    forecast: tool("The weather of a city in the next days", { city: z.string(), days: z.number().int().min(1).max(14).default(3) }),
    alerts: tool("Warnings for a region", { region: z.string() }),
  }),
  hostToolkit("deploy", {
    listServices: tool("List services and their versions", { environment: z.enum(["staging", "production"]).default("production") }),
    status: tool("Health of a service", { service: name }),
    release: tool("Release a version of a service", { service: name, version: z.string(), environment: z.enum(["staging", "production"]) }),
    rollback: tool("Go back to the version before", { service: name, environment: z.enum(["staging", "production"]) }),
    logs: tool("Read the last lines of a service's log", { service: name, lines: z.number().int().default(100), level: z.enum(["debug", "info", "warn", "error"]).default("info") }),
    metrics: tool("Read a metric of a service", { service: name, metric: z.enum(["cpu", "memory", "requests", "errors"]), minutes: z.number().int().default(60) }),
    setFlag: tool("Change a feature flag", { flag: z.string(), enabled: z.boolean() }),
  }),
];
