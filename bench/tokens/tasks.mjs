// Three tasks, each recorded in three ways: what the model says and calls, turn by turn. The answers of the tools are not recorded
// but come from running the calls. Every way ends with the same answer.

const mcp = (name, input) => ({ name, input });
const CITIES = ["London", "Oslo", "Rome", "Cairo", "Lima"];

export const tasks = [
  {
    name: "one call: create a pull request",
    question: "Create a pull request for the branch fix-login with the title 'Fix login bug'. Tell me its number.",
    mcp: [[mcp("project_create-pr", { title: "Fix login bug", branch: "fix-login" })]],
    shell: ["agentos-project create-pr --title 'Fix login bug' --branch fix-login"],
    code: ["node -e 'import(\"agentos:project\").then(async (p) => console.log((await p.default.createPr({ title: \"Fix login bug\", branch: \"fix-login\" })).number))'"],
    answer: "It is pull request number 42.",
  },
  {
    name: "five calls: the warmest of five cities",
    question: `Which of these cities is the warmest now: ${CITIES.join(", ")}?`,
    mcp: [CITIES.map((city) => mcp("weather_get", { city }))],
    shell: [`for c in ${CITIES.join(" ")}; do agentos-weather get --city $c; done | sort -t: -k3 -n | tail -n 20`],
    code: [
      `cat > /tmp/a.mjs <<'EOF'
import weather from "agentos:weather";
const all = await Promise.all(${JSON.stringify(CITIES)}.map((city) => weather.get({ city })));
all.sort((a, b) => b.temperature - a.temperature);
console.log(all[0].city, all[0].temperature);
EOF
node /tmp/a.mjs`,
    ],
    answer: "Cairo is the warmest, with 33 degrees.",
  },
  {
    name: "much data: open issues by label",
    question: "How many open issues does each label have? Comment 'needs an owner' on the open security issues that have no assignee.",
    mcp: [
      [mcp("project_list-issues", { status: "open" })],
      [8, 28].map((id) => mcp("project_comment-issue", { id, text: "needs an owner" })),
    ],
    shell: [
      "agentos-project list-issues --status open > /tmp/i; grep -o '\"labels\":\\[\"[a-z]*' /tmp/i | sort | uniq -c; grep -o '{[^}]*\"security\"\\],\"assignee\":null' /tmp/i | grep -o '\"id\":[0-9]*'",
      "for i in 8 28; do agentos-project comment-issue --id $i --text 'needs an owner'; done",
    ],
    code: [
      `cat > /tmp/a.mjs <<'EOF'
import project from "agentos:project";
const count = {};
for (const issue of await project.listIssues({ status: "open" })) {
  for (const label of issue.labels) count[label] = (count[label] ?? 0) + 1;
  if (issue.labels.includes("security") && !issue.assignee) await project.commentIssue({ id: issue.id, text: "needs an owner" });
}
console.log(count);
EOF
node /tmp/a.mjs`,
    ],
    commented: [8, 28],
    answer: "The counts by label are above; the security issues without an assignee have the comment.",
  },
];
