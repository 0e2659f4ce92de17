// OpenAI Chat Completions.

import { call, curl, javascript, nodeCall, pythonCall } from "../snippets.js";
import { errorIn, given, usage } from "./common.js";

export function request(turns, settings) {
  const system = settings.system ? [{ role: "system", content: settings.system }] : [];
  const body = given({
    model: settings.model,
    messages: [...system, ...turns.flatMap(messagesOf)],
    temperature: settings.temperature,
    top_p: settings.topP,
    max_completion_tokens: settings.maxTokens,
    stop: settings.stop,
    reasoning_effort: settings.reasoning === "off" ? "none" : settings.reasoning || null,
    tools: settings.tools.map((tool) => ({ type: "function", function: tool })),
  });
  if (settings.isStream) Object.assign(body, { stream: true, stream_options: { include_usage: true } });
  return { path: "/v1/chat/completions", body };
}

function messagesOf(turn) {
  if (turn.role === "tools") {
    return turn.results.map((result) => ({ role: "tool", tool_call_id: result.id, content: result.text }));
  }
  if (turn.role === "assistant") {
    const calls = turn.calls.map((each) => ({
      id: each.id,
      type: "function",
      function: { name: each.name, arguments: each.arguments || "{}" },
    }));
    return [{ role: "assistant", content: turn.text || null, ...given({ tool_calls: calls }) }];
  }
  const images = turn.images.map((image) => ({
    type: "image_url",
    image_url: { url: `data:${image.type};base64,${image.data}` },
  }));
  const text = turn.text ? [{ type: "text", text: turn.text }] : [];
  return [{ role: "user", content: images.length ? [...text, ...images] : turn.text }];
}

export function reader() {
  const begun = new Set();

  function callEvents(calls) {
    return (calls ?? []).flatMap((each, position) => {
      const at = each.index ?? position;
      const told = { kind: "arguments", at, text: each.function?.arguments ?? "" };
      if (begun.has(at)) return [told];
      begun.add(at);
      return [{ kind: "call", at, id: each.id ?? "", name: each.function?.name ?? "" }, told];
    });
  }

  function messageEvents(message, reason) {
    const events = partsOf(message);
    events.push(...callEvents(message.tool_calls));
    if (reason) events.push({ kind: "stop", reason });
    return events;
  }

  function read(body, field) {
    const error = errorIn(body);
    if (error) return [{ kind: "error", ...error }];
    const choice = body.choices?.find((each) => !each.index);
    const events = choice ? messageEvents(choice[field] ?? {}, choice.finish_reason) : [];
    const told = body.usage ?? body.x_groq?.usage;
    if (told) events.push(usageOf(told));
    return events;
  }

  return { event: (data) => read(data, "delta"), whole: (body) => read(body, "message"), end: () => [] };
}

/** Reasoning has no field of OpenAI's own here: `reasoning_content` (DeepSeek, Qwen), `reasoning` (OpenRouter, Groq), or
 * parts within the content (Mistral). */
function partsOf(message) {
  const events = [];
  const reasoning = message.reasoning_content ?? message.reasoning;
  if (typeof reasoning === "string" && reasoning) events.push({ kind: "reasoning", text: reasoning });
  for (const part of Array.isArray(message.content) ? message.content : []) {
    if (part.type === "text") events.push({ kind: "text", text: part.text ?? "" });
    if (part.type === "thinking") {
      events.push({ kind: "reasoning", text: (part.thinking ?? []).map((each) => each.text ?? "").join("") });
    }
  }
  if (typeof message.content === "string" && message.content) events.push({ kind: "text", text: message.content });
  if (typeof message.refusal === "string" && message.refusal) events.push({ kind: "text", text: message.refusal });
  return events;
}

function usageOf(told) {
  const { prompt_tokens_details: prompt, completion_tokens_details: completion } = told;
  return usage(told.prompt_tokens, told.completion_tokens, completion?.reasoning_tokens, prompt?.cached_tokens);
}

export function snippet({ path, body }, language, base) {
  if (language === "curl") return curl(base + path, { authorization: "Bearer $TOROUTER_KEY" }, body);
  const hasTools = Boolean(body.tools);
  if (language === "python") {
    return pythonCall({
      imports: "from openai import OpenAI",
      client: `OpenAI(base_url=${javascript(`${base}/v1`)}, api_key=os.environ["TOROUTER_KEY"])`,
      call: call("client.chat.completions.create", body),
      hasTools,
      isStream: Boolean(body.stream),
      each: 'print(event.choices[0].delta.content or "" if event.choices else "", end="", flush=True)',
      whole: "print(answer.choices[0].message.content)",
    });
  }
  return nodeCall({
    imports: 'import OpenAI from "openai";',
    client: `new OpenAI({ baseURL: ${javascript(`${base}/v1`)}, apiKey: process.env.TOROUTER_KEY })`,
    call: `client.chat.completions.create(${javascript(body)})`,
    hasTools,
    isStream: Boolean(body.stream),
    each: 'process.stdout.write(event.choices[0]?.delta.content ?? "");',
    whole: "console.log(answer.choices[0].message.content);",
  });
}
