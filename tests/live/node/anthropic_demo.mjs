// The official `@anthropic-ai/sdk` package over the demo channel. From 1.0 it sends its key as a Bearer token and asks
// for API version 2026-10-21.

import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";

import { assertCity, assertDemo, forecast, rejection, report, settings, weather } from "./checks.mjs";

const baseURL = settings.url;
const client = new Anthropic({ apiKey: settings.key, baseURL, maxRetries: 0 });
const asked = { model: "claude-opus-4-7", max_tokens: 256, messages: [{ role: "user", content: "Good morning" }] };
const tools = [{ name: weather.name, description: weather.description, input_schema: weather.schema }];

const textOf = (message) => message.content.map((block) => (block.type === "text" ? block.text : "")).join("");

async function secondTurn(first, how) {
  const call = first.content.find((block) => block.type === "tool_use");
  assert.equal(first.stop_reason, "tool_use");
  assert.equal(call.name, weather.name);
  assertCity(call.input);
  const result = { type: "tool_result", tool_use_id: call.id, content: forecast };
  const messages = [
    ...asked.messages,
    { role: "assistant", content: first.content },
    { role: "user", content: [result] },
  ];
  const second = await how({ ...asked, messages, tools });
  assert.equal(second.stop_reason, "end_turn");
  assert.ok(textOf(second).includes(forecast));
}

await report({
  async messages_create() {
    const message = await client.messages.create(asked);
    assert.equal(message.type, "message");
    assert.equal(message.stop_reason, "end_turn");
    assertDemo(textOf(message));
    assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  },

  async messages_streamed() {
    const types = [];
    let text = "";
    for await (const event of await client.messages.create({ ...asked, stream: true })) {
      types.push(event.type);
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
    }
    assertDemo(text);
    assert.equal(types[0], "message_start");
    assert.equal(types.at(-1), "message_stop");
  },

  async messages_stream_helper() {
    let heard = "";
    const stream = client.messages.stream(asked).on("text", (delta) => (heard += delta));
    const message = await stream.finalMessage();
    assertDemo(textOf(message));
    assert.equal(heard, textOf(message));
    assert.ok(stream.request_id, "request-id");
  },

  async tools_round_trip() {
    const whole = (request) => client.messages.create(request);
    await secondTurn(await whole({ ...asked, tools }), whole);
  },

  async tools_round_trip_streamed() {
    const streamed = (request) => client.messages.stream(request).finalMessage();
    await secondTurn(await streamed({ ...asked, tools }), streamed);
  },

  async forced_tool() {
    const message = await client.messages.create({ ...asked, tools, tool_choice: { type: "tool", name: weather.name } });
    assertCity(message.content.find((block) => block.type === "tool_use").input);
  },

  async beta_messages() {
    // `?beta=true` and an `anthropic-beta` header.
    const message = await client.beta.messages.create({ ...asked, betas: ["context-management-2025-06-27"] });
    assertDemo(textOf(message));
  },

  async over_other_vendors_models() {
    for (const model of ["gpt-5", "gemini-3-flash-preview"]) {
      assertDemo(textOf(await client.messages.create({ ...asked, model })));
    }
  },

  async count_tokens() {
    const short = await client.messages.countTokens({ model: asked.model, messages: asked.messages });
    const long = [{ role: "user", content: "Good morning. ".repeat(200) }];
    const more = await client.messages.countTokens({ model: asked.model, messages: long });
    assert.ok(short.input_tokens > 0 && more.input_tokens > short.input_tokens);
  },

  async models_list() {
    const names = [];
    for await (const model of client.models.list()) {
      assert.equal(model.type, "model");
      names.push(model.id);
    }
    assert.ok(names.includes("claude-opus-4-7"), names.join());
  },

  async key_as_x_api_key() {
    const older = { apiKey: null, authToken: null, baseURL, maxRetries: 0 };
    const client = new Anthropic({ ...older, defaultHeaders: { "x-api-key": settings.key, authorization: null } });
    assertDemo(textOf(await client.messages.create(asked)));
  },

  async wrong_key() {
    const stranger = new Anthropic({ apiKey: "sk-nobody-knows-this-one", baseURL, maxRetries: 0 });
    const error = await rejection(Anthropic.AuthenticationError, () => stranger.messages.create(asked));
    assert.equal(error.status, 401);
    assert.equal(error.error.type, "error");
    assert.ok(error.requestID, "request-id");
  },

  async unknown_model() {
    const request = { ...asked, model: "no-such-model" };
    const error = await rejection(Anthropic.NotFoundError, () => client.messages.create(request));
    assert.match(error.message, /no-such-model/);
    await rejection(Anthropic.NotFoundError, () => client.messages.stream(request).finalMessage());
  },

  async bad_requests() {
    await rejection(Anthropic.BadRequestError, () => client.messages.create({ ...asked, model: 5 }));
    await rejection(Anthropic.BadRequestError, () => client.messages.create({ max_tokens: 5, messages: [] }));
  },
});
