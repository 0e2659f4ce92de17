import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation, take } from "./playground/conversation.js";
import { figuresOf, speedOf } from "./playground/figures.js";
import { Lines, Trace, bytesOf } from "./playground/frames.js";
import { SessionKey, SignedOut } from "./playground/key.js";
import { EventStream } from "./playground/sse.js";
import { readTools } from "./playground/tools.js";
import { piecesOf } from "./playground/view/text.js";

const all = (stream, pieces) => [...pieces.flatMap((piece) => [...stream.feed(piece)]), ...stream.close()];

test("events may be cut anywhere and end their lines as they like", () => {
  const text = ": hi\r\n\r\nevent: a\r\ndata: 1\r\ndata:2\r\n\r\ndata: three\n\nid: 4\n\ndata: \u2028\r\rdata: end";
  const wanted = ["1\n2", "three", "\u2028", "end"];
  for (let length = 1; length <= text.length; length++) {
    const pieces = text.match(new RegExp(`[^]{1,${length}}`, "g"));
    assert.deepEqual(all(new EventStream(), pieces), wanted, `in pieces of ${length}`);
  }
});

test("frames are lines, and a chunk may hold half of one", () => {
  const text = '{"kind":"request"}\n\n{"kind":"done"}';
  for (let length = 1; length <= text.length; length++) {
    const pieces = text.match(new RegExp(`[^]{1,${length}}`, "g"));
    assert.deepEqual(all(new Lines(), pieces).map((frame) => frame.kind), ["request", "done"]);
  }
});

test("a frame's bytes are its text, or base64", () => {
  assert.deepEqual([...bytesOf({ data: "é" })], [0xc3, 0xa9]);
  assert.deepEqual([...bytesOf({ data: "/wDD", base64: true })], [0xff, 0x00, 0xc3]);
});

test("a trace tells attempts apart", () => {
  const trace = new Trace();
  for (const frame of [
    { kind: "request", at_ms: 0, path: "/v1/messages" },
    { kind: "attempt", number: 1, at_ms: 1, channel: "a" },
    { kind: "came", number: 1, at_ms: 5, status: 503 },
    { kind: "left", number: 1, at_ms: 6, verdict: "next_channel", why: "overloaded" },
    { kind: "attempt", number: 2, at_ms: 7, channel: "b" },
    { kind: "losses", number: 2, losses: [{ field: "top_k", why: "dropped" }] },
    { kind: "came", number: 2, at_ms: 9, status: 200 },
    { kind: "chunk", number: 2, at_ms: 10, data: "one" },
    { kind: "chunk", number: 2, at_ms: 20, data: "two" },
    { kind: "chunk", number: 3, at_ms: 20, data: "of nobody" },
    { kind: "returned", at_ms: 21, data: "ONETWO" },
    { kind: "something new", at_ms: 22 },
    { kind: "done", at_ms: 30 },
  ]) {
    trace.add(frame);
  }
  assert.deepEqual(trace.attempts.map(({ channel, said, firstAt, lastAt }) => [channel, said, firstAt, lastAt]), [
    ["a", "", null, 6],
    ["b", "onetwo", 10, 20],
  ]);
  assert.deepEqual(trace.losses, [{ field: "top_k", why: "dropped", number: 2 }]);
  assert.equal(trace.returned, "ONETWO");
  assert.equal(trace.lastAt, 30);
});

test("tools are read, or it is said what is wrong", () => {
  assert.deepEqual(readTools("  "), { tools: [], problem: "" });
  assert.deepEqual(readTools('[{"name": "a"}]').tools, [{ name: "a", parameters: { type: "object", properties: {} } }]);
  for (const [text, problem] of [
    ["{", "json"],
    ["{}", "list"],
    ["[1]", "list"],
    ["[null]", "list"],
    ["[{}]", "name"],
    ['[{"name": "a b"}]', "name"],
    ['[{"name": "a"}, {"name": "a"}]', "twice"],
    ['[{"name": "a", "parameters": []}]', "parameters"],
  ]) {
    assert.deepEqual(readTools(text), { tools: [], problem }, text);
  }
});

test("text stays text, and fences stand apart", () => {
  const texts = (text) => piecesOf(text).map((piece) => [piece.isCode, piece.text]);
  assert.deepEqual(texts("a\n\n```js\n  x\n```\nb"), [[false, "a"], [true, "  x"], [false, "b"]]);
  assert.deepEqual(texts("```\nnot closed"), [[true, "not closed"]]);
  assert.deepEqual(texts("in `a ``` line`"), [[false, "in `a ``` line`"]]);
  assert.deepEqual(texts(""), []);
});

function said(conversation, exchange, side, fields) {
  const step = conversation.begin(exchange, side, { dialectAndModel: { dialect: "anthropic", model: "m" } });
  return Object.assign(step, { state: "done" }, fields);
}

test("what failed is not said again, and calls without results are left out", () => {
  const conversation = new Conversation();
  const first = conversation.add("one", []);
  said(conversation, first, 0, { text: "half", state: "failed" });
  const second = conversation.add("two", []);
  said(conversation, second, 0, { text: "let me see", calls: [{ id: "c", name: "f", arguments: "{}" }], native: [1] });
  assert.equal(conversation.waiting(0).length, 1);
  assert.equal(conversation.waiting(1).length, 0);
  const third = conversation.add("three", []);
  const turns = conversation.turns(third, 0);
  assert.deepEqual(turns.map((turn) => [turn.role, turn.text]), [
    ["user", "one"],
    ["user", "two"],
    ["assistant", "let me see"],
    ["user", "three"],
  ]);
  assert.deepEqual([turns[2].calls, turns[2].native], [[], null]);
});

test("a side that was not asked goes on with the other's answers", () => {
  const conversation = new Conversation();
  const first = conversation.add("one", []);
  said(conversation, first, 0, { text: "left" });
  const second = conversation.add("two", []);
  said(conversation, second, 0, { text: "left again" });
  said(conversation, second, 1, { text: "right" });
  const third = conversation.add("three", []);
  const texts = (side) => conversation.turns(third, side).map((turn) => turn.text);
  assert.deepEqual(texts(0), ["one", "left", "two", "left again", "three"]);
  assert.deepEqual(texts(1), ["one", "left", "two", "right", "three"]);
});

test("a call without an id is given one, which stays", () => {
  const conversation = new Conversation();
  const step = said(conversation, conversation.add("x", []), 0, {});
  for (const at of [0, 1]) take(step, { kind: "call", at, id: "", name: "f" });
  take(step, { kind: "arguments", at: 1, text: "{}" });
  assert.deepEqual(step.calls.map((call) => [call.hasOwnId, call.arguments]), [[false, ""], [false, "{}"]]);
  assert.notEqual(step.calls[0].id, step.calls[1].id);
});

test("figures are those that are known", () => {
  const names = (step) => figuresOf(step).map(([name, value]) => `${name} ${value}`);
  const usage = { input: 1200, output: 30, reasoning: 0, cached: null };
  assert.deepEqual(names({ usage: {}, beganAt: 0 }), []);
  assert.deepEqual(names({ usage, beganAt: 0, firstAt: 200, endedAt: 1700, cost: "0.000123" }), [
    "input 1,200",
    "output 30",
    "cost $0.000123",
    "first 200 ms",
    "total 1.70 s",
    "speed 20",
  ]);
  assert.equal(speedOf(30, 1000, 1001), null);
  assert.equal(speedOf(null, 0, 1000), null);
});

test("a key is asked for once, and again before its time is up", async () => {
  const asked = [];
  const answers = (key, seconds) => ({ key, expires_at: new Date(Date.now() + seconds * 1000).toISOString() });
  const given = [answers("first", 10), answers("second", 600), answers("third", 600)];
  globalThis.fetch = async (path, { body }) => {
    asked.push(`${path} ${body}`);
    return { ok: true, json: async () => given.shift() };
  };
  const keys = new SessionKey("word");
  assert.deepEqual(await Promise.all([keys.of("g")]), ["first"]);
  assert.equal(await keys.of("g"), "second");
  await keys.forget("g", "first");
  assert.equal(await keys.of("g"), "second");
  await keys.forget("g", "second");
  assert.deepEqual(await Promise.all([keys.of("g"), keys.of("g")]), ["third", "third"]);
  assert.deepEqual(asked, Array(3).fill("/playground/key csrf=word&group=g"));
  globalThis.fetch = async () => ({ type: "opaqueredirect", ok: false });
  await assert.rejects(keys.of(""), SignedOut);
});
