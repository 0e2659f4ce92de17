// The official `@google/genai` package over the demo channel: `/v1beta`, key in `x-goog-api-key`.

import assert from "node:assert/strict";

import { ApiError, GoogleGenAI } from "@google/genai";

import { assertCity, assertDemo, forecast, rejection, report, settings, weather } from "./checks.mjs";

const httpOptions = { baseUrl: settings.url };
const client = new GoogleGenAI({ apiKey: settings.key, httpOptions });
const model = "gemini-3-flash-preview";
const asked = { model, contents: "Good morning" };
const declaration = { name: weather.name, description: weather.description, parametersJsonSchema: weather.schema };
const config = { tools: [{ functionDeclarations: [declaration] }] };

function history(first) {
  const [call] = first.functionCalls;
  assert.equal(call.name, weather.name);
  assertCity(call.args);
  const functionResponse = { id: call.id, name: call.name, response: { output: forecast } };
  return [
    { role: "user", parts: [{ text: asked.contents }] },
    first.candidates[0].content,
    { role: "user", parts: [{ functionResponse }] },
  ];
}

await report({
  async generate_content() {
    const answer = await client.models.generateContent(asked);
    assertDemo(answer.text);
    assert.equal(answer.candidates[0].finishReason, "STOP");
    assert.ok(answer.usageMetadata.totalTokenCount > 0);
  },

  async generate_content_stream() {
    const texts = [];
    let finish;
    for await (const chunk of await client.models.generateContentStream(asked)) {
      texts.push(chunk.text ?? "");
      finish = chunk.candidates?.[0]?.finishReason ?? finish;
    }
    assert.ok(texts.filter(Boolean).length > 1, "more than one chunk");
    assertDemo(texts.join(""));
    assert.equal(finish, "STOP");
  },

  async chat_session() {
    const chat = client.chats.create({ model });
    assertDemo((await chat.sendMessage({ message: "Good morning" })).text);
    let text = "";
    for await (const chunk of await chat.sendMessageStream({ message: "And again" })) text += chunk.text ?? "";
    assertDemo(text);
    assert.equal(chat.getHistory().length >= 4, true);
  },

  async function_calling() {
    const first = await client.models.generateContent({ ...asked, config });
    const second = await client.models.generateContent({ model, contents: history(first), config });
    assert.ok(second.text.includes(forecast));
  },

  async function_calling_streamed() {
    const parts = [];
    for await (const chunk of await client.models.generateContentStream({ ...asked, config })) {
      parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
    }
    const call = parts.find((part) => part.functionCall).functionCall;
    assert.equal(call.name, weather.name);
    assertCity(call.args);
  },

  async structured_output() {
    const json = { responseMimeType: "application/json", responseJsonSchema: weather.schema };
    assertCity(JSON.parse((await client.models.generateContent({ ...asked, config: json })).text));
  },

  async over_other_vendors_models() {
    for (const other of ["gpt-5", "claude-opus-4-7"]) {
      assertDemo((await client.models.generateContent({ ...asked, model: other })).text);
    }
  },

  async count_tokens() {
    const short = await client.models.countTokens(asked);
    const more = await client.models.countTokens({ model, contents: "Good morning. ".repeat(200) });
    assert.ok(short.totalTokens > 0 && more.totalTokens > short.totalTokens);
  },

  async embed_content() {
    const contents = ["one", "two"];
    const answer = await client.models.embedContent({ model: "gemini-embedding-001", contents });
    assert.equal(answer.embeddings.length, 2);
    assert.ok(answer.embeddings.every((item) => item.values.length > 1 && item.values.every(Number.isFinite)));
  },

  async models_list_and_get() {
    const names = [];
    for await (const found of await client.models.list()) names.push(found.name);
    assert.ok(names.includes(`models/${model}`), names.join());
    assert.equal((await client.models.get({ model })).name, `models/${model}`);
  },

  async stable_version() {
    // What the Python package asks for by default, the Node package asks for on request: `/v1/models/M:verb`.
    const stable = new GoogleGenAI({ apiKey: settings.key, apiVersion: "v1", httpOptions });
    assertDemo((await stable.models.generateContent(asked)).text);
    const names = [];
    for await (const found of await stable.models.list()) names.push(found.name);
    assert.ok(names.includes(`models/${model}`), names.join());
  },

  async base_url_that_ends_in_a_version() {
    const doubled = new GoogleGenAI({ apiKey: settings.key, httpOptions: { baseUrl: `${settings.url}/v1beta` } });
    assertDemo((await doubled.models.generateContent(asked)).text);
  },

  async wrong_key() {
    const stranger = new GoogleGenAI({ apiKey: "sk-nobody-knows-this-one", httpOptions });
    const error = await rejection(ApiError, () => stranger.models.generateContent(asked));
    assert.equal(error.status, 401);
    assert.equal(JSON.parse(error.message).error.status, "UNAUTHENTICATED");
  },

  async unknown_model() {
    const request = { ...asked, model: "no-such-model" };
    assert.equal((await rejection(ApiError, () => client.models.generateContent(request))).status, 404);
    assert.equal((await rejection(ApiError, () => client.models.generateContentStream(request))).status, 404);
  },

  async bad_request() {
    const request = { ...asked, contents: [{ role: "user", parts: [{ text: 5 }] }] };
    assert.equal((await rejection(ApiError, () => client.models.generateContent(request))).status, 400);
  },
});
