// What a Pi extension may import: the same list as in Pi's own extension loader.
import * as agentCore from "@mariozechner/pi-agent-core";
import * as ai from "@mariozechner/pi-ai";
import * as aiOauth from "@mariozechner/pi-ai/oauth";
import * as codingAgent from "@mariozechner/pi-coding-agent";
import * as tui from "pi:tui";
import * as typebox from "typebox";
import * as typeboxCompile from "typebox/compile";
import * as typeboxValue from "typebox/value";

export const virtualModules = {
  typebox,
  "typebox/compile": typeboxCompile,
  "typebox/value": typeboxValue,
  "@sinclair/typebox": typebox,
  "@sinclair/typebox/compile": typeboxCompile,
  "@sinclair/typebox/value": typeboxValue,
  "@mariozechner/pi-agent-core": agentCore,
  "@mariozechner/pi-tui": tui,
  "@mariozechner/pi-ai": ai,
  "@mariozechner/pi-ai/oauth": aiOauth,
  "@mariozechner/pi-coding-agent": codingAgent,
};
