// A button that copies.

/** `textOf` is asked when it is pressed; the button says for a moment that it is done (`data-done`). */
export function copies(button, textOf) {
  const said = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await copied(textOf());
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = said), 1600);
  });
}

/** Without TLS browsers have no clipboard but the old one. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const held = document.createElement("textarea");
    held.value = text;
    held.className = "unseen";
    (document.querySelector("dialog[open]") ?? document.body).append(held);
    held.select();
    document.execCommand("copy");
    held.remove();
  }
}
