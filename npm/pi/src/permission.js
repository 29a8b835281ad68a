// Asks the client before a tool that changes something runs.

const OPTIONS = [
  { optionId: "allow_once", name: "Allow", kind: "allow_once" },
  { optionId: "allow_always", name: "Allow for this session", kind: "allow_always" },
  { optionId: "reject_once", name: "Reject", kind: "reject_once" },
];

export class PermissionGate {
  #ask;
  #always = new Set();

  /** @param {(request: object) => Promise<any>} ask sends `session/request_permission` */
  constructor(ask) {
    this.#ask = ask;
  }

  /**
   * Resolves to undefined when the call may run, else to the reason that the model is told.
   * @param {AbortSignal} [signal] cancels the question together with the turn
   */
  async refusal(toolName, toolCall, signal) {
    if (this.#always.has(toolName)) return undefined;
    const answer = await Promise.race([this.#ask({ toolCall, options: OPTIONS }), cancelled(signal)]);
    const outcome = answer?.outcome;
    if (outcome?.outcome !== "selected") return "The turn was cancelled before this tool call was approved.";
    if (outcome.optionId === "allow_always") this.#always.add(toolName);
    return outcome.optionId.startsWith("allow") ? undefined : "The user rejected this tool call.";
  }
}

function cancelled(signal) {
  const answer = { outcome: { outcome: "cancelled" } };
  if (signal === undefined) return new Promise(() => {});
  if (signal.aborted) return Promise.resolve(answer);
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(answer), { once: true }));
}
