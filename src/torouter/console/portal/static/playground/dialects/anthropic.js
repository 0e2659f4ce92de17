// Anthropic Messages.

import { call, curl, javascript, nodeCall, pythonCall } from "../snippets.js";
import { BUDGETS, argumentsOf, errorIn, given, nativeOf, usage } from "./common.js";

const ANSWER_TOKENS = 4096;

export function request(turns, settings) {
  const thinking = thinkingOf(settings);
  const room = (settings.thinksByBudget && BUDGETS[settings.reasoning]) || 0;
  const body = given({
    model: settings.model,
    max_tokens: settings.maxTokens ?? ANSWER_TOKENS + room,
    system: settings.system || null,
    messages: turns.map((turn) => messageOf(turn, settings)),
    temperature: settings.temperature,
    top_p: settings.topP,
    stop_sequences: settings.stop,
    ...thinking,
    tools: settings.tools.map(({ name, description, parameters }) => ({
      name,
      ...given({ description }),
      input_schema: parameters,
    })),
    stream: settings.isStream || null,
  });
  return { path: "/v1/messages", body };
}

/** Older Claudes are given a budget, newer ones an effort; their thinking is shown only to those who ask. */
function thinkingOf({ reasoning, thinksByBudget }) {
  if (!reasoning) return {};
  if (reasoning === "off") return { thinking: { type: "disabled" } };
  if (thinksByBudget) return { thinking: { type: "enabled", budget_tokens: BUDGETS[reasoning] } };
  return { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: reasoning } };
}

function messageOf(turn, settings) {
  if (turn.role === "tools") {
    const results = turn.results.map((result) => ({
      type: "tool_result",
      tool_use_id: result.id,
      content: result.text,
    }));
    return { role: "user", content: results };
  }
  if (turn.role === "assistant") {
    return { role: "assistant", content: nativeOf(turn, "anthropic", settings) ?? saidBlocks(turn) };
  }
  const images = turn.images.map((image) => ({
    type: "image",
    source: { type: "base64", media_type: image.type, data: image.data },
  }));
  const text = turn.text ? [{ type: "text", text: turn.text }] : [];
  return { role: "user", content: images.length ? [...images, ...text] : turn.text };
}

function saidBlocks(turn) {
  if (!turn.calls.length) return turn.text;
  const calls = turn.calls.map((each) => ({
    type: "tool_use",
    id: each.id,
    name: each.name,
    input: argumentsOf(each),
  }));
  return [...(turn.text ? [{ type: "text", text: turn.text }] : []), ...calls];
}

export function reader() {
  const blocks = [];
  const inputs = [];
  let counted = {};

  function deltaEvents(at, delta) {
    const block = blocks[at] ?? {};
    switch (delta.type) {
      case "text_delta":
        block.text = (block.text ?? "") + delta.text;
        return [{ kind: "text", text: delta.text }];
      case "thinking_delta":
        block.thinking = (block.thinking ?? "") + delta.thinking;
        return [{ kind: "reasoning", text: delta.thinking }];
      case "signature_delta":
        block.signature = (block.signature ?? "") + delta.signature;
        return [];
      case "input_json_delta":
        inputs[at] = (inputs[at] ?? "") + delta.partial_json;
        return block.type === "tool_use" ? [{ kind: "arguments", at, text: delta.partial_json }] : [];
      default:
        return [];
    }
  }

  function stopped(at) {
    if (inputs[at]) blocks[at].input = argumentsOf({ arguments: inputs[at] });
    return [];
  }

  function count(told) {
    for (const [name, value] of Object.entries(told ?? {})) if (value != null) counted = { ...counted, [name]: value };
    return usageOf(counted);
  }

  function event(data) {
    switch (data.type) {
      case "message_start":
        return [count(data.message?.usage)];
      case "content_block_start":
        blocks[data.index] = { ...data.content_block };
        return blockEvents(data.content_block, data.index);
      case "content_block_delta":
        return deltaEvents(data.index, data.delta);
      case "content_block_stop":
        return stopped(data.index);
      case "message_delta":
        return [{ kind: "stop", reason: data.delta?.stop_reason ?? "" }, count(data.usage)];
      case "message_stop":
        return [{ kind: "native", content: blocks.filter(Boolean) }];
      case "error":
        return [{ kind: "error", ...errorIn(data) }];
      default:
        return [];
    }
  }

  function whole(body) {
    const error = errorIn(body);
    if (error) return [{ kind: "error", ...error }];
    const content = body.content ?? [];
    const calls = (block, at) =>
      block.type === "tool_use" ? [{ kind: "arguments", at, text: JSON.stringify(block.input ?? {}) }] : [];
    return [
      ...content.flatMap((block, at) => [...blockEvents(block, at), ...calls(block, at)]),
      { kind: "stop", reason: body.stop_reason ?? "" },
      count(body.usage),
      { kind: "native", content },
    ];
  }

  return { event, whole, end: () => [] };
}

/** Of a block as it opens, or whole. */
function blockEvents(block, at) {
  if (block.type === "text" && block.text) return [{ kind: "text", text: block.text }];
  if (block.type === "thinking" && block.thinking) return [{ kind: "reasoning", text: block.thinking }];
  if (block.type === "tool_use") return [{ kind: "call", at, id: block.id ?? "", name: block.name ?? "" }];
  return [];
}

/** `input_tokens` are without those of the cache. */
function usageOf(told) {
  const read = told.cache_read_input_tokens ?? 0;
  const input = told.input_tokens == null ? null : told.input_tokens + read + (told.cache_creation_input_tokens ?? 0);
  return usage(input, told.output_tokens, told.output_tokens_details?.thinking_tokens, read);
}

/** The SDK for Python has no names for what newer Claudes do not take; it sends it all the same. */
function beside({ temperature, top_p, ...body }) {
  const more = given({ temperature, top_p });
  return { ...body, ...(Object.keys(more).length ? { extra_body: more } : {}) };
}

export function snippet({ path, body }, language, base) {
  const headers = { "x-api-key": "$TOROUTER_KEY", "anthropic-version": "2023-06-01" };
  if (language === "curl") return curl(base + path, headers, body);
  const hasTools = Boolean(body.tools);
  const isStream = Boolean(body.stream);
  if (language === "python") {
    return pythonCall({
      imports: "from anthropic import Anthropic",
      client: `Anthropic(base_url=${javascript(base)}, api_key=os.environ["TOROUTER_KEY"])`,
      call: call("client.messages.create", beside(body)),
      hasTools,
      isStream,
      each: 'if event.type == "content_block_delta" and event.delta.type == "text_delta":\n        print(event.delta.text, end="", flush=True)',
      whole: 'print("".join(block.text for block in answer.content if block.type == "text"))',
    });
  }
  return nodeCall({
    imports: 'import Anthropic from "@anthropic-ai/sdk";',
    client: `new Anthropic({ baseURL: ${javascript(base)}, apiKey: process.env.TOROUTER_KEY })`,
    call: `client.messages.create(${javascript(body)})`,
    hasTools,
    isStream,
    each: 'if (event.type === "content_block_delta" && event.delta.type === "text_delta") process.stdout.write(event.delta.text);',
    whole: 'for (const block of answer.content) if (block.type === "text") console.log(block.text);',
  });
}
