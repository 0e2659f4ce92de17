// The conversation as it stands on the page: one prompt across, and below it an answer for each side.

import { SIDES } from "../conversation.js";
import { showThumbs } from "../images.js";
import { clone } from "./clone.js";
import { edit } from "./editor.js";
import { ResultsView, SaidView, resultsForm } from "./step.js";
import { showText } from "./text.js";

export class Talk {
  #place;
  #conversation;
  #views = new Map();
  #context;

  /** `actions`: what the buttons do (see `main.js`); `words` are the page's. */
  constructor(place, conversation, words, actions) {
    this.#place = place;
    this.#conversation = conversation;
    this.#context = { words, actions, conversation };
  }

  /** Brings the page in line. Steps that are marked `isChanged` are shown anew. */
  update() {
    const { exchanges } = this.#conversation;
    document.getElementById("empty").hidden = exchanges.length > 0;
    for (const [exchange, view] of this.#views) {
      if (exchanges.includes(exchange)) continue;
      view.element.remove();
      this.#views.delete(exchange);
    }
    for (const exchange of exchanges) {
      if (!this.#views.has(exchange)) {
        const view = new ExchangeView(exchange, this.#context);
        this.#views.set(exchange, view);
        this.#place.append(view.element);
      }
      this.#views.get(exchange).update();
    }
  }
}

class ExchangeView {
  element = clone("exchange");
  #exchange;
  #answers = [null, null];
  #context;

  constructor(exchange, context) {
    this.#exchange = exchange;
    this.#context = context;
    const { actions } = context;
    const button = (name) => this.element.querySelector(`.pg-prompt [data-do=${name}]`);
    button("delete").addEventListener("click", () => actions.remove(exchange));
    button("edit").addEventListener("click", () =>
      edit(this.element.querySelector(".pg-prompt > .pg-said"), exchange.text, {
        save: (text, isResent) => actions.editPrompt(exchange, text, isResent),
        mayResend: true,
        back: button("edit"),
      }),
    );
    showThumbs(this.element.querySelector(".pg-prompt > .pg-thumbs"), exchange.images);
  }

  update() {
    showText(this.element.querySelector(".pg-prompt > .pg-said"), this.#exchange.text);
    const place = this.element.querySelector(".pg-answers");
    for (const side of SIDES) {
      const hasAnswer = this.#exchange.answers[side].length > 0;
      if (hasAnswer && !this.#answers[side]) {
        this.#answers[side] = new AnswerView(this.#exchange, side, this.#context);
        if (side === 0) place.prepend(this.#answers[side].element);
        else place.append(this.#answers[side].element);
      } else if (!hasAnswer && this.#answers[side]) {
        this.#answers[side].element.remove();
        this.#answers[side] = null;
      }
      this.#answers[side]?.update();
    }
    place.classList.toggle("two", this.#answers.every(Boolean));
  }
}

class AnswerView {
  element = clone("answer");
  #exchange;
  #side;
  #context;
  #views = new Map();
  #form = null;

  constructor(exchange, side, context) {
    this.#exchange = exchange;
    this.#side = side;
    this.#context = context;
    this.element
      .querySelector("[data-do=stop]")
      .addEventListener("click", () => context.actions.stop(this.#steps.at(-1)));
  }

  get #steps() {
    return this.#exchange.answers[this.#side];
  }

  update() {
    const steps = this.#steps;
    this.#dropGone(steps);
    const place = this.element.querySelector(".pg-steps");
    for (const step of steps) {
      if (!this.#views.has(step)) {
        const view = this.#viewOf(step);
        this.#views.set(step, view);
        place.append(view.element);
        step.isChanged = true;
      }
      if (step.isChanged) this.#views.get(step).update();
      step.isChanged = false;
    }
    this.#showHead(steps.findLast((step) => step.kind === "said"));
    this.#askForResults(place);
  }

  #dropGone(steps) {
    for (const [step, view] of this.#views) {
      if (steps.includes(step)) continue;
      view.element.remove();
      this.#views.delete(step);
    }
  }

  #viewOf(step) {
    if (step.kind === "results") return new ResultsView(step);
    const { words, actions } = this.#context;
    return new SaidView(step, words, {
      again: () => actions.again(this.#exchange, this.#side, step),
      edited: (text) => actions.editAnswer(step, text),
      code: () => actions.showCode(step),
    });
  }

  #showHead(step) {
    const { dialect, model } = step.dialectAndModel;
    this.element.querySelector("header strong").textContent = model;
    this.element.querySelector("header .tag").textContent = this.#context.words.dialects.get(dialect);
    this.element.querySelector("[data-do=stop]").hidden = step.state !== "running";
    this.element.setAttribute("aria-label", model);
    this.element.setAttribute("aria-busy", String(step.state === "running"));
  }

  #askForResults(place) {
    const { conversation, actions } = this.#context;
    const isLast = conversation.exchanges.at(-1) === this.#exchange;
    const calls = isLast ? conversation.waiting(this.#side) : [];
    if (!calls.length) {
      this.#form?.remove();
      this.#form = null;
    } else if (!this.#form) {
      this.#form = resultsForm(calls, (results) => actions.giveResults(this.#exchange, this.#side, results));
      place.append(this.#form);
      this.#form.querySelector("textarea").focus({ preventScroll: true });
    }
  }
}
