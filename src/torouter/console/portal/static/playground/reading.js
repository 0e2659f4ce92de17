// From an answer's text, cut anywhere, to events in one form for all dialects:
//
//   {kind: "text" | "reasoning", text}      more of it
//   {kind: "call", at, id, name}            a call of a tool begins; `at` tells calls of one answer apart
//   {kind: "arguments", at, text}           more of its arguments, JSON
//   {kind: "image", image: {type, data}}    in base64
//   {kind: "usage", usage: {input, output, reasoning, cached}}
//                                           tokens so far; `cached` are among the input, `reasoning` among the output;
//                                           `null` was not told
//   {kind: "stop", reason}                  in the dialect's own word
//   {kind: "native", content}               all that was said, in the dialect's own form
//   {kind: "error", code, message}          in the dialect's own words

import { errorIn } from "./dialects/common.js";
import { EventStream } from "./sse.js";

/** Of an answer that a dialect's `reader` takes: `feed(text)` and `close()` give lists of events. */
export function answerReader(reader, contentType) {
  return contentType.includes("text/event-stream") ? streamReader(reader) : wholeReader(reader);
}

function streamReader(reader) {
  const stream = new EventStream();
  const read = (found) => [...found].flatMap((data) => (data === "[DONE]" ? [] : reader.event(parsed(data) ?? {})));
  return {
    feed: (text) => read(stream.feed(text)),
    close: () => [...read(stream.close()), ...reader.end()],
  };
}

function wholeReader(reader) {
  let all = "";
  return {
    feed(text) {
      all += text;
      return [];
    },
    close() {
      const body = parsed(all);
      if (body === null) return [{ kind: "error", code: "", message: all.slice(0, 2000) }];
      return [...reader.whole(body), ...reader.end()];
    },
  };
}

/** A refusal: whatever its body says of it. */
export function refusal(text) {
  return errorIn(parsed(text)) ?? { code: "", message: text.slice(0, 2000) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
