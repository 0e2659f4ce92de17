// Keeps parts of a page new: every few seconds the page is asked for once more, and what has changed of the parts that
// have an id and `data-live` is put in their place. Rests while nobody looks.

const EVERY_MS = 3000;
const parts = [...document.querySelectorAll("[data-live][id]")];
let timer;

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const answer = await fetch(parts[0].dataset.live, { headers: { accept: "text/html" } });
    if (answer.redirected || (answer.status >= 400 && answer.status < 500)) return; // signed out, or it is gone
    if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The gateway is away: it is asked again.
  }
  timer = setTimeout(look, EVERY_MS);
}

function put(page) {
  for (const part of parts) {
    const found = page.getElementById(part.id);
    if (found && found.innerHTML !== part.innerHTML) part.replaceChildren(...found.childNodes);
  }
}

if (parts.length) {
  timer = setTimeout(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
}

// What takes long says so.
for (const form of document.querySelectorAll("form[data-busy]")) {
  const button = form.querySelector("button");
  const said = button.textContent;
  form.addEventListener("submit", () => (button.textContent = form.dataset.busy));
  addEventListener("pageshow", () => (button.textContent = said));
}
