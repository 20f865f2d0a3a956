// Builds elements. Text is only ever text: nothing here parses markup.

/** An element with properties, attributes and children; strings become text. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, heard] of Object.entries(value)) node.addEventListener(event, heard);
    } else if (name === "class") {
      node.className = value;
    } else {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

// Control and bidirectional characters can make a name read as another one.
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const ODD_IN_NAMES = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const escaped = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;

/** A name or path with nothing unseen in it. */
export function name(text) {
  return String(text ?? "").replace(ODD_IN_NAMES, escaped);
}

/** Code with nothing unseen in it but line ends and tabs. */
export function visible(text) {
  return String(text ?? "").replace(ODD, escaped);
}

/** A path whose last part stands out. */
export function path(text) {
  const shown = name(text);
  const at = shown.lastIndexOf("/") + 1;
  return [el("span", { class: "folder" }, shown.slice(0, at)), el("span", { class: "file" }, shown.slice(at))];
}

/** `12` or `12–30`. */
export function range(start, end) {
  return end && end !== start ? `${start}–${end}` : `${start}`;
}
