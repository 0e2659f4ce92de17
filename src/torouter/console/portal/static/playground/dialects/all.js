// The four dialects by the names that the gateway gives them. Each module has the same three functions, and none of them
// touches the page:
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

import * as anthropic from "./anthropic.js";
import * as gemini from "./gemini.js";
import * as openaiChat from "./openai_chat.js";
import * as openaiResponses from "./openai_responses.js";

export const DIALECTS = {
  "openai-chat": openaiChat,
  "openai-responses": openaiResponses,
  anthropic,
  gemini,
};
