// One request to the public API, as any client would make it, and its answer as events.

import { take } from "./conversation.js";
import { dialectModule } from "./dialects/all.js";
import { answerReader, refusal } from "./reading.js";

const CREDENTIALS = {
  "openai-chat": (key) => ({ authorization: `Bearer ${key}` }),
  "openai-responses": (key) => ({ authorization: `Bearer ${key}` }),
  anthropic: (key) => ({ "x-api-key": key, "anthropic-version": "2023-06-01" }),
  gemini: (key) => ({ "x-goog-api-key": key }),
};
const COST_AFTER_MS = [250, 700, 1500, 3000, 6000];

/** Fills `step`, and calls `changed` whenever it has. Rejects where nobody answered, or when it was stopped. */
export async function answerInto(step, { request, dialect, keys, group, isWired, signal, changed }) {
  step.beganAt = performance.now();
  const ask = (key) => open(step, { request, dialect, key, isWired, signal, changed });
  const key = await keys.of(group);
  let answer = await ask(key);
  if (answer.status === 401) {
    // The key's time may have been up, or an operator has ended it: with a new one it is asked once more.
    await keys.forget(group, key);
    answer = await ask(await keys.of(group));
  }
  step.requestId = answer.headers.get("x-request-id") ?? answer.headers.get("request-id") ?? "";
  step.status = answer.status;
  await (answer.status < 400 ? read(step, answer, dialect, changed) : refuse(step, answer));
  step.endedAt = performance.now();
  step.requestId ||= step.trace?.done?.request_id ?? "";
}

async function read(step, answer, dialect, changed) {
  const { reader } = await dialectModule(dialect);
  const answered = answerReader(reader(), answer.headers.get("content-type") ?? "");
  const receive = (events) => {
    for (const event of events) {
      if (["text", "reasoning", "call", "image"].includes(event.kind)) step.firstAt ??= performance.now();
      take(step, event);
    }
    changed();
  };
  for await (const text of answer.texts) receive(answered.feed(text));
  receive(answered.close());
  if (step.error) step.error.status = answer.status;
}

async function refuse(step, answer) {
  let raw = "";
  for await (const text of answer.texts) raw += text;
  step.error = { ...refusal(raw), status: answer.status, raw };
}

async function open(step, { request, dialect, key, isWired, signal, changed }) {
  const headers = { ...CREDENTIALS[dialect](key), "content-type": "application/json" };
  if (isWired) headers["x-torouter-wire"] = "1";
  const response = await fetch(request.path, {
    method: "POST",
    headers,
    body: JSON.stringify(request.body),
    signal,
    credentials: "omit",
    cache: "no-store",
  });
  const isTrace = response.headers.get("content-type")?.startsWith("application/x-ndjson");
  if (!isTrace) return { status: response.status, headers: response.headers, texts: decoded(chunksOf(response)) };
  const frames = await import("./frames.js");
  step.trace = new frames.Trace();
  return traced(response, step.trace, changed, frames);
}

/** What the client would have been given stands in the frames: also that its connection would have been dropped. */
async function traced(response, trace, changed, { Lines, bytesOf }) {
  const frames = framesOf(response, new Lines(), trace, changed);
  let frame = await frames.next();
  while (!frame.done && frame.value.kind !== "status") frame = await frames.next();
  if (frame.done) throw new TypeError("the trace ended without a status");
  const { status, headers } = frame.value;
  return { status, headers: new Headers(headers), texts: decoded(returnedOf(frames, bytesOf)) };
}

async function* framesOf(response, lines, trace, changed) {
  const noted = function* (frames) {
    for (const frame of frames) {
      trace.add(frame);
      changed();
      yield frame;
    }
  };
  for await (const text of decoded(chunksOf(response))) yield* noted(lines.feed(text));
  yield* noted(lines.close());
}

async function* returnedOf(frames, bytesOf) {
  let isWhole = false;
  for await (const frame of frames) {
    if (frame.kind === "returned") yield bytesOf(frame);
    if (frame.kind === "done") isWhole = !frame.is_cut;
  }
  if (!isWhole) throw new TypeError("the answer was cut");
}

/** (A response's body cannot be walked in every browser.) */
async function* chunksOf(response) {
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

async function* decoded(chunks) {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** What it cost, once it is written down; also of an answer that was stopped. */
export async function findCost(step, { keys, group, changed }) {
  if (step.trace?.done) {
    step.cost = step.trace.done.cost_usd;
    return changed();
  }
  for (const ms of step.requestId ? COST_AFTER_MS : []) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    const headers = { authorization: `Bearer ${await keys.of(group)}` };
    const answer = await fetch(`/v1/requests/${step.requestId}`, { headers, credentials: "omit", cache: "no-store" });
    if (answer.ok) {
      step.cost = (await answer.json()).cost_usd;
      return changed();
    }
  }
}
