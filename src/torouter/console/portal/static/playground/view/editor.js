import { clone } from "./clone.js";

/** In the place of `shown` until it is done. `save(text, isResent)`; without `mayResend` it is only saved. */
export function edit(shown, text, { save, mayResend, back }) {
  const form = clone("editor");
  const area = form.querySelector("textarea");
  area.id = `editor-${performance.now()}`;
  form.querySelector("label").htmlFor = area.id;
  area.value = text;
  if (!mayResend) form.querySelector("[data-do=resend]").remove();
  const leave = () => {
    form.remove();
    shown.hidden = false;
    back.focus();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    leave();
    save(area.value, event.submitter?.dataset.do === "resend");
  });
  form.querySelector("[data-do=cancel]").addEventListener("click", leave);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });
  shown.hidden = true;
  shown.after(form);
  area.focus();
}
