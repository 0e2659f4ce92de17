// The three SDKs' own retries, over an upstream that fails at first (see flaky.py for the models' names).
//
// The upstream says `Retry-After: 1`. A client that did not get to see that would come back after half a second.

import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

import { rejection, report, settings } from "./checks.mjs";

const messages = [{ role: "user", content: "Good morning" }];

const openai = new OpenAI({ apiKey: settings.key, baseURL: `${settings.url}/v1` });
const anthropic = new Anthropic({ apiKey: settings.key, baseURL: settings.url });
const retryOptions = { attempts: 3, initialDelay: 0.2 };
const gemini = new GoogleGenAI({ apiKey: settings.key, httpOptions: { baseUrl: settings.url, retryOptions } });

const callers = {
  chat: async (model) => (await openai.chat.completions.create({ model, messages })).choices[0].message.content,

  async chat_streamed(model) {
    let text = "";
    const stream = await openai.chat.completions.create({ model, messages, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    return text;
  },

  responses: async (model) => (await openai.responses.create({ model, input: "Good morning" })).output_text,

  messages: async (model) => (await anthropic.messages.create({ model, max_tokens: 9, messages })).content[0].text,

  async messages_streamed(model) {
    return (await anthropic.messages.stream({ model, max_tokens: 9, messages }).finalText()).trim();
  },

  gemini: async (model) => (await gemini.models.generateContent({ model, contents: "Good morning" })).text,

  async gemini_streamed(model) {
    let text = "";
    const stream = await gemini.models.generateContentStream({ model, contents: "Good morning" });
    for await (const chunk of stream) text += chunk.text ?? "";
    return text;
  },
};

const checks = {};
for (const [caller, call] of Object.entries(callers)) {
  checks[`${caller}_throttled_once`] = async () => {
    const began = performance.now();
    assert.equal(await call(`${caller}-throttled-once`), "at last");
    const waited = performance.now() - began;
    // @google/genai has delays of its own and does not look at the header.
    if (!caller.startsWith("gemini")) assert.ok(waited >= 950, `came back after ${waited} ms`);
  };
  checks[`${caller}_broken_once`] = async () => assert.equal(await call(`${caller}-broken-once`), "at last");
}

const exhausted = {
  chat: [OpenAI.RateLimitError, OpenAI.InternalServerError],
  responses: [OpenAI.RateLimitError, OpenAI.InternalServerError],
  messages: [Anthropic.RateLimitError, Anthropic.InternalServerError],
  gemini: [ApiError, ApiError],
};
for (const [caller, [throttled, broken]] of Object.entries(exhausted)) {
  checks[`${caller}_throttled_always`] = async () => {
    const error = await rejection(throttled, () => callers[caller](`${caller}-throttled-always`));
    assert.equal(error.status, 429);
  };
  checks[`${caller}_broken_always`] = async () => {
    const error = await rejection(broken, () => callers[caller](`${caller}-broken-always`));
    assert.ok([500, 502, 503].includes(error.status), `status ${error.status}`);
  };
}

await report(checks);
