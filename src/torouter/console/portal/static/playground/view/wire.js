// What went over the wire for one answer: who was asked and how long it took, what a translation lost, and the bodies.

import { copies } from "../../copying.js";
import { seconds } from "../figures.js";
import { textOf } from "../frames.js";
import { clone } from "./clone.js";
import { laidOut } from "./text.js";

export class WireView {
  element = clone("wire");
  #trace;
  #bodies = new Map();

  constructor(trace) {
    this.#trace = trace;
    this.element.addEventListener("toggle", () => this.update());
  }

  /** Costs nothing while it is folded. */
  update() {
    const { attempts, losses, lastAt } = this.#trace;
    this.element.querySelector("summary .soft").textContent = attempts.map(whoOf).join(" → ");
    if (!this.element.open) return;
    this.#showLine(attempts, Math.max(lastAt, 1));
    this.#showLosses(losses);
    this.#showBodies();
  }

  #showLine(attempts, whole) {
    const line = this.element.querySelector(".pg-line");
    while (line.children.length < attempts.length) line.append(clone("attempt"));
    attempts.forEach((attempt, at) => {
      const row = line.children[at];
      const came = attempt.came?.at_ms ?? attempt.lastAt;
      const text = (selector, told) => (row.querySelector(selector).textContent = told);
      text("strong", whoOf(attempt));
      text(".pg-who .soft", [attempt.credential, attempt.model].filter(Boolean).join(" · "));
      text(".pg-took", `${seconds(came - attempt.at_ms)} + ${seconds(attempt.lastAt - came)}`);
      const { verdict, why, message } = attempt.left ?? {};
      const told = new Set([attempt.came?.status, verdict, why, message].filter(Boolean));
      text(".pg-left", [...told].join(" · "));
      stretch(row.querySelector(".pg-waited"), attempt.at_ms, came, whole);
      stretch(row.querySelector(".pg-received"), came, attempt.lastAt, whole);
    });
  }

  #showLosses(losses) {
    const place = this.element.querySelector(".pg-losses");
    place.querySelector("p").hidden = losses.length > 0;
    place.querySelector("ul").replaceChildren(
      ...losses.map((loss) => {
        const item = document.createElement("li");
        const field = document.createElement("code");
        field.textContent = loss.field;
        item.append(field, ` ${[loss.what, loss.why].filter(Boolean).join(": ")}`);
        return item;
      }),
    );
  }

  #showBodies() {
    const { request, attempts, status, returned } = this.#trace;
    const words = this.element.querySelector(".snippets").dataset;
    if (request) this.#body("request", words.request, request.path, headed({ ...request, body: textOf(request) }));
    for (const attempt of attempts) {
      const who = `${whoOf(attempt)} · ${attempt.is_translated ? words.translated : words.native}`;
      this.#body(`sent-${attempt.number}`, words.sent, who, headed({ ...attempt, path: attempt.url, body: textOf(attempt) }));
      if (!attempt.came) continue;
      const came = headed({ status: attempt.came.status, headers: attempt.came.headers, body: attempt.said });
      this.#body(`came-${attempt.number}`, words.came, whoOf(attempt), came);
    }
    if (status) this.#body("returned", words.returned, String(status.status), headed({ ...status, body: returned }));
  }

  #body(name, title, detail, text) {
    if (!this.#bodies.has(name)) {
      const made = clone("body");
      made.querySelector("summary span").textContent = title;
      made.querySelector("summary .soft").textContent = detail;
      made.querySelector("pre").setAttribute("aria-label", title);
      copies(made.querySelector("button"), () => made.querySelector("code").textContent);
      this.element.querySelector(".snippets").append(made);
      this.#bodies.set(name, made);
    }
    const code = this.#bodies.get(name).querySelector("code");
    if (code.textContent !== text) code.textContent = text;
  }
}

const whoOf = (attempt) => attempt.channel ?? attempt.dialect;

/** The start line, the headers and the body, JSON laid out. */
function headed({ method, path, status, headers, body }) {
  const start = method ? `${method} ${path}` : `HTTP ${status}`;
  const lines = (headers ?? []).map(([name, value]) => `${name}: ${value}`);
  return [start, ...lines, "", laidOut(body ?? "")].join("\n");
}

function stretch(bar, from, to, whole) {
  bar.style.left = `${(from / whole) * 100}%`;
  bar.style.width = `${(Math.max(to - from, 0) / whole) * 100}%`;
}
