// The official `openai` package over the demo channel: every call style that its users know.

import assert from "node:assert/strict";

import OpenAI, { toFile } from "openai";

import { assertCity, assertDemo, forecast, rejection, report, settings, weather } from "./checks.mjs";

const baseURL = `${settings.url}/v1`;
const client = new OpenAI({ apiKey: settings.key, baseURL, maxRetries: 0 });
const messages = [{ role: "user", content: "Good morning" }];
const chat = { model: "gpt-5", messages };
const chatTools = [{ type: "function", function: { name: weather.name, parameters: weather.schema } }];
const responsesTools = [{ type: "function", name: weather.name, parameters: weather.schema, strict: false }];
const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

await report({
  async chat_whole() {
    const answer = await client.chat.completions.create(chat);
    assert.equal(answer.object, "chat.completion");
    assert.equal(answer.choices[0].finish_reason, "stop");
    assertDemo(answer.choices[0].message.content);
    assert.ok(answer.usage.total_tokens > 0);
    assert.ok(answer._request_id, "x-request-id");
  },

  async chat_streamed() {
    const stream = await client.chat.completions.create({
      ...chat,
      stream: true,
      stream_options: { include_usage: true },
    });
    const deltas = [];
    let usage = null;
    for await (const chunk of stream) {
      assert.equal(chunk.object, "chat.completion.chunk");
      deltas.push(chunk.choices[0]?.delta?.content ?? "");
      usage = chunk.usage ?? usage;
    }
    assert.ok(deltas.filter(Boolean).length > 1, "more than one delta");
    assertDemo(deltas.join(""));
    assert.ok(usage.total_tokens > 0);
  },

  async chat_stream_without_usage() {
    const stream = await client.chat.completions.create({ ...chat, stream: true });
    for await (const chunk of stream) {
      assert.equal(chunk.choices.length, 1, "no chunk without a choice for who did not ask for usage");
      assert.equal(chunk.usage ?? null, null);
    }
  },

  async chat_stream_helper() {
    const runner = client.chat.completions.stream(chat);
    let heard = "";
    runner.on("content", (delta) => (heard += delta));
    const answer = await runner.finalChatCompletion();
    assertDemo(answer.choices[0].message.content);
    assert.equal(heard, answer.choices[0].message.content);
  },

  async chat_tools_round_trip() {
    const first = await client.chat.completions.create({ ...chat, tools: chatTools });
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    const call = first.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, weather.name);
    assertCity(JSON.parse(call.function.arguments));
    const result = { role: "tool", tool_call_id: call.id, content: forecast };
    const history = [...messages, first.choices[0].message, result];
    const second = await client.chat.completions.create({ ...chat, messages: history, tools: chatTools });
    assert.equal(second.choices[0].finish_reason, "stop");
    assert.ok(second.choices[0].message.content.includes(forecast));
  },

  async chat_tool_runner_streamed() {
    const calls = [];
    const runner = client.chat.completions.runTools({
      ...chat,
      stream: true,
      tools: [
        {
          type: "function",
          function: {
            name: weather.name,
            description: weather.description,
            parameters: weather.schema,
            parse: JSON.parse,
            function: (input) => (calls.push(input), forecast),
          },
        },
      ],
    });
    assert.ok((await runner.finalContent()).includes(forecast));
    assert.equal(calls.length, 1);
    assertCity(calls[0]);
  },

  async chat_structured_output() {
    const answer = await client.chat.completions.parse({
      ...chat,
      response_format: { type: "json_schema", json_schema: { name: "weather", schema: weather.schema, strict: true } },
    });
    assertCity(answer.choices[0].message.parsed);
  },

  async chat_over_other_vendors_models() {
    for (const model of ["claude-opus-4-7", "gemini-3-flash-preview"]) {
      const answer = await client.chat.completions.create({ ...chat, model });
      assertDemo(answer.choices[0].message.content);
    }
  },

  async responses_create() {
    const answer = await client.responses.create({ model: "gpt-5", input: "Good morning" });
    assert.equal(answer.status, "completed");
    assertDemo(answer.output_text);
    assert.ok(answer.usage.total_tokens > 0);
  },

  async responses_streamed() {
    const stream = await client.responses.create({ model: "gpt-5", input: "Good morning", stream: true });
    const types = [];
    let text = "";
    for await (const event of stream) {
      assert.equal(event.sequence_number, types.length, "sequence numbers count from 0");
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assertDemo(text);
    assert.equal(types[0], "response.created");
    assert.equal(types.at(-1), "response.completed");
  },

  async responses_stream_helper() {
    const stream = client.responses.stream({ model: "gpt-5", input: "Good morning" });
    const answer = await stream.finalResponse();
    assertDemo(answer.output_text);
  },

  async responses_tools_round_trip() {
    const input = [{ role: "user", content: "What is the weather?" }];
    const first = await client.responses.create({ model: "gpt-5", input, tools: responsesTools });
    const call = first.output.find((item) => item.type === "function_call");
    assert.equal(call.name, weather.name);
    assertCity(JSON.parse(call.arguments));
    const result = { type: "function_call_output", call_id: call.call_id, output: forecast };
    const history = [...input, ...first.output, result];
    const second = await client.responses.create({ model: "gpt-5", input: history, tools: responsesTools });
    assert.ok(second.output_text.includes(forecast));
  },

  async embeddings_as_base64() {
    // The package asks for base64 by itself and decodes it: a number here proves both.
    const answer = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
    assert.equal(answer.data.length, 2);
    assert.ok(answer.data.every((item) => item.embedding.length > 1 && item.embedding.every(Number.isFinite)));
    assert.notDeepEqual([...answer.data[0].embedding], [...answer.data[1].embedding]);
  },

  async embeddings_as_floats() {
    const asked = { model: "text-embedding-3-small", input: "one" };
    const [plain, packed] = await Promise.all([
      client.embeddings.create({ ...asked, encoding_format: "float" }),
      client.embeddings.create(asked),
    ]);
    const floats = plain.data[0].embedding;
    assert.ok(Array.isArray(floats));
    assert.deepEqual(Float32Array.from(floats), Float32Array.from(packed.data[0].embedding));
  },

  async images_generate() {
    const answer = await client.images.generate({ model: "gpt-image-1", prompt: "a grey square" });
    const image = Buffer.from(answer.data[0].b64_json, "base64");
    assert.deepEqual(image.subarray(1, 4).toString(), "PNG");
  },

  async images_edit() {
    const image = await toFile(png, "square.png", { type: "image/png" });
    const answer = await client.images.edit({ model: "gpt-image-1", image, prompt: "make it blue" });
    assert.deepEqual(Buffer.from(answer.data[0].b64_json, "base64").subarray(1, 4).toString(), "PNG");
  },

  async audio_speech_and_transcription() {
    const speech = await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "hello" });
    const sound = Buffer.from(await speech.arrayBuffer());
    assert.ok(sound.length > 44, "more than the header of a WAV file");
    const file = await toFile(sound, "hello.wav", { type: "audio/wav" });
    const heard = await client.audio.transcriptions.create({ model: "whisper-1", file });
    assertDemo(heard.text);
  },

  async models_list() {
    const names = [];
    for await (const model of client.models.list()) names.push(model.id);
    for (const name of ["gpt-5", "claude-opus-4-7", "gemini-3-flash-preview"]) assert.ok(names.includes(name), name);
  },

  async wrong_key() {
    const stranger = new OpenAI({ apiKey: "sk-nobody-knows-this-one", baseURL, maxRetries: 0 });
    const error = await rejection(OpenAI.AuthenticationError, () => stranger.chat.completions.create(chat));
    assert.equal(error.status, 401);
    assert.ok(error.requestID, "x-request-id");
    await rejection(OpenAI.AuthenticationError, async () => stranger.models.list());
  },

  async unknown_model() {
    const asked = { ...chat, model: "no-such-model" };
    const error = await rejection(OpenAI.NotFoundError, () => client.chat.completions.create(asked));
    assert.match(error.message, /no-such-model/);
    await rejection(OpenAI.NotFoundError, () => client.responses.create({ model: "no-such-model", input: "hi" }));
    await rejection(OpenAI.NotFoundError, () => client.chat.completions.create({ ...asked, stream: true }));
  },

  async bad_requests() {
    await rejection(OpenAI.BadRequestError, () => client.chat.completions.create({ messages }));
    await rejection(OpenAI.BadRequestError, () => client.chat.completions.create({ ...chat, model: 5 }));
    await rejection(OpenAI.NotFoundError, () => client.get("/no/such/path"));
  },
});
