// Gemini's generateContent. The model and the way of answering stand in the path.

import { Code, call, curl, javascript, nodeCall, pythonCall } from "../snippets.js";
import { BUDGETS, argumentsOf, errorIn, given, nativeOf, usage } from "./common.js";

const STREAM = "streamGenerateContent?alt=sse";

export function request(turns, settings) {
  const generationConfig = given({
    temperature: settings.temperature,
    topP: settings.topP,
    maxOutputTokens: settings.maxTokens,
    stopSequences: settings.stop,
    thinkingConfig: thinkingOf(settings),
  });
  const declarations = settings.tools.map(({ name, description, parameters }) => ({
    name,
    ...given({ description }),
    parametersJsonSchema: parameters,
  }));
  const body = given({
    systemInstruction: settings.system ? { parts: [{ text: settings.system }] } : null,
    contents: turns.map((turn) => contentOf(turn, settings)),
    tools: declarations.length ? [{ functionDeclarations: declarations }] : null,
    generationConfig: Object.keys(generationConfig).length ? generationConfig : null,
  });
  const verb = settings.isStream ? STREAM : "generateContent";
  return { path: `/v1beta/models/${encodeURIComponent(settings.model)}:${verb}`, body };
}

/** Gemini 2.5 is given a budget, later ones a level. */
function thinkingOf({ reasoning, thinksByBudget }) {
  if (!reasoning) return null;
  if (reasoning === "off") return { thinkingBudget: 0 };
  if (thinksByBudget) return { thinkingBudget: BUDGETS[reasoning], includeThoughts: true };
  return { thinkingLevel: reasoning, includeThoughts: true };
}

function contentOf(turn, settings) {
  if (turn.role === "tools") {
    const parts = turn.results.map((result) => ({
      functionResponse: { ...idOf(result), name: result.name, response: { result: result.text } },
    }));
    return { role: "user", parts };
  }
  if (turn.role === "assistant") {
    return { role: "model", parts: nativeOf(turn, "gemini", settings) ?? saidParts(turn) };
  }
  const images = turn.images.map((image) => ({ inlineData: { mimeType: image.type, data: image.data } }));
  return { role: "user", parts: [...images, ...(turn.text ? [{ text: turn.text }] : [])] };
}

function saidParts(turn) {
  const calls = turn.calls.map((each) => ({
    functionCall: { ...idOf(each), name: each.name, args: argumentsOf(each) },
  }));
  return [...(turn.text ? [{ text: turn.text }] : []), ...calls];
}

/** An id that we gave a call is nothing to Gemini. */
const idOf = (named) => (named.hasOwnId ? { id: named.id } : {});

export function reader() {
  const parts = [];
  let calls = 0;
  let hasEnded = false;

  function partEvents(part) {
    keep(parts, part);
    if (part.functionCall) {
      const { id, name, args } = part.functionCall;
      const at = calls++;
      return [
        { kind: "call", at, id: id ?? "", name: name ?? "" },
        { kind: "arguments", at, text: JSON.stringify(args ?? {}) },
      ];
    }
    if (part.inlineData?.mimeType?.startsWith("image/")) {
      return [{ kind: "image", image: { type: part.inlineData.mimeType, data: part.inlineData.data } }];
    }
    return part.text ? [{ kind: part.thought ? "reasoning" : "text", text: part.text }] : [];
  }

  function event(data) {
    const error = errorIn(data);
    if (error) return [{ kind: "error", ...error }];
    const candidate = data.candidates?.[0];
    const events = (candidate?.content?.parts ?? []).flatMap(partEvents);
    const reason = candidate?.finishReason ?? data.promptFeedback?.blockReason;
    if (reason) events.push({ kind: "stop", reason });
    hasEnded ||= Boolean(reason);
    if (data.usageMetadata) events.push(usageOf(data.usageMetadata));
    return events;
  }

  const native = () => (hasEnded && parts.length ? [{ kind: "native", content: parts }] : []);
  // Without `alt=sse` a stream is a list of chunks.
  return { event, whole: (body) => (Array.isArray(body) ? body : [body]).flatMap(event), end: native };
}

/** Neighbouring texts are one; a signature ends its part. */
function keep(parts, part) {
  const last = parts.at(-1);
  const isPlain = (each) => each && typeof each.text === "string" && !each.thoughtSignature;
  if (isPlain(last) && typeof part.text === "string" && Boolean(last.thought) === Boolean(part.thought)) {
    last.text += part.text;
    if (part.thoughtSignature) last.thoughtSignature = part.thoughtSignature;
  } else parts.push({ ...part });
}

/** The prompt's tokens are without those of tools' results, the candidates' without the thoughts. */
function usageOf(told) {
  const input = told.promptTokenCount == null ? null : told.promptTokenCount + (told.toolUsePromptTokenCount ?? 0);
  const thoughts = told.thoughtsTokenCount ?? 0;
  const output = told.candidatesTokenCount == null && !thoughts ? null : (told.candidatesTokenCount ?? 0) + thoughts;
  return usage(input, output, told.thoughtsTokenCount, told.cachedContentTokenCount);
}

export function snippet({ path, body }, language, base) {
  if (language === "curl") return curl(base + path, { "x-goog-api-key": "$TOROUTER_KEY" }, body);
  const isStream = path.endsWith(STREAM);
  const model = decodeURIComponent(path.slice("/v1beta/models/".length, path.lastIndexOf(":")));
  const hasTools = Boolean(body.tools);
  if (language === "python") {
    return pythonCall({
      imports: `${hasBytes(body) ? "import base64\n\n" : ""}from google import genai`,
      client: `genai.Client(api_key=os.environ["TOROUTER_KEY"], http_options={"base_url": ${javascript(base)}})`,
      call: call(`client.models.generate_content${isStream ? "_stream" : ""}`, snaked({ model, ...settingsOf(body) })),
      hasTools,
      isStream,
      each: 'print(event.text or "", end="", flush=True)',
      whole: "print(answer.text)",
    });
  }
  return nodeCall({
    imports: 'import { GoogleGenAI } from "@google/genai";',
    client: `new GoogleGenAI({ apiKey: process.env.TOROUTER_KEY, httpOptions: { baseUrl: ${javascript(base)} } })`,
    call: `client.models.generateContent${isStream ? "Stream" : ""}(${javascript({ model, ...settingsOf(body) })})`,
    hasTools,
    isStream,
    each: 'process.stdout.write(event.text ?? "");',
    whole: "console.log(answer.text);",
  });
}

/** The SDKs have all but the conversation in one `config`. */
function settingsOf({ contents, systemInstruction, tools, generationConfig }) {
  const config = given({ systemInstruction: systemInstruction?.parts[0].text, tools, ...generationConfig });
  return { contents, ...(Object.keys(config).length ? { config } : {}) };
}

const OPAQUE = new Set(["args", "response", "parametersJsonSchema"]);
const BYTES = new Set(["data", "thoughtSignature"]);

/** In the names of the Python SDK, which wants bytes where JSON has base64. What is the tools' own stays. */
function snaked(value) {
  if (Array.isArray(value)) return value.map(snaked);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      OPAQUE.has(name) ? each : BYTES.has(name) ? new Code(`base64.b64decode(${javascript(each)})`) : snaked(each),
    ]),
  );
}

function hasBytes(value) {
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(([name, each]) => !OPAQUE.has(name) && (BYTES.has(name) || hasBytes(each)));
}
