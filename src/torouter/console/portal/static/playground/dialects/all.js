// The four dialects by the names that the gateway gives them. Each module is asked for when it is first wanted; it has the same
// three functions, and none of them touches the page:
//
//   request(turns, settings) → {path, body}: the conversation as the dialect's request
//   reader() → {event(data), whole(body), end()}: an answer's events in one form for all dialects (see `reading.js`)
//   snippet(request, language, base) → text: the same request by curl or by the dialect's own SDK
//
// A turn is one of
//   {role: "user", text, images: [{type, data}]}, the data in base64
//   {role: "assistant", text, calls: [{id, name, arguments, hasOwnId}], native: {dialect, model, content} | null}
//   {role: "tools", results: [{id, name, text, hasOwnId}]}
// and `native` is what the dialect itself said, which goes back as it is to whom it came from.

const MODULES = {
  "openai-chat": () => import("./openai_chat.js"),
  "openai-responses": () => import("./openai_responses.js"),
  anthropic: () => import("./anthropic.js"),
  gemini: () => import("./gemini.js"),
};

/** Rejects where nobody gives it. */
export const dialectModule = (name) => MODULES[name]();
