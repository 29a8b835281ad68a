//! What of upstream's JavaScript is another: errors are those of Node.

/// `(file, text of upstream, our text)`, for the transpiler. A text that is gone is an error there.
pub const PATCHES: &[(&str, &str, &str)] = &[
    (FETCH, "  ArrayPrototypePush,\n", "  ArrayPrototypePush,\n  JSONParse,\n  ObjectAssign,\n"),
    // The cause has the properties of the system error that it is, as `resp.error[2]` tells.
    (
        FETCH,
        "throw new TypeError(\"fetch failed\", { cause: new Error(cause) });",
        "throw new TypeError(\"fetch failed\", { cause: ObjectAssign(new Error(cause), JSONParse(resp.error[2])) });",
    ),
    // Undici says why in the cause, not in the message.
    (
        FETCH,
        "new TypeError(\n                \"Fetch failed: \" + (response.error ?? \"unknown error\"),\n              )",
        "new TypeError(\"fetch failed\", { cause: new Error(response.error ?? \"unknown error\") })",
    ),
    (FETCH, "networkError(`Requests to port ${url.port} are blocked`)", "networkError(\"bad port\")"),
    (FETCH, "networkError(\"Maximum number of redirects (20) reached\")", "networkError(\"redirect count exceeded\")"),
    (FETCH, "networkError(\n          \"Encountered redirect while redirect mode is set to 'error'\",\n        )", "networkError(\"unexpected redirect\")"),
];

const FETCH: &str = "ext:deno_fetch/26_fetch.js";
