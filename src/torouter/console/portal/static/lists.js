// A field beside a list adds to it. Without this the server does, when the form is sent.
for (const input of document.querySelectorAll("input[data-adds]")) {
  const list = document.getElementById(input.dataset.adds);
  const known = new Set([...input.list.options].map((option) => option.value));
  const add = () => {
    const name = input.value.trim();
    const names = list.value.split(/[\n,]+/).map((each) => each.trim());
    if (name && !names.includes(name)) list.value = `${list.value.trimEnd()}\n${name}`.trimStart() + "\n";
    input.value = "";
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !input.value.trim()) return;
    event.preventDefault();
    add();
  });
  // Choosing from the browser's list has no event of its own: what is put in at once and is known was chosen.
  input.addEventListener("input", (event) => {
    const isChosen = !event.inputType || event.inputType === "insertReplacementText";
    if (isChosen && known.has(input.value)) add();
  });
}
