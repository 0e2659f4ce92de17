// The session's key: asked for when it is first needed, and again before it ends or when the gateway no longer takes it.
// It is kept in this page's memory only.

const MARGIN_MS = 30_000;

/** There is nobody signed in any more. */
export class SignedOut extends Error {}

/** No key was given. */
export class NoKey extends Error {}

export class SessionKey {
  #csrf;
  #held = new Map();

  constructor(csrf) {
    this.#csrf = csrf;
  }

  /** Two that ask at once get the same. */
  async of(group) {
    const held = await this.#held.get(group)?.catch(() => null);
    if (held && Date.parse(held.expires_at) - Date.now() > MARGIN_MS) return held.key;
    const asked = this.#ask(group);
    this.#held.set(group, asked);
    return (await asked).key;
  }

  forget(group) {
    this.#held.delete(group);
  }

  async #ask(group) {
    const form = new URLSearchParams({ csrf: this.#csrf, ...(group ? { group } : {}) });
    const answer = await fetch("/playground/key", { method: "POST", body: form, redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") throw new SignedOut();
    if (!answer.ok) throw new NoKey(String(answer.status));
    return answer.json();
  }
}
