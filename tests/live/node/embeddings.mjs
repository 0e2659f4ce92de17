// The official `openai` package's embeddings over a Gemini upstream: its own base64 must come out as the same numbers.

import assert from "node:assert/strict";

import OpenAI from "openai";

import { rejection, report, settings } from "./checks.mjs";

const client = new OpenAI({ apiKey: settings.key, baseURL: `${settings.url}/v1`, maxRetries: 0 });
const model = "over-gemini";

await report({
  async base64_is_what_floats_say() {
    const asked = { model, input: ["one", "two"], dimensions: 64 };
    const [plain, packed] = await Promise.all([
      client.embeddings.create({ ...asked, encoding_format: "float" }),
      client.embeddings.create(asked),
    ]);
    assert.equal(packed.data.length, 2);
    for (const [index, item] of plain.data.entries()) {
      assert.equal(item.index, index);
      assert.equal(item.embedding.length, 64);
      assert.deepEqual(Float32Array.from(item.embedding), Float32Array.from(packed.data[index].embedding));
    }
    assert.equal(plain.usage.prompt_tokens, 2);
  },

  async tokens_are_refused() {
    const error = await rejection(OpenAI.BadRequestError, () => client.embeddings.create({ model, input: [1, 2] }));
    assert.equal(error.param, "input");
  },
});
