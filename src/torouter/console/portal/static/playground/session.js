// What is being asked now, and how it is stopped.

import { answerInto, findCost } from "./asking.js";
import { dialectModule } from "./dialects/all.js";
import { NoKey, SignedOut } from "./key.js";

export class Session {
  #running = new Map();
  #options;

  /** `{conversation, keys, models, settingsOf, groupOf, isWired, changed}`: the last is called with each step that has
   * more. */
  constructor(options) {
    this.#options = options;
  }

  get isBusy() {
    return this.#running.size > 0;
  }

  /** The request that this side would make with what is set and has been said as it is called. Rejects where its
   * dialect is not to be had. */
  async request(exchange, side) {
    const { conversation, models, settingsOf } = this.#options;
    const settings = settingsOf(side);
    const turns = conversation.turns(exchange, side);
    const [dialect, thinksByBudget] = await Promise.all([
      dialectModule(settings.dialect),
      settings.reasoning ? models.thinksByBudget(settings.model) : false,
    ]);
    return dialect.request(turns, { ...settings, thinksByBudget });
  }

  async run(exchange, side) {
    const { conversation, settingsOf, groupOf, isWired, keys, changed } = this.#options;
    const { model, dialect } = settingsOf(side);
    const request = this.request(exchange, side);
    const step = conversation.begin(exchange, side, { request, dialectAndModel: { dialect, model } });
    const controller = new AbortController();
    const asked = { dialect, keys, group: groupOf(), isWired: isWired(), signal: controller.signal };
    const more = () => changed(step);
    this.#running.set(step, controller);
    more();
    try {
      await answerInto(step, { ...asked, request: await request, changed: more });
      step.state = step.error ? "failed" : "done";
    } catch (error) {
      step.state = controller.signal.aborted ? "stopped" : "failed";
      if (step.beganAt) step.endedAt = performance.now();
      if (step.state === "failed") step.error = { word: wordFor(error) };
    }
    this.#running.delete(step);
    more();
    await findCost(step, { ...asked, changed: more }).catch(() => null);
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
