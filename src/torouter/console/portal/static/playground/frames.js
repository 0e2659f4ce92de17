// The wire view: the gateway's frames, one JSON object in each line, and what they tell of a request.

/** Frames out of text that is cut anywhere. */
export class Lines {
  #rest = "";

  *feed(text) {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
  }

  *close() {
    if (this.#rest.trim()) yield JSON.parse(this.#rest);
    this.#rest = "";
  }
}

/** Everything that is known so far. Times are milliseconds since the request came. */
export class Trace {
  request = null;
  attempts = [];
  status = null;
  returned = "";
  done = null;
  lastAt = 0;

  add(frame) {
    this.lastAt = Math.max(this.lastAt, frame.at_ms ?? 0);
    const attempt = this.attempts.find((each) => each.number === frame.number);
    switch (frame.kind) {
      case "request":
      case "status":
      case "done":
        this[frame.kind] = frame;
        break;
      case "attempt":
        this.attempts.push({ ...frame, losses: [], came: null, firstAt: null, lastAt: frame.at_ms, said: "", left: null });
        break;
      case "losses":
        attempt?.losses.push(...frame.losses);
        break;
      case "came":
        if (attempt) Object.assign(attempt, { came: frame, lastAt: frame.at_ms });
        break;
      case "chunk":
        if (attempt) chunk(attempt, frame);
        break;
      case "left":
        if (attempt) Object.assign(attempt, { left: frame, lastAt: frame.at_ms });
        break;
      case "returned":
        this.returned += textOf(frame);
    }
  }

  get losses() {
    return this.attempts.flatMap((attempt) => attempt.losses.map((loss) => ({ ...loss, number: attempt.number })));
  }
}

function chunk(attempt, frame) {
  attempt.firstAt ??= frame.at_ms;
  attempt.lastAt = frame.at_ms;
  attempt.said += textOf(frame);
}

/** What a frame has to show: bytes that are no text stay in base64, and of what is too long the rest is counted. */
export const textOf = (frame) => (frame.body ?? frame.data) + (frame.cut_bytes ? ` … +${frame.cut_bytes} B` : "");

/** The bytes of a frame's data: those that are no text come in base64. */
export function bytesOf(frame) {
  if (!frame.base64) return new TextEncoder().encode(frame.data);
  return Uint8Array.from(atob(frame.data), (character) => character.charCodeAt(0));
}
