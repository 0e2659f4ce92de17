// The models that one may choose. The page has the first of them; of others the server is asked: there may be thousands.

const AFTER_MS = 150;

export class Models {
  #list;
  #groupOf;
  #offering = new AbortController();
  #timer = 0;
  #known = new Map();

  /** `list` is the page's; `groupOf()` the group whose models are meant. */
  constructor(list, groupOf) {
    this.#list = list;
    this.#groupOf = groupOf;
  }

  /** Those that have in their names what is being written: of two that are asked for the later stays, and where nobody
   * answers what was offered before. */
  offer(search) {
    this.#offering.abort();
    this.#offering = new AbortController();
    const { signal } = this.#offering;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const found = await this.#find(search, signal).catch(() => null);
      if (!found || signal.aborted) return;
      this.#list.replaceChildren(...found.map(({ name }) => new Option("", name)));
    }, AFTER_MS);
  }

  /** What was offered is another group's. */
  clear() {
    this.#list.replaceChildren();
    this.offer("");
  }

  /** Is it told to think by a number of tokens? Not that we know, where nobody says so. */
  async thinksByBudget(model) {
    const bare = model.replace(/-thinking$/, "");
    const key = JSON.stringify([this.#groupOf(), bare]);
    if (!this.#known.has(key)) {
      const found = await this.#find(bare).catch(() => null);
      if (found) this.#known.set(key, found.some((each) => each.name === bare && each.thinks_by_budget));
    }
    return this.#known.get(key) ?? false;
  }

  async #find(search, signal = null) {
    const query = new URLSearchParams({ group: this.#groupOf(), search });
    const answer = await fetch(`/playground/models.json?${query}`, { signal, redirect: "manual" });
    if (!answer.ok) throw new TypeError(`models: ${answer.status}`);
    return (await answer.json()).models;
  }
}
