// A script says what the model answers. This module chooses the turn to play for a request.

/** @returns {(request: object) => object} chooser of one turn per request; keeps the count of "sequence" mode */
export function compileScript(script) {
  if (typeof script === "function") return (request) => script(request) ?? { text: "(no turn)" };
  const { mode = "prompt", rules = [], side, turns = [] } = Array.isArray(script) ? { turns: script } : script;
  let played = 0;
  return (request) => {
    const step = mode === "sequence" ? played : assistantTurns(request, mode);
    const rule = rules.find(({ when = {} }) => matches(when, request, step));
    if (rule !== undefined) return rule.turn;
    // Titles and summaries come without tools; they would otherwise eat a turn.
    if (request.tools.length === 0 && side !== undefined) return typeof side === "string" ? { text: side } : side;
    if (mode === "sequence") played++;
    return turns[Math.min(step, turns.length - 1)] ?? { text: "(script is over)" };
  };
}

/** In "history" mode all assistant turns count, else those since the last user text: each prompt starts the script anew. */
function assistantTurns({ turns }, mode) {
  const since = mode === "history" ? -1 : turns.findLastIndex((turn) => turn.role === "user");
  return turns.slice(since + 1).filter((turn) => turn.role === "assistant").length;
}

function matches(when, request, step) {
  const lastTurn = request.turns.at(-1);
  const lastUser = request.turns.findLast((turn) => turn.role === "user")?.text ?? "";
  const test = (pattern, text) => pattern === undefined || toRegExp(pattern).test(text);
  return (
    (when.api === undefined || when.api === request.api) &&
    test(when.model, request.model) &&
    test(when.system, request.system) &&
    test(when.user, lastUser) &&
    (when.toolResult === undefined || (lastTurn?.role === "tool" && test(when.toolResult, lastTurn.text))) &&
    (when.tools === undefined || when.tools === request.tools.length > 0) &&
    (when.step === undefined || when.step === step)
  );
}

function toRegExp(pattern) {
  return pattern instanceof RegExp ? pattern : new RegExp(pattern, "is");
}
