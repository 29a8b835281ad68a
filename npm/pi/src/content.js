// Prompt content blocks of the protocol, as Pi takes them: one text and a list of images.
import { ErrorCode, RpcError } from "./connection.js";

export function toPiPrompt(blocks) {
  if (!Array.isArray(blocks)) throw new RpcError(ErrorCode.invalidParams, "prompt: expected an array of content blocks");
  const text = [];
  const images = [];
  for (const block of blocks) {
    switch (block?.type) {
      case "text":
        text.push(block.text);
        break;
      case "image":
        images.push({ type: "image", data: block.data, mimeType: block.mimeType });
        break;
      case "resource_link":
        text.push(`[${block.name ?? "resource"}](${block.uri})`);
        break;
      case "resource":
        text.push(embedded(block.resource));
        break;
      default:
        throw new RpcError(ErrorCode.invalidParams, `prompt: content of type ${JSON.stringify(block?.type)} is not supported`);
    }
  }
  return { text: text.join("\n\n"), images };
}

function embedded(resource) {
  if (typeof resource?.text !== "string") {
    throw new RpcError(ErrorCode.invalidParams, "prompt: an embedded resource must carry text");
  }
  return `<resource uri=${JSON.stringify(resource.uri)}>\n${resource.text}\n</resource>`;
}
