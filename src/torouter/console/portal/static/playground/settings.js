// What is set beside the conversation.

import { SIDES } from "./conversation.js";
import { readTools } from "./tools.js";

const field = (id) => document.getElementById(id);

const EXAMPLE = {
  name: "get_weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

/** Of a side, all but what the server knows of its model; `problem` names the field that has to be put right first. */
export function settingsOf(side) {
  const { tools, problem } = readTools(field("tools").value);
  const model = field(`model-${side}`).value.trim();
  return {
    model,
    dialect: field(`dialect-${side}`).value,
    system: field("system").value.trim(),
    reasoning: field("reasoning").value,
    temperature: asNumber("temperature"),
    topP: asNumber("top-p"),
    maxTokens: asNumber("max-tokens"),
    stop: field("stops").value.split("\n").filter(Boolean),
    tools,
    isStream: field("streaming").checked,
    problem: problem ? "tools" : wrongNumber(),
  };
}

const asNumber = (id) => (field(id).value === "" ? null : field(id).valueAsNumber);

const wrongNumber = () => ["temperature", "top-p", "max-tokens"].find((id) => !field(id).validity.valid) ?? "";

export const groupOf = () => field("group")?.value ?? document.getElementById("playground").dataset.group ?? "";

function checkTools() {
  const wrong = field("tools-wrong");
  const { problem } = readTools(field("tools").value);
  wrong.textContent = problem ? wrong.dataset[problem] : "";
  wrong.hidden = !problem;
  field("tools").ariaInvalid = problem ? "true" : "false";
}

/** `models` are offered while one writes a name. */
export function watchSettings(models) {
  field("group")?.addEventListener("change", () => models.clear());
  for (const side of SIDES) {
    for (const event of ["focus", "input"]) {
      field(`model-${side}`).addEventListener(event, ({ target }) => models.offer(target.value.trim()));
    }
  }
  field("tools").addEventListener("input", checkTools);
  field("tools-example").addEventListener("click", ({ target }) => {
    const example = { name: EXAMPLE.name, description: target.dataset.description, parameters: EXAMPLE.parameters };
    field("tools").value = JSON.stringify([example], null, 2);
    checkTools();
    field("tools").focus();
  });
  field("fold").addEventListener("click", () => {
    const isOpen = field("settings").classList.toggle("open");
    field("fold").ariaExpanded = String(isOpen);
    if (isOpen) field("model-0").focus();
  });
}
