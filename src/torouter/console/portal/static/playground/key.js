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
  of(group) {
    const held = this.#held.get(group);
    return held && held.until - Date.now() > MARGIN_MS ? held.key : this.#renew(group);
  }

  /** It is not taken any more. (Another may have noticed that before.) */
  async forget(group, key) {
    if ((await this.#held.get(group)?.key) === key) this.#held.delete(group);
  }

  #renew(group) {
    const held = { until: Infinity, key: null };
    held.key = this.#ask(group).then(
      ({ key, expires_at }) => {
        held.until = Date.parse(expires_at);
        return key;
      },
      (error) => {
        this.#held.delete(group);
        throw error;
      },
    );
    this.#held.set(group, held);
    return held.key;
  }

  async #ask(group) {
    const form = new URLSearchParams({ csrf: this.#csrf, ...(group ? { group } : {}) });
    const answer = await fetch("/playground/key", { method: "POST", body: form, redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") throw new SignedOut();
    if (!answer.ok) throw new NoKey(String(answer.status));
    return answer.json();
  }
}
