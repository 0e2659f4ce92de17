// The playground: puts the page's parts together and says what its buttons do.

import { Conversation, SIDES } from "./conversation.js";
import { dialectModule } from "./dialects/all.js";
import { Attached, watchImages } from "./images.js";
import { SessionKey } from "./key.js";
import { Models } from "./models.js";
import { Session } from "./session.js";
import { groupOf, settingsOf, watchSettings } from "./settings.js";
import { CodeDialog } from "./view/code.js";
import { Talk } from "./view/talk.js";

const field = (id) => document.getElementById(id);
const root = field("playground");
const dialects = new Map([...field("dialect-0").options].map((option) => [option.value, option.textContent]));
const words = { ...root.dataset, dialects };

const conversation = new Conversation();
const code = new CodeDialog(root.dataset.base);
const attached = new Attached(field("attached"), tell);
const models = new Models(field("models"), groupOf);
const session = new Session({
  conversation,
  models,
  keys: new SessionKey(root.dataset.csrf),
  settingsOf,
  groupOf,
  isWired: () => isPressed("wire"),
  changed,
});
const actions = { again, editAnswer, editPrompt, giveResults, remove, showCode, stop: (step) => session.stop(step) };
const talk = new Talk(field("talk"), conversation, words, actions);

const isPressed = (id) => field(id).ariaPressed === "true";
const sides = () => (isPressed("compare") ? SIDES : [0]);

// What is shown follows what is said, once in a frame.

let isDue = false;

function changed(step) {
  if (step) step.isChanged = true;
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    const isAtEnd = follows();
    talk.update();
    if (isAtEnd) scroller().scrollTop = scroller().scrollHeight;
    showBusy();
  });
}

/** On a phone the page itself is scrolled. */
function scroller() {
  return getComputedStyle(field("talk")).overflowY === "auto" ? field("talk") : document.scrollingElement;
}

function follows() {
  const { scrollHeight, scrollTop, clientHeight } = scroller();
  return scrollHeight - scrollTop - clientHeight < 120;
}

let wasBusy = false;

function showBusy() {
  const { isBusy } = session;
  field("stop").hidden = !isBusy;
  field("send").hidden = isBusy;
  root.classList.toggle("busy", isBusy);
  if (isBusy !== wasBusy) field("status").textContent = isBusy ? words.running : words[lastWord()];
  wasBusy = isBusy;
}

function lastWord() {
  const steps = conversation.exchanges.at(-1)?.answers.flatMap((answer) => answer.slice(-1)) ?? [];
  return ["failed", "stopped"].find((state) => steps.some((step) => step.state === state)) ?? "finished";
}

// What a person is told, and what has to be put right first.

function tell(word) {
  field("notice").textContent = word ? words[word] : "";
  field("notice").hidden = !word;
}

/** May these sides be asked? Else says why not, and goes where it is to be put right. */
function mayAsk(asked) {
  tell("");
  for (const side of asked) {
    const { model, problem } = settingsOf(side);
    if (!model) return refuse("noModel", `model-${side}`);
    if (problem) return refuse("badSettings", problem);
  }
  return !session.isBusy;
}

function refuse(word, id) {
  tell(word);
  field("settings").classList.add("open");
  field("fold").ariaExpanded = "true";
  field(id).focus();
  return false;
}

// What the buttons do.

async function send() {
  await attached.whole();
  const text = field("prompt").value;
  if (!text.trim() && !attached.images.length) return;
  if (!mayAsk(sides())) return;
  if (sides().some((side) => conversation.waiting(side).length)) {
    tell("resultsFirst");
    root.querySelector(".pg-results textarea")?.focus();
    return;
  }
  field("prompt").value = "";
  field("prompt").focus();
  ask(conversation.add(text, attached.take()));
}

function ask(exchange) {
  for (const side of sides()) session.run(exchange, side);
  scroller().scrollTop = scroller().scrollHeight;
}

function again(exchange, side, step) {
  if (!mayAsk([side])) return;
  const steps = exchange.answers[side];
  exchange.answers[side] = steps.slice(0, steps.indexOf(step));
  session.run(exchange, side);
}

function editPrompt(exchange, text, isResent) {
  exchange.text = text;
  changed();
  if (!isResent || !mayAsk(sides())) return;
  conversation.cutAfter(exchange);
  exchange.answers = [[], []];
  ask(exchange);
}

function editAnswer(step, text) {
  step.text = text;
  step.native = null;
  changed(step);
}

function giveResults(exchange, side, results) {
  if (!mayAsk([side])) return;
  exchange.answers[side].push({ kind: "results", results });
  session.run(exchange, side);
}

function remove(exchange) {
  for (const steps of exchange.answers) session.stop(steps.at(-1));
  conversation.remove(exchange);
  changed();
  field("prompt").focus();
}

function clear() {
  session.stopAll();
  conversation.clear();
  attached.take();
  tell("");
  changed();
  field("status").textContent = "";
  field("prompt").focus();
}

function showCode(step) {
  openCode([{ ...step.dialectAndModel, request: step.request }]);
}

function openCode(requests) {
  code.open(requests).catch(() => tell("unreachable"));
}

/** As it would be sent now, with what is being written; where nothing is, as the last prompt would be. */
function showNextCode() {
  if (!mayAsk(sides()) && !session.isBusy) return;
  const text = field("prompt").value;
  const isNew = text.trim() || attached.images.length || !conversation.exchanges.length;
  const kept = conversation.exchanges;
  const exchange = isNew ? conversation.add(text || words.sample, attached.images) : conversation.repeated();
  const requests = sides().map((side) => {
    const { dialect, model } = settingsOf(side);
    return { dialect, model, request: session.request(exchange, side) };
  });
  conversation.exchanges = kept;
  openCode(requests);
}

function toggle(id, done) {
  field(id).addEventListener("click", () => {
    field(id).ariaPressed = String(!isPressed(id));
    done?.();
  });
}

/** Before they are needed. Whether they could be had is seen when they are. */
function fetchDialects() {
  for (const side of sides()) dialectModule(settingsOf(side).dialect).catch(() => null);
}

watchSettings(models);
field("prompt").addEventListener("focus", fetchDialects);
for (const side of SIDES) field(`dialect-${side}`).addEventListener("change", fetchDialects);
watchImages(attached, { root, prompt: field("prompt"), button: field("attach"), input: field("files") });
toggle("compare", () => (field("second").hidden = !isPressed("compare")));
toggle("wire");
field("code").addEventListener("click", showNextCode);
field("clear").addEventListener("click", clear);
field("stop").addEventListener("click", () => session.stopAll());
field("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
field("prompt").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  send();
});
