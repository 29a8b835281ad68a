// Prints what an agent does, as it does it.

let inText = false;

export function printEvent(event) {
  const isText = event.sessionUpdate === "agent_message_chunk";
  if (isText !== inText) process.stdout.write("\n");
  inText = isText;
  if (isText) process.stdout.write(event.content.text ?? "");
  else console.log(`event: ${describe(event)}`);
}

function describe(event) {
  switch (event.sessionUpdate) {
    case "tool_call":
      return `tool call: ${event.title}`;
    case "tool_call_update":
      return `tool call ${event.status ?? "goes on"}`;
    case "usage_update":
      return `${event.used} of ${event.size} tokens used`;
    default:
      return event.sessionUpdate;
  }
}
