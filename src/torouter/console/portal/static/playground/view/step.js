// One step of an answer: what a model said, with its figures; or what a person said that tools had answered.

import { copies } from "../../copying.js";
import { figuresOf } from "../figures.js";
import { showThumbs } from "../images.js";
import { clone } from "./clone.js";
import { edit } from "./editor.js";
import { laidOut, showText } from "./text.js";

export class SaidView {
  element = clone("said");
  #step;
  #words;
  #wire = null;
  #parts;

  /** `actions`: `again`, `edited(text)` and `code`. */
  constructor(step, words, actions) {
    const find = (selector) => this.element.querySelector(selector);
    this.#step = step;
    this.#words = words;
    this.#parts = {
      reasoning: find(".pg-reasoning"),
      thought: find(".pg-thought"),
      said: find(".pg-said"),
      images: find(".pg-thumbs"),
      calls: find(".pg-calls"),
      error: find(".pg-error"),
      state: find(".pg-state"),
      figures: find(".pg-figures"),
      tools: find(":scope > .pg-tools"),
      wired: find(".pg-wired"),
    };
    this.#parts.figures.replaceChildren(document.getElementById("figures-template").content.cloneNode(true));
    this.#listen(actions);
  }

  #listen({ again, edited, code }) {
    const button = (name) => this.#parts.tools.querySelector(`[data-do=${name}]`);
    copies(button("copy"), () => this.#step.text);
    button("again").addEventListener("click", again);
    button("code").addEventListener("click", code);
    button("edit").addEventListener("click", () =>
      edit(this.#parts.said, this.#step.text, { save: edited, mayResend: false, back: button("edit") }),
    );
  }

  update() {
    const { state, text, reasoning, images, calls, trace } = this.#step;
    const { said, thought, tools, wired } = this.#parts;
    this.element.dataset.state = state;
    this.#parts.reasoning.hidden = !reasoning;
    showText(thought, reasoning);
    showText(said, text);
    showThumbs(this.#parts.images, images);
    this.#showCalls(calls);
    this.#showError();
    this.#showFigures();
    this.#parts.state.textContent = { running: this.#words.running, stopped: this.#words.stopped }[state] ?? "";
    tools.hidden = state === "running";
    if (trace) this.#showWire(trace, wired);
  }

  /** The module is asked for when it is first wanted. */
  async #showWire(trace, place) {
    this.#wire ??= import("./wire.js").then(({ WireView }) => {
      const view = new WireView(trace);
      place.append(view.element);
      return view;
    });
    (await this.#wire).update();
  }

  #showCalls(calls) {
    const place = this.#parts.calls;
    while (place.children.length < calls.length) place.append(clone("call"));
    calls.forEach((call, at) => {
      place.children[at].querySelector("strong").textContent = call.name;
      place.children[at].querySelector("pre").textContent = laidOut(call.arguments || "{}");
    });
  }

  #showError() {
    const { error } = this.#step;
    const place = this.#parts.error;
    place.hidden = !error;
    if (!error) return;
    const facts = [error.status && `HTTP ${error.status}`, error.code].filter(Boolean);
    place.querySelector("strong").textContent = facts.join(" · ");
    place.querySelector("code").textContent = this.#step.requestId ?? "";
    place.querySelector("p").textContent = error.word ? this.#words[error.word] : error.message;
    place.querySelector("details").hidden = !error.raw;
    place.querySelector("pre").textContent = laidOut(error.raw ?? "");
  }

  #showFigures() {
    const known = new Map(figuresOf(this.#step));
    for (const figure of this.#parts.figures.children) {
      const value = known.get(figure.dataset.figure);
      const isId = figure.dataset.figure === "id";
      figure.hidden = isId ? !this.#step.requestId : value === undefined;
      if (!isId) figure.querySelector("dd").textContent = value ?? "";
    }
    const link = this.#parts.figures.querySelector("a");
    link.textContent = this.#step.requestId ?? "";
    link.href = `/usage/${encodeURIComponent(this.#step.requestId ?? "")}`;
  }
}

export class ResultsView {
  element = document.createElement("div");

  constructor({ results }) {
    this.element.className = "pg-step";
    for (const result of results) {
      const shown = clone("results");
      shown.querySelector("strong").textContent = result.name;
      shown.querySelector("pre").textContent = laidOut(result.text);
      this.element.append(shown);
    }
  }

  update() {}
}

/** Where a person says what the tools that were called have answered. */
export function resultsForm(calls, send) {
  const form = clone("results-form");
  const blank = form.querySelector(".pg-result");
  const rows = calls.map((call) => {
    const row = blank.cloneNode(true);
    const area = row.querySelector("textarea");
    area.id = `result-${call.id}`;
    const label = row.querySelector("label");
    label.htmlFor = area.id;
    label.textContent = call.name;
    return row;
  });
  blank.replaceWith(...rows);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const areas = [...form.querySelectorAll("textarea")];
    send(calls.map(({ id, name, hasOwnId }, at) => ({ id, name, hasOwnId, text: areas[at].value })));
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  return form;
}
