// Prints what happens in a session, as it happens.

let inText = false;

export function printEvent(event) {
  const text = event.update?.sessionUpdate === "agent_message_chunk" ? event.update.content.text : undefined;
  if ((text !== undefined) !== inText) process.stdout.write("\n");
  inText = text !== undefined;
  if (inText) process.stdout.write(text ?? "");
  else console.log(`event: ${describe(event)}`);
}

function describe(event) {
  switch (event.type) {
    case "update":
      return describeUpdate(event.update);
    case "permissionRequest":
      return `the agent asks for permission: ${event.toolCall.title}`;
    case "permissionAnswer":
      return `permission answered: ${event.optionId}`;
    default:
      return event.type;
  }
}

function describeUpdate(update) {
  switch (update.sessionUpdate) {
    case "tool_call":
      return `tool call: ${update.title}`;
    case "tool_call_update":
      return `tool call: ${update.status ?? "output"}`;
    case "usage_update":
      return `${update.used} of ${update.size} tokens used`;
    default:
      return update.sessionUpdate;
  }
}
