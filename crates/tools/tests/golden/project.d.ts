/** The project tracker */
declare module "agentos:project" {
  const tools: {
    /** List issues from the project tracker */
    listIssues(args?: { status?: "open" | "closed" | "all"; limit?: number; labels?: string[]; verbose?: boolean; since?: string; score?: number }): Promise<any>;
    /** Create a pull request */
    createPr(args: { title: string; branch: string; author?: { name: string; admin?: boolean }; target?: string | null; ids?: number[] }): Promise<{ number: number }>;
    draw(args: { kind: "circle"; radius: number } | { kind: "square"; side: number }): Promise<any>;
  };
  export default tools;
}
