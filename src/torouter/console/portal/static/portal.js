// What makes the pages nicer where scripts run. Without it everything works: forms, themes, times (in UTC), numbers.

import { copies } from "./copying.js";

const language = document.documentElement.lang;

// Times in the reader's own zone.
const forms = {
  minute: { dateStyle: "medium", timeStyle: "short" },
  second: { dateStyle: "medium", timeStyle: "medium" },
  clock: { timeStyle: "medium" },
};
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  time.title = time.textContent;
  time.textContent = new Intl.DateTimeFormat(language, forms[time.dataset.form] ?? forms.minute).format(at);
}

// A form that was sent is not sent again while its answer is awaited.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => form.querySelectorAll("button:not([name])").forEach((button) => (button.disabled = true)));
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelectorAll("button").forEach((button) => (button.disabled = false));
  }
});

// Copying.
for (const button of document.querySelectorAll("button[data-copy]")) {
  copies(button, () => document.getElementById(button.dataset.copy).textContent);
}

// Themes change where one is, without a page in between.
for (const form of document.querySelectorAll("form[data-themes]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    delete form.dataset.sent;
    const chosen = event.submitter.value;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const age = chosen === "auto" ? 0 : 365 * 24 * 3600;
    document.cookie = `torouter_theme=${chosen}; Path=/; SameSite=Lax; Max-Age=${age}${secure}`;
    if (chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    for (const button of form.querySelectorAll("button")) button.ariaPressed = String(button === event.submitter);
  });
}

// A chart says the values of the time that one points at, or goes to with the arrow keys.
for (const chart of document.querySelectorAll(".chart")) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  chart.append(tip);
  const slots = [...chart.querySelectorAll(".plot g")];
  let at = slots.length - 1;
  const hide = () => {
    tip.hidden = true;
    chart.querySelector("g.at")?.classList.remove("at");
  };
  const show = (slot) => {
    hide();
    slot.classList.add("at");
    at = slots.indexOf(slot);
    tip.textContent = slot.dataset.tip;
    tip.hidden = false;
    const outer = chart.getBoundingClientRect();
    const inner = slot.querySelector(".slot").getBoundingClientRect();
    const half = tip.offsetWidth / 2;
    const middle = inner.left + inner.width / 2 - outer.left;
    tip.style.left = `${Math.min(Math.max(middle, half), outer.width - half)}px`;
    const bar = slot.querySelector(".bar")?.getBoundingClientRect();
    tip.style.top = `${(bar && bar.height ? bar.top : inner.bottom) - outer.top}px`;
  };
  for (const slot of slots) {
    const title = slot.querySelector("title");
    slot.dataset.tip = title.textContent;
    title.remove(); // browsers would show it too, a little later
    slot.addEventListener("pointerenter", () => show(slot));
    slot.addEventListener("pointerleave", hide);
  }
  const plot = chart.querySelector(".plot[tabindex]");
  plot?.addEventListener("focus", () => plot.matches(":focus-visible") && slots.length && show(slots[at]));
  plot?.addEventListener("blur", hide);
  plot?.addEventListener("keydown", (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: slots.length - 1 }[event.key];
    if (event.key === "Escape") hide();
    if (to === undefined) return;
    event.preventDefault();
    show(slots[Math.min(Math.max(to, 0), slots.length - 1)]);
  });
}
