// What makes the pages nicer where scripts run. Without it everything works: forms, themes, times (in UTC), numbers.

import { copies } from "./copying.js";

const language = document.documentElement.lang;

// Times in the reader's own zone.
const forms = {
  minute: { dateStyle: "medium", timeStyle: "short" },
  second: { dateStyle: "medium", timeStyle: "medium" },
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

// A chart says the values of the day that one points at.
for (const chart of document.querySelectorAll(".chart")) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  chart.append(tip);
  for (const slot of chart.querySelectorAll("g[data-tip]")) {
    slot.querySelector("title")?.remove();
    slot.addEventListener("pointerenter", () => {
      tip.textContent = slot.dataset.tip;
      tip.hidden = false;
      const outer = chart.getBoundingClientRect();
      const inner = slot.querySelector(".slot").getBoundingClientRect();
      const half = tip.offsetWidth / 2;
      const middle = inner.left + inner.width / 2 - outer.left;
      tip.style.left = `${Math.min(Math.max(middle, half), outer.width - half)}px`;
      const bar = slot.querySelector(".bar")?.getBoundingClientRect();
      tip.style.top = `${(bar && bar.height ? bar.top : inner.bottom) - outer.top}px`;
    });
    slot.addEventListener("pointerleave", () => (tip.hidden = true));
  }
}
