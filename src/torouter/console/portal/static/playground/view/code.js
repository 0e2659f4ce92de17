// The same request as a program.

import { dialectModule } from "../dialects/all.js";

const field = (id) => document.getElementById(id);

export class CodeDialog {
  #base;
  #language = "curl";
  #side = 0;
  #requests = [];

  constructor(base) {
    this.#base = base;
    field("code-dialog").addEventListener("click", ({ target }) => {
      const { language, side } = target.dataset;
      if (language) this.#language = language;
      if (side) this.#side = Number(side);
      if (language || side) this.#show();
    });
  }

  /** `[{dialect, model, request}]`, one or two of them, `request` promised. Rejects as that does. */
  async open(requests) {
    this.#requests = await Promise.all(requests.map(known));
    this.#side = 0;
    this.#show();
    if (!field("code-dialog").open) field("code-dialog").showModal();
  }

  #show() {
    const dialog = field("code-dialog");
    for (const button of dialog.querySelectorAll("[data-language]")) {
      button.ariaPressed = String(button.dataset.language === this.#language);
    }
    field("code-sides").hidden = this.#requests.length < 2;
    for (const button of field("code-sides").children) {
      button.textContent = this.#requests[button.dataset.side]?.model ?? "";
      button.ariaPressed = String(Number(button.dataset.side) === this.#side);
    }
    const { snippet, request } = this.#requests[this.#side];
    field("code-text").textContent = snippet(request, this.#language, this.#base);
  }
}

async function known({ dialect, model, request }) {
  const { snippet } = await dialectModule(dialect);
  return { model, snippet, request: await request };
}
