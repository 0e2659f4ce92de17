// Function tools as people write them here: a list of {name, description, parameters}, the last a JSON Schema.

const NAME = /^[A-Za-z_][\w.-]{0,63}$/;

/** `{tools, problem}`; a problem is a word: `json`, `list`, `name`, `twice`, `parameters`. */
export function readTools(text) {
  if (!text.trim()) return { tools: [], problem: "" };
  let told;
  try {
    told = JSON.parse(text);
  } catch {
    return { tools: [], problem: "json" };
  }
  if (!Array.isArray(told) || !told.every(isObject)) return { tools: [], problem: "list" };
  const problem = problemOf(told);
  return problem ? { tools: [], problem } : { tools: told.map(toolOf), problem: "" };
}

function problemOf(told) {
  if (!told.every(({ name }) => typeof name === "string" && NAME.test(name))) return "name";
  if (new Set(told.map(({ name }) => name)).size !== told.length) return "twice";
  return told.every(({ parameters }) => parameters === undefined || isObject(parameters)) ? "" : "parameters";
}

function toolOf({ name, description, parameters }) {
  const said = typeof description === "string" && description ? { description } : {};
  return { name, ...said, parameters: parameters ?? { type: "object", properties: {} } };
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
