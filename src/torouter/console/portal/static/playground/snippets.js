// Requests written as programs: literals of the languages, and the frames that all dialects share.

/** Stands in a value for an expression of the language. */
export class Code {
  constructor(text) {
    this.text = text;
  }
}

/** The body goes in by a here-document: nothing in JSON ends one, and an image is too long for an argument. */
export function curl(url, headers, body) {
  const lines = Object.entries({ ...headers, "content-type": "application/json" }).map(
    ([name, value]) => `  -H "${name}: ${value}" \\\n`,
  );
  return `curl -N ${shell(url)} \\\n${lines.join("")}  --data-binary @- <<'EOF'\n${JSON.stringify(body, null, 2)}\nEOF`;
}

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function pythonCall({ imports, client, call, hasTools, isStream, each, whole }) {
  const [first, ...rest] = imports.split("\n\n");
  const head = rest.length ? `${first}\nimport os\n\n${rest.join("\n\n")}` : `import os\n\n${first}`;
  const loop = hasTools ? "print(event.model_dump_json(exclude_none=True))" : each;
  const end = isStream ? `for event in answer:\n    ${loop}` : hasTools ? "print(answer.model_dump_json(indent=2))" : whole;
  return `${head}\n\nclient = ${client}\nanswer = ${call}\n${end}`;
}

export function nodeCall({ imports, client, call, hasTools, isStream, each, whole }) {
  const loop = hasTools ? "console.log(JSON.stringify(event));" : each;
  const printed = hasTools ? "console.log(JSON.stringify(answer, null, 2));" : whole;
  const end = isStream ? `for await (const event of answer) {\n  ${loop}\n}` : printed;
  return `${imports}\n\nconst client = ${client};\nconst answer = await ${call};\n${end}`;
}

/** A call of Python's with named arguments. */
export function call(name, named) {
  const lines = Object.entries(named).map(([key, value]) => `    ${key}=${python(value, "    ")},\n`);
  return `${name}(\n${lines.join("")})`;
}

/** JSON's strings and numbers are Python's as well. */
export function python(value, margin = "") {
  if (value instanceof Code) return value.text;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${margin}    `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items = Array.isArray(value)
    ? value.map((each) => python(each, inner))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${python(each, inner)}`);
  return bracketed(open, close, items, margin, inner);
}

export function javascript(value, margin = "") {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = `${margin}  `;
  if (Array.isArray(value)) {
    const items = value.map((each) => javascript(each, inner));
    return bracketed("[", "]", items, margin, inner);
  }
  const name = (key) => (/^[A-Za-z_]\w*$/.test(key) && key !== "__proto__" ? key : `[${JSON.stringify(key)}]`);
  const items = Object.entries(value).map(([key, each]) => `${name(key)}: ${javascript(each, inner)}`);
  return bracketed("{ ", " }", items, margin, inner);
}

const WIDE = 88;

/** On one line if it is short. */
function bracketed(open, close, items, margin, inner) {
  if (!items.length) return (open + close).replace(/ +/g, "");
  const line = `${open}${items.join(", ")}${close}`;
  if (line.length + margin.length <= WIDE && !line.includes("\n")) return line;
  return `${open.trim()}\n${items.map((item) => `${inner}${item},\n`).join("")}${margin}${close.trim()}`;
}
