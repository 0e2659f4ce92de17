// A key's form says what is wrong while it is filled in: the server is asked, by the rules that hold when it is sent.

const form = document.querySelector("form[data-check]");
const touched = new Set();
let asking = new AbortController();
let timer = 0;

form?.addEventListener("input", (event) => {
  touched.add(event.target.name);
  clearTimeout(timer);
  timer = setTimeout(check, 350);
});

async function check() {
  asking.abort();
  asking = new AbortController();
  let found;
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.check, { method: "POST", body, signal: asking.signal });
    if (!answer.headers.get("content-type")?.startsWith("application/json")) return;
    found = await answer.json();
  } catch {
    return; // a later look is under way, or nobody answers: what is sent is checked again anyway
  }
  for (const name of touched) {
    say(name, "wrong", found.problems[name]);
    say(name, "noted", found.notes[name]);
  }
}

function say(name, kind, text) {
  const field = form.elements[name];
  if (!(field instanceof HTMLElement) || field.type === "hidden") return;
  const id = `${name}-${kind}`;
  let place = document.getElementById(id);
  if (!place && text) {
    place = document.createElement("p");
    place.id = id;
    place.className = kind === "wrong" ? "wrong" : "hint";
    place.setAttribute("role", "status");
    field.after(place);
  }
  if (place) {
    place.textContent = text ?? "";
    place.hidden = !text;
  }
  if (kind === "wrong") {
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  const described = ["wrong", "noted", "hint"].map((each) => document.getElementById(`${name}-${each}`));
  const shown = described.filter((each) => each && !each.hidden).map((each) => each.id);
  if (shown.length) field.setAttribute("aria-describedby", shown.join(" "));
}
