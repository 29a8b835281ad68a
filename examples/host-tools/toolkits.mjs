// Functions of this process that the VM has as commands and modules.
import { hostTool, hostToolkit, toolKit } from "agentos";
import { z } from "zod";

/** A tracker's issues: in a real backend a query, with credentials that the VM never sees. */
async function fetchIssues(status) {
  const issues = [
    { id: 1, title: "Fix login bug", status: "open" },
    { id: 2, title: "Dark mode", status: "open" },
    { id: 3, title: "Typo in the footer", status: "closed" },
  ];
  return issues.filter((issue) => status === "all" || issue.status === status);
}

async function createPullRequest(title, branch) {
  return { number: 42, url: `https://github.com/example/repo/pull/42?title=${encodeURIComponent(title)}&head=${branch}` };
}

export const project = hostToolkit(
  "project",
  {
    listIssues: {
      description: "List issues from the project tracker",
      args: z.object({ status: z.enum(["open", "closed", "all"]).default("open") }),
      handler: async (c, args) => {
        const issues = await fetchIssues(args.status);
        return issues.map((i) => `#${i.id}: ${i.title}`).join("\n");
      },
    },
    createPr: {
      description: "Create a pull request",
      args: z.object({ title: z.string(), branch: z.string() }),
      handler: async (c, args) => {
        const pr = await createPullRequest(args.title, args.branch);
        return `Created PR #${pr.number}: ${pr.url}`;
      },
    },
  },
  { description: "The project's issues and pull requests" },
);

const TEMPERATURES = { London: 18, Oslo: 4, Rome: 27 };

export const weather = toolKit({
  name: "weather",
  description: "Weather of cities",
  tools: {
    get: hostTool({
      description: "The weather of a city now",
      inputSchema: z.object({ city: z.string().describe("Its English name") }),
      outputSchema: z.object({ city: z.string(), temperature: z.number() }),
      execute: async ({ city }) => {
        const temperature = TEMPERATURES[city];
        if (temperature === undefined) throw new Error(`no weather for ${city}`);
        return { city, temperature };
      },
    }),
  },
});
