// What was said, in memory and nowhere else. An exchange is one prompt with an answer at each side; an answer is made of
// steps, as tools may be called in between:
//
//   {kind: "said", state, text, reasoning, calls, images, native, …}    what a model said; `state` is `running`, `done`,
//                                                                       `stopped` or `failed`
//   {kind: "results", results: [{id, name, text, hasOwnId}]}            what a person said the tools had answered

export const SIDES = [0, 1];

export class Conversation {
  exchanges = [];
  #numbers = 0;

  add(text, images) {
    const exchange = { id: ++this.#numbers, text, images, answers: [[], []] };
    this.exchanges = [...this.exchanges, exchange];
    return exchange;
  }

  /** The last prompt without what was answered to it, in its place. */
  repeated() {
    const last = this.exchanges.at(-1);
    this.exchanges = this.exchanges.slice(0, -1);
    return this.add(last.text, last.images);
  }

  remove(exchange) {
    this.exchanges = this.exchanges.filter((each) => each !== exchange);
  }

  /** Drops what came after it. */
  cutAfter(exchange) {
    this.exchanges = this.exchanges.slice(0, this.exchanges.indexOf(exchange) + 1);
  }

  clear() {
    this.exchanges = [];
  }

  /** A new answer, or the next step of one. */
  begin(exchange, side, facts) {
    const step = { ...facts, kind: "said", state: "running", text: "", reasoning: "", calls: [], images: [] };
    Object.assign(step, { native: null, usage: {}, error: null, id: `${exchange.id}.${side}.${++this.#numbers}` });
    exchange.answers[side].push(step);
    return step;
  }

  /** Up to this exchange and with what has been said in it at this side. Where a side was not asked, the other's answers
   * stand for its own. */
  turns(exchange, side) {
    const until = this.exchanges.slice(0, this.exchanges.indexOf(exchange) + 1);
    return until.flatMap((each) => {
      const own = each.answers[side];
      const steps = own.length || each === exchange ? own : each.answers[1 - side];
      return [{ role: "user", text: each.text, images: each.images }, ...turnsOf(steps)];
    });
  }

  /** The calls that wait for a person's results at this side. */
  waiting(side) {
    const last = this.exchanges.at(-1)?.answers[side].at(-1);
    return last?.kind === "said" && last.state === "done" ? last.calls : [];
  }
}

/** What failed is not said again, and a call that nobody answered is left out: no dialect takes one. */
function turnsOf(steps) {
  return steps.flatMap((step, at) => {
    if (step.kind === "results") return [{ role: "tools", results: step.results }];
    if (step.state === "failed") return [];
    const isAnswered = !step.calls.length || steps[at + 1]?.kind === "results";
    const calls = isAnswered && step.state === "done" ? step.calls : [];
    if (!step.text && !calls.length) return [];
    const native = step.native && isAnswered ? { ...step.dialectAndModel, content: step.native } : null;
    return [{ role: "assistant", text: step.text, calls, native }];
  });
}

/** One event of an answer (see `reading.js`) into its step. */
export function take(step, event) {
  switch (event.kind) {
    case "text":
    case "reasoning":
      step[event.kind] += event.text;
      break;
    case "call":
      step.calls.push({
        at: event.at,
        id: event.id || `call_${step.id.replaceAll(".", "_")}_${step.calls.length + 1}`,
        hasOwnId: Boolean(event.id),
        name: event.name,
        arguments: "",
      });
      break;
    case "arguments":
      step.calls.findLast((call) => call.at === event.at).arguments += event.text;
      break;
    case "image":
      step.images.push(event.image);
      break;
    case "usage":
      step.usage = event.usage;
      break;
    case "stop":
      step.stop = event.reason;
      break;
    case "native":
      step.native = event.content;
      break;
    case "error":
      step.error = { ...step.error, code: event.code, message: event.message };
  }
}
