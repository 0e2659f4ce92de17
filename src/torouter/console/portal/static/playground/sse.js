// Server-sent events out of text that may be cut anywhere.

export class EventStream {
  #rest = "";

  /** The data of each event that has ended. */
  *feed(text) {
    // A line end may be cut in two: what ends in a carriage return waits.
    const all = this.#rest + text;
    const isCut = all.endsWith("\r");
    const lines = (isCut ? all.slice(0, -1) : all).replace(/\r\n?/g, "\n").split("\n\n");
    this.#rest = lines.pop() + (isCut ? "\r" : "");
    for (const lump of lines) yield* dataOf(lump);
  }

  /** What came without its empty line. */
  *close() {
    yield* dataOf(this.#rest.replace(/\r\n?/g, "\n"));
    this.#rest = "";
  }
}

function* dataOf(lump) {
  const lines = lump.split("\n").filter((line) => line.startsWith("data:"));
  if (lines.length) yield lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}
