// What the dialects' modules share.

/** Without what nobody set: `null`, `undefined` and empty lists. */
export function given(fields) {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value != null && !(Array.isArray(value) && !value.length)),
  );
}

/** A call's arguments as an object, whatever the model wrote. */
export function argumentsOf(call) {
  try {
    const value = JSON.parse(call.arguments || "{}");
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

/** What the model said itself, if this dialect and model may have it back. */
export function nativeOf(turn, dialect, settings) {
  const native = turn.native;
  return native && native.dialect === dialect && native.model === settings.model ? native.content : null;
}

/** The error within a stream or a body, in the words of its dialect: every one has `error` with a message. */
export function errorIn(body) {
  const error = (Array.isArray(body) ? body[0] : body)?.error;
  if (!error) return null;
  if (typeof error === "string") return { code: "", message: error };
  const code = error.status ?? error.code ?? error.type ?? "";
  return { code: String(code), message: String(error.message ?? "") };
}

export const usage = (input, output, reasoning, cached) => ({
  kind: "usage",
  usage: { input: input ?? null, output: output ?? null, reasoning: reasoning ?? null, cached: cached ?? null },
});

/** Tokens to think with, where depth is told as a budget. */
export const BUDGETS = { low: 1024, medium: 4096, high: 16384 };
