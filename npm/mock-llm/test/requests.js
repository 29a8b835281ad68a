// What the tests send and how they read a stream.

export function post(url, body, options = {}) {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), ...options });
}

/** The JSON of every server-sent event of a response. */
export async function events(response) {
  const data = (await response.text())
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => line.slice("data: ".length));
  return data.filter((text) => text !== "[DONE]").map((text) => JSON.parse(text));
}

/** First answer: think, say something and write a file. Second answer: text. */
export const WRITE_THEN_TEXT = {
  side: "title",
  turns: [
    { text: "working", thinking: "hmm", toolCalls: [{ write: { path: "/x/a.txt", content: "hi" } }] },
    { text: "done" },
  ],
};
