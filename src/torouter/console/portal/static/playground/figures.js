// Numbers of an answer, in the reader's language.

const language = globalThis.document?.documentElement.lang || "en";
const whole = new Intl.NumberFormat(language);
const oneDecimal = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

export const count = (number) => whole.format(number);

export function seconds(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** As elsewhere in the portal: six decimals at most, cents above a dollar. */
export function dollars(text) {
  const amount = Number(text);
  if (amount > 0 && amount < 0.000001) return "<$0.000001";
  return `$${amount.toFixed(amount >= 1 || !amount ? 2 : amount >= 0.01 ? 4 : 6)}`;
}

/** `[[name, text]]` of what is known. */
export function figuresOf(step) {
  const { input, output, reasoning, cached } = step.usage;
  const first = step.firstAt === undefined ? null : step.firstAt - step.beganAt;
  const total = step.endedAt === undefined ? null : step.endedAt - step.beganAt;
  return [
    ["input", input, count],
    ["cached", cached || null, count],
    ["output", output, count],
    ["reasoning", reasoning || null, count],
    ["cost", step.cost ?? null, dollars],
    ["first", first, seconds],
    ["total", total, seconds],
    ["stop", step.stop || null, String],
    ["speed", speedOf(output, first, total), (value) => oneDecimal.format(value)],
  ].flatMap(([name, value, shown]) => (value === null || value === undefined ? [] : [[name, shown(value)]]));
}

/** Tokens per second from the first to the last; `null` where an answer came at once. */
export function speedOf(output, firstMs, totalMs) {
  const spent = totalMs === null || firstMs === null ? 0 : totalMs - firstMs;
  return output && spent >= 50 ? output / (spent / 1000) : null;
}
