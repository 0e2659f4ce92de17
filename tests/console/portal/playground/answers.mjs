// Answers what `modules.py` asks: a list of calls on standard input, a list of what they gave on standard output.

import { readFileSync } from "node:fs";

import { Conversation, take } from "./playground/conversation.js";
import { dialectModule } from "./playground/dialects/all.js";
import { answerReader, refusal } from "./playground/reading.js";

const DO = {
  /** An answer's step, of text that comes in pieces of this length. */
  async read({ dialect, type, text, length }) {
    const step = new Conversation().begin({ id: 1, answers: [[], []] }, 0, {});
    const reader = answerReader((await dialectModule(dialect)).reader(), type);
    for (let at = 0; at < text.length; at += length) {
      for (const event of reader.feed(text.slice(at, at + length))) take(step, event);
    }
    for (const event of reader.close()) take(step, event);
    return step;
  },
  refusal: ({ text }) => refusal(text),
  request: async ({ turns, settings }) => (await dialectModule(settings.dialect)).request(turns, settings),
  snippet: async ({ turns, settings, language, base }) => {
    const dialect = await dialectModule(settings.dialect);
    return dialect.snippet(dialect.request(turns, settings), language, base);
  },
};

const calls = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await Promise.all(calls.map((call) => DO[call.do](call)))));
