// What handlers answer, as bytes of a program's output.

/** A result as a program prints it. */
export type Output =
  | { kind: "text"; text: string }
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "json"; json: string }
  | { kind: "nothing" }
  | { kind: "stream"; items: AsyncIterator<unknown> };

/** @throws TypeError for what JSON has no form for. */
export function outputOf(result: unknown): Output {
  if (result === undefined) return { kind: "nothing" };
  if (typeof result === "string") return { kind: "text", text: result };
  const bytes = bytesOf(result);
  if (bytes !== undefined) return { kind: "bytes", bytes };
  const items = itemsOf(result);
  return items === undefined ? { kind: "json", json: jsonOf(result) } : { kind: "stream", items };
}

/** One item of a stream: text and JSON are lines, bytes are as they are. */
export function chunkOf(item: unknown): Uint8Array {
  const bytes = bytesOf(item);
  if (bytes !== undefined) return bytes;
  const line = typeof item === "string" ? item : jsonOf(item);
  return Buffer.from(line.endsWith("\n") ? line : `${line}\n`, "utf8");
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : undefined;
}

/** The iterator of an async iterable or of a generator. Lists, sets and maps are values, not streams. */
function itemsOf(value: unknown): AsyncIterator<unknown> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Symbol.asyncIterator in value) return (value as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  if (!(Symbol.iterator in value) || typeof (value as { next?: unknown }).next !== "function") return undefined;
  return fromSync((value as Iterable<unknown>)[Symbol.iterator]());
}

async function* fromSync(items: Iterator<unknown>): AsyncGenerator<unknown, void> {
  try {
    for (let step = items.next(); !step.done; step = items.next()) yield step.value;
  } finally {
    items.return?.();
  }
}

function jsonOf(value: unknown): string {
  const json = JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? String(part) : part)) as string | undefined;
  if (json === undefined) throw new TypeError(`the tool answered a ${typeof value}, which has no JSON form`);
  return json;
}

/** What a program prints about something that was thrown: no stack, nothing of the host. */
export function failureText(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === "" ? thrown.name : thrown.message;
  if (typeof thrown === "string") return thrown;
  try {
    return jsonOf(thrown);
  } catch {
    return String(typeof thrown);
  }
}
