// The three SDKs in every cell: four client dialects over four upstream dialects, each whole and by the SDK's own
// streaming helper, with text and with a tool's round trip. The upstream is the demo: its answer to a result repeats it.

import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";
import { FunctionCallingConfigMode, GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

import { assertCity, assertDemo, forecast, report, settings, weather } from "./checks.mjs";

const { name, description, schema } = weather;
const openai = new OpenAI({ apiKey: settings.key, baseURL: `${settings.url}/v1`, maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: settings.key, baseURL: settings.url, maxRetries: 0 });
const gemini = new GoogleGenAI({ apiKey: settings.key, httpOptions: { baseUrl: settings.url } });
const question = "What is the weather?";

// Each client asks, in one way or another, and gives back its SDK's own answer; the rest reads that answer.
const clients = {
  chat: {
    ways: {
      whole: (request) => openai.chat.completions.create(request),
      streamed: (request) => openai.chat.completions.stream(request).finalChatCompletion(),
    },
    asked: (model) => ({ model, messages: [{ role: "user", content: question }] }),
    tools: { tools: [{ type: "function", function: { name, description, parameters: schema } }] },
    text: (answer) => answer.choices[0].message.content,
    call(answer) {
      const [choice] = answer.choices;
      assert.equal(choice.finish_reason, "tool_calls");
      const [call] = choice.message.tool_calls;
      return { id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) };
    },
    next: (request, answer, call) => ({
      ...request,
      messages: [
        ...request.messages,
        answer.choices[0].message,
        { role: "tool", tool_call_id: call.id, content: forecast },
      ],
    }),
    tokens: (answer) => answer.usage && [answer.usage.prompt_tokens, answer.usage.completion_tokens],
    withUsage: { streamed: { stream_options: { include_usage: true } } },
  },

  responses: {
    ways: {
      whole: (request) => openai.responses.create(request),
      streamed: (request) => openai.responses.stream(request).finalResponse(),
    },
    asked: (model) => ({ model, input: [{ role: "user", content: question }] }),
    tools: { tools: [{ type: "function", name, description, parameters: schema, strict: false }] },
    text: (answer) => answer.output_text,
    call(answer) {
      const call = answer.output.find((item) => item.type === "function_call");
      return { id: call.call_id, name: call.name, input: JSON.parse(call.arguments) };
    },
    next: (request, answer, call) => ({
      ...request,
      input: [...request.input, ...answer.output, { type: "function_call_output", call_id: call.id, output: forecast }],
    }),
    tokens: (answer) => [answer.usage.input_tokens, answer.usage.output_tokens],
  },

  messages: {
    ways: {
      whole: (request) => anthropic.messages.create(request),
      streamed: (request) => anthropic.messages.stream(request).finalMessage(),
    },
    asked: (model) => ({ model, max_tokens: 256, messages: [{ role: "user", content: question }] }),
    tools: { tools: [{ name, description, input_schema: schema }] },
    text: (answer) => answer.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    call(answer) {
      assert.equal(answer.stop_reason, "tool_use");
      return answer.content.find((block) => block.type === "tool_use");
    },
    next: (request, answer, call) => ({
      ...request,
      messages: [
        ...request.messages,
        { role: "assistant", content: answer.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: forecast }] },
      ],
    }),
    tokens: (answer) => [answer.usage.input_tokens, answer.usage.output_tokens],
  },

  gemini: {
    ways: {
      whole: (request) => gemini.models.generateContent(request),
      streamed: async (request) => joined(await gemini.models.generateContentStream(request)),
    },
    asked: (model) => ({ model, contents: [{ role: "user", parts: [{ text: question }] }] }),
    tools: {
      config: {
        tools: [{ functionDeclarations: [{ name, description, parametersJsonSchema: schema }] }],
        toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } },
      },
    },
    text: (answer) => answer.candidates[0].content.parts.map((part) => part.text ?? "").join(""),
    call(answer) {
      const { functionCall } = answer.candidates[0].content.parts.find((part) => part.functionCall);
      return { id: functionCall.id, name: functionCall.name, input: functionCall.args };
    },
    next: (request, answer, call) => ({
      ...request,
      contents: [
        ...request.contents,
        answer.candidates[0].content,
        { role: "user", parts: [{ functionResponse: { id: call.id, name, response: { output: forecast } } }] },
      ],
    }),
    tokens: ({ usageMetadata }) => [usageMetadata.promptTokenCount, usageMetadata.candidatesTokenCount],
  },
};

/** The chunks of a Gemini stream as one answer: this SDK has no helper of its own for that but its chats. */
async function joined(stream) {
  const parts = [];
  let last;
  for await (const chunk of stream) {
    parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
    last = chunk;
  }
  assert.ok(last.candidates[0].finishReason, "the last chunk says why it ended");
  return { candidates: [{ content: { role: "model", parts } }], usageMetadata: last.usageMetadata };
}

async function check(client, way, model) {
  const ask = client.ways[way];
  const asked = { ...client.asked(model), ...client.withUsage?.[way] };
  const answer = await ask(asked);
  assertDemo(client.text(answer));
  for (const count of client.tokens(answer)) assert.ok(count > 0, "usage arrives");

  const request = { ...asked, ...client.tools };
  const first = await ask(request);
  const call = client.call(first);
  assert.equal(call.name, name);
  assertCity(call.input);
  const second = await ask(client.next(request, first, call));
  assert.ok(client.text(second).includes(forecast), `the result is in ${client.text(second)}`);
}

const checks = {};
for (const [client, how] of Object.entries(clients)) {
  for (const way of Object.keys(how.ways)) {
    for (const upstream of settings.upstreams) {
      checks[`${client}_${way}_over_${upstream}`] = () => check(how, way, `over-${upstream}`);
    }
  }
}
await report(checks);
