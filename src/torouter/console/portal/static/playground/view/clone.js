/** The first element of a template of the page, anew. */
export const clone = (name) => document.getElementById(`${name}-template`).content.cloneNode(true).firstElementChild;
