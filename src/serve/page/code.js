// Code with colours, line numbers and the words that were searched for. Colours come from a small
// lexer that knows comments, strings, numbers and keywords: enough to read by.

import { el, visible } from "./dom.js";

const WORDS = new Set(
  ("abstract and as async await begin bool boolean break case catch char class const constexpr continue crate def default defer delete "
    + "do double dyn elif else elseif end enum except export extends extern false final finally float fn for foreach from func function "
    + "go goto if impl implements import in include inline instanceof int interface internal is lambda let local long loop match mod "
    + "module move mut mutable namespace new nil none None not null nullptr object of open operator or override package pass private "
    + "protected protocol pub public raise readonly record ref require rescue return self Self sealed select short signed sizeof static "
    + "struct super switch template then this throw throws trait true True False try type typedef typeof union unless unsafe unsigned "
    + "until use using val var virtual void when where while with yield").split(" "),
);

const HASH = new Set("python ruby bash shell sh yaml toml elixir julia perl r make dockerfile".split(" "));
const DASH = new Set("sql lua haskell ada elm".split(" "));
const PROSE = new Set("markdown md text rst".split(" "));

/** What comments look like in a language. */
function comment(language) {
  if (HASH.has(language)) return "#.*";
  if (DASH.has(language)) return "--.*";
  if (language === "php") return "(?:\\/\\/|#).*|\\/\\*[\\s\\S]*?(?:\\*\\/|$)";
  if (language === "html" || language === "xml") return "<!--[\\s\\S]*?(?:-->|$)";
  if (language === "ocaml") return "\\(\\*[\\s\\S]*?(?:\\*\\)|$)";
  return "\\/\\/.*|\\/\\*[\\s\\S]*?(?:\\*\\/|$)";
}

const lexers = new Map();

function lexer(language) {
  let found = lexers.get(language);
  if (!found) {
    const string = "\"\"\"[\\s\\S]*?(?:\"\"\"|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|`(?:\\\\.|[^`\\\\])*`?|'(?:\\\\.|[^'\\\\\\n]){1,200}'";
    const number = "\\b(?:0[xob][\\da-f_]+|\\d[\\d_]*(?:\\.\\d+)?(?:e[+-]?\\d+)?)\\w*";
    found = new RegExp(`(${comment(language)})|(${string})|(${number})|([\\p{L}_$@][\\p{L}\\p{N}_$]*)`, "giu");
    lexers.set(language, found);
  }
  found.lastIndex = 0;
  return found;
}

/** Pieces of code: text and the class that it is shown in. */
function* pieces(text, language) {
  if (PROSE.has(language)) {
    yield [text, ""];
    return;
  }
  let at = 0;
  for (const match of text.matchAll(lexer(language))) {
    if (match.index > at) yield [text.slice(at, match.index), ""];
    const [whole, note, string, number, word] = match;
    const kind = note !== undefined ? "c" : string !== undefined ? "s" : number !== undefined ? "n" : kindOf(word, text[match.index + whole.length]);
    yield [whole, kind];
    at = match.index + whole.length;
  }
  if (at < text.length) yield [text.slice(at), ""];
}

function kindOf(word, next) {
  if (WORDS.has(word)) return "k";
  if (next === "(" || next === "!") return "f";
  return /^[A-Z][A-Za-z0-9]*[a-z]/.test(word) ? "t" : "";
}

/** Words of a query that are worth marking. */
export function words(query) {
  const found = query.match(/[\p{L}\p{N}_]{3,}/gu) || [];
  const dull = new Set(["the", "and", "how", "where", "what", "who", "does", "are", "for", "that", "this", "with", "which", "when", "from", "into", "not"]);
  const kept = found.filter((word) => !dull.has(word.toLowerCase())).slice(0, 12);
  return kept.length ? new RegExp(`(${kept.map((word) => word.replace(/[^\p{L}\p{N}_]/gu, "")).join("|")})`, "giu") : null;
}

function marked(text, marks) {
  if (!marks) return [text];
  return text.split(marks).map((part, index) => (index % 2 ? el("mark", {}, part) : part));
}

/** Lines of coloured code: one element each. */
function lines(text, language, marks) {
  const all = [[]];
  for (const [piece, kind] of pieces(visible(text), language)) {
    piece.split("\n").forEach((part, index) => {
      if (index) all.push([]);
      if (part) all.at(-1).push(kind ? el("span", { class: kind }, ...marked(part, marks)) : el("span", {}, ...marked(part, marks)));
    });
  }
  if (all.length > 1 && !all.at(-1).length) all.pop();
  return all;
}

/**
 * A block of code whose first line has the number `start`, or none if that is 0. Only `most` lines are shown until more
 * are asked for; lines from `from` to `to` stand out.
 */
export function code(text, { language = "", start = 1, marks = null, most = Infinity, from = 1, to = 0 } = {}) {
  const all = lines(text, language.toLowerCase(), marks);
  const block = el("pre", { class: start ? "code" : "code bare", tabindex: "0", "aria-label": "Code" });
  const show = (some, first) => {
    some.forEach((line, index) => {
      const number = first + index;
      const chosen = number >= from && number <= to;
      block.append(el("span", { class: chosen ? "line chosen" : "line" }, start ? el("span", { class: "number", "aria-hidden": "true" }, String(number)) : "", el("code", {}, ...line, "\n")));
    });
  };
  const cut = all.length > most + 3 ? most : all.length;
  show(all.slice(0, cut), start);
  if (cut === all.length) return block;
  const more = el("button", { class: "more", type: "button" }, `${all.length - cut} more lines`);
  more.addEventListener("click", () => {
    show(all.slice(cut), start + cut);
    more.remove();
    block.focus();
  });
  return el("div", { class: "cut" }, block, more);
}
