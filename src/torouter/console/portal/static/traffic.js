// Keeps the page of live traffic alive: asks for what is new every two seconds, less often where nobody looks or the
// gateway is slow. Without it the page is a table that is reloaded.

const body = document.getElementById("traffic-rows");
const figures = document.getElementById("traffic-figures");
const state = document.getElementById("traffic-state");
const pause = document.getElementById("traffic-pause");
const none = document.getElementById("traffic-none");

const EVERY_MS = 2000;
const HIDDEN_MS = 15000;
const LONGEST_MS = 30000;
const SHARE = 5; // Of the time, at most a fifth is spent on asking.

const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
const most = Number(body.dataset.most);
let after = body.dataset.after;
let isPaused = false;
let isOver = false;
let failures = 0;
let round = 0; // What was asked in an earlier one is not heard any more.
let timer;

// Said only where it is something else than before: it is read out.
function say(word) {
  if (state.dataset.said === word) return;
  state.dataset.said = word;
  state.textContent = state.dataset[word];
}

// While somebody points at a row, or is in one with the keyboard, none moves.
const isHeld = () => body.matches(":hover") || body.contains(document.activeElement);

function localize(part) {
  for (const time of part.querySelectorAll("time[datetime]")) {
    time.title = time.dateTime;
    time.textContent = clock.format(new Date(time.dateTime));
  }
}

function rowsOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html; // Written by the gateway's own templates, which escape what others chose.
  localize(template.content);
  return [...template.content.querySelectorAll("tr")];
}

function show(html) {
  const known = new Set([...body.rows].map((row) => row.dataset.id));
  const fresh = rowsOf(html).filter((row) => !known.has(row.dataset.id));
  body.prepend(...fresh);
  while (body.rows.length > most) body.rows[body.rows.length - 1].remove();
  none.hidden = body.rows.length > 0;
}

async function ask(mine) {
  const separator = body.dataset.poll.endsWith("?") ? "" : "&";
  const answer = await fetch(`${body.dataset.poll}${separator}after=${after}`, { headers: { accept: "application/json" } });
  const told = answer.ok && !answer.redirected ? await answer.json() : null;
  if (mine !== round) return;
  if (answer.redirected || answer.status === 403) {
    isOver = true; // The session has ended, or its rights.
    return say("over");
  }
  if (told === null) throw new Error(String(answer.status));
  figures.innerHTML = told.figures;
  if (isHeld()) return say("held"); // What is held back is asked for once more.
  show(told.rows);
  after = told.after;
  say("live");
}

async function turn(mine) {
  const began = performance.now();
  try {
    await ask(mine);
    failures = 0;
  } catch {
    if (mine === round) say("away");
    failures += 1;
  }
  if (mine !== round || isOver) return;
  const took = performance.now() - began;
  const rest = Math.max(EVERY_MS * 2 ** Math.min(failures, 4), took * SHARE, document.hidden ? HIDDEN_MS : 0);
  timer = setTimeout(turn, Math.min(rest, LONGEST_MS), mine);
}

function set(paused) {
  isPaused = paused;
  pause.ariaPressed = String(paused);
  clearTimeout(timer);
  round += 1;
  if (paused) say("paused");
  else turn(round);
}

if (body.dataset.poll) {
  pause.hidden = false;
  pause.addEventListener("click", () => set(!isPaused));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !isPaused && !isOver) set(false);
  });
  say("live");
  timer = setTimeout(turn, EVERY_MS, round);
}
