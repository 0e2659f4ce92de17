// What the three SDKs' scripts share: settings from the command line, checks by name, a report as one line of JSON.
//
// A check that throws has failed; its stack goes into the report. Nothing is printed but the report, so that the test
// that started the script reads standard output as it is.

import assert from "node:assert/strict";

/** `{url, key}`: the root of the gateway's mount (no trailing slash) and a key that works; and what one script needs. */
export const settings = JSON.parse(process.argv[2]);

/** Runs all checks at once (they are independent, and some have to wait) and prints `{name: "ok" | stack}`. */
export async function report(checks) {
  const outcome = async ([name, check]) => {
    try {
      await check();
      return [name, "ok"];
    } catch (error) {
      return [name, String(error?.stack ?? error)];
    }
  };
  console.log(JSON.stringify(Object.fromEntries(await Promise.all(Object.entries(checks).map(outcome)))));
}

/** The error that `call` rejects with, which has to be of this class. */
export async function rejection(kind, call) {
  const error = await call().then(
    () => assert.fail(`expected a ${kind.name}, got an answer`),
    (thrown) => thrown,
  );
  assert.ok(error instanceof kind, `expected a ${kind.name}, got ${error?.stack ?? error}`);
  return error;
}

/** The demo says what it is in everything it writes. */
export function assertDemo(text) {
  assert.match(text, /demo/i);
}

export const weather = {
  name: "get_weather",
  description: "The weather of a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

/** Arguments that obey the schema of `weather`. */
export function assertCity(input) {
  assert.equal(typeof input?.city, "string", `not the tool's arguments: ${JSON.stringify(input)}`);
  assert.ok(input.city.length > 0);
}

/** A word that stands in a tool's result and must be found in the answer to it. */
export const forecast = "frogs-and-hail";
