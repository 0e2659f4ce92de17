// OpenAI Responses. Nothing is kept at the upstream: each request brings the whole conversation, and reasoning goes back
// encrypted.

import { call, curl, javascript, nodeCall, pythonCall } from "../snippets.js";
import { errorIn, given, nativeOf, usage } from "./common.js";

export function request(turns, settings) {
  const isThinking = settings.reasoning && settings.reasoning !== "off";
  const effort = settings.reasoning === "off" ? "none" : settings.reasoning;
  const body = given({
    model: settings.model,
    instructions: settings.system || null,
    input: turns.flatMap((turn) => itemsOf(turn, settings)),
    temperature: settings.temperature,
    top_p: settings.topP,
    max_output_tokens: settings.maxTokens,
    reasoning: effort ? { effort, ...(isThinking ? { summary: "auto" } : {}) } : null,
    include: isThinking ? ["reasoning.encrypted_content"] : null,
    tools: settings.tools.map((tool) => ({ type: "function", ...tool, strict: false })),
    store: false,
    stream: settings.isStream || null,
  });
  return { path: "/v1/responses", body };
}

function itemsOf(turn, settings) {
  if (turn.role === "tools") {
    return turn.results.map((result) => ({ type: "function_call_output", call_id: result.id, output: result.text }));
  }
  if (turn.role === "assistant") return nativeOf(turn, "openai-responses", settings) ?? saidItems(turn);
  const images = turn.images.map((image) => ({
    type: "input_image",
    detail: "auto",
    image_url: `data:${image.type};base64,${image.data}`,
  }));
  const text = turn.text ? [{ type: "input_text", text: turn.text }] : [];
  return [{ role: "user", content: images.length ? [...text, ...images] : turn.text }];
}

function saidItems(turn) {
  const calls = turn.calls.map((each) => ({
    type: "function_call",
    call_id: each.id,
    name: each.name,
    arguments: each.arguments || "{}",
  }));
  return [...(turn.text ? [{ role: "assistant", content: turn.text }] : []), ...calls];
}

export function reader() {
  const items = [];
  const told = new Set();

  function itemEvents(item, at) {
    if (item.type !== "function_call") return [];
    return [{ kind: "call", at, id: item.call_id ?? "", name: item.name ?? "" }];
  }

  function ended(response) {
    const events = [];
    if (response.usage) events.push(usageOf(response.usage));
    const failed = response.error && { kind: "error", ...errorIn(response) };
    if (failed) return [...events, failed];
    const reason = response.incomplete_details?.reason ?? response.status ?? "";
    return [...events, { kind: "stop", reason }, { kind: "native", content: items.filter(Boolean) }];
  }

  function event(data) {
    const at = data.output_index ?? 0;
    switch (data.type) {
      case "response.output_text.delta":
      case "response.refusal.delta":
        return [{ kind: "text", text: data.delta }];
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        return [{ kind: "reasoning", text: data.delta }];
      case "response.reasoning_summary_part.added":
        return data.summary_index ? [{ kind: "reasoning", text: "\n\n" }] : [];
      case "response.output_item.added":
        return itemEvents(data.item, at);
      case "response.function_call_arguments.delta":
        told.add(at);
        return [{ kind: "arguments", at, text: data.delta }];
      case "response.output_item.done":
        items[at] = data.item;
        return data.item.type === "function_call" && !told.has(at)
          ? [{ kind: "arguments", at, text: data.item.arguments ?? "" }]
          : [];
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        return ended(data.response);
      case "error":
        return [{ kind: "error", ...(errorIn(data) ?? { code: String(data.code ?? ""), message: data.message }) }];
      default:
        return [];
    }
  }

  function whole(body) {
    const error = body.error && errorIn(body);
    if (error) return [{ kind: "error", ...error }];
    const events = (body.output ?? []).flatMap((item, at) => {
      items[at] = item;
      return wholeItem(item, at);
    });
    return [...events, ...ended(body)];
  }

  function wholeItem(item, at) {
    if (item.type === "message") {
      return (item.content ?? []).map((part) => ({ kind: "text", text: part.text ?? part.refusal ?? "" }));
    }
    if (item.type === "reasoning") {
      const parts = [...(item.summary ?? []), ...(item.content ?? [])];
      return parts.length ? [{ kind: "reasoning", text: parts.map((part) => part.text ?? "").join("\n\n") }] : [];
    }
    if (item.type !== "function_call") return [];
    return [...itemEvents(item, at), { kind: "arguments", at, text: item.arguments ?? "" }];
  }

  return { event, whole, end: () => [] };
}

function usageOf(told) {
  const { input_tokens_details: input, output_tokens_details: output } = told;
  return usage(told.input_tokens, told.output_tokens, output?.reasoning_tokens, input?.cached_tokens);
}

export function snippet({ path, body }, language, base) {
  if (language === "curl") return curl(base + path, { authorization: "Bearer $TOROUTER_KEY" }, body);
  const hasTools = Boolean(body.tools);
  const isStream = Boolean(body.stream);
  if (language === "python") {
    return pythonCall({
      imports: "from openai import OpenAI",
      client: `OpenAI(base_url=${javascript(`${base}/v1`)}, api_key=os.environ["TOROUTER_KEY"])`,
      call: call("client.responses.create", body),
      hasTools,
      isStream,
      each: 'print(event.delta if event.type == "response.output_text.delta" else "", end="", flush=True)',
      whole: "print(answer.output_text)",
    });
  }
  return nodeCall({
    imports: 'import OpenAI from "openai";',
    client: `new OpenAI({ baseURL: ${javascript(`${base}/v1`)}, apiKey: process.env.TOROUTER_KEY })`,
    call: `client.responses.create(${javascript(body)})`,
    hasTools,
    isStream,
    each: 'if (event.type === "response.output_text.delta") process.stdout.write(event.delta);',
    whole: "console.log(answer.output_text);",
  });
}
