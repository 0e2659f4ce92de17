// What a model says is text, whatever it looks like: it never becomes markup. Only fenced code stands apart.

const FENCE = /^ {0,3}```[^\n`]*$/;

/** `[{isCode, text}]`; a fence that has not been closed yet is code to its end. */
export function piecesOf(text) {
  const pieces = [{ isCode: false, lines: [] }];
  for (const line of text.split("\n")) {
    if (FENCE.test(line)) pieces.push({ isCode: !pieces.at(-1).isCode, lines: [] });
    else pieces.at(-1).lines.push(line);
  }
  return pieces
    .map(({ isCode, lines }) => ({ isCode, text: isCode ? lines.join("\n") : lines.join("\n").trim() }))
    .filter((piece) => piece.text || piece.isCode);
}

/** Changes only what has changed: one may be reading and selecting there. */
export function showText(place, text) {
  const pieces = piecesOf(text);
  pieces.forEach((piece, at) => {
    const tag = piece.isCode ? "PRE" : "P";
    let element = place.children[at];
    if (element?.tagName !== tag) {
      const made = document.createElement(tag);
      if (piece.isCode) made.tabIndex = 0;
      if (element) element.replaceWith(made);
      else place.append(made);
      element = made;
    }
    if (element.textContent !== piece.text) element.textContent = piece.text;
  });
  while (place.children.length > pieces.length) place.lastElementChild.remove();
}

/** JSON is laid out for reading; anything else stays as it is. */
export function laidOut(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
