// What is being asked now, and how it is stopped.

import { answerInto, findCost } from "./asking.js";
import { DIALECTS } from "./dialects/all.js";
import { NoKey, SignedOut } from "./key.js";

export class Session {
  #running = new Map();
  #options;

  /** `{conversation, keys, settingsOf, groupOf, isWired, changed}`: the last is called with each step that has more. */
  constructor(options) {
    this.#options = options;
  }

  get isBusy() {
    return this.#running.size > 0;
  }

  /** The request that this side would make with what has been said so far. */
  request(exchange, side) {
    const settings = this.#options.settingsOf(side);
    return DIALECTS[settings.dialect].request(this.#options.conversation.turns(exchange, side), settings);
  }

  async run(exchange, side) {
    const { conversation, settingsOf, groupOf, isWired, keys, changed } = this.#options;
    const { model, dialect } = settingsOf(side);
    const request = this.request(exchange, side);
    const step = conversation.begin(exchange, side, { request, dialectAndModel: { dialect, model } });
    const controller = new AbortController();
    const group = groupOf();
    const more = () => changed(step);
    this.#running.set(step, controller);
    more();
    try {
      const { signal } = controller;
      await answerInto(step, { request, dialect, keys, group, isWired: isWired(), signal, changed: more });
      step.state = step.error ? "failed" : "done";
    } catch (error) {
      step.state = controller.signal.aborted ? "stopped" : "failed";
      step.endedAt = performance.now();
      if (step.state === "failed") step.error = { word: wordFor(error) };
    }
    this.#running.delete(step);
    more();
    await findCost(step, { keys, group, changed: more }).catch(() => null);
  }

  stop(step) {
    this.#running.get(step)?.abort();
  }

  stopAll() {
    for (const controller of this.#running.values()) controller.abort();
  }
}

/** Why nobody answered. */
function wordFor(error) {
  if (error instanceof SignedOut) return "signedOut";
  return error instanceof NoKey ? "noKey" : "unreachable";
}
