// What is known of a place without any model: a card whose links lead to other cards.

import { code } from "./code.js";
import { el, name, path, range, visible } from "./dom.js";

function link(one, line, act) {
  const many = one.candidates > 1 ? el("span", { class: "faint" }, ` one of ${one.candidates}`) : null;
  return el("li", {},
    el("button", { class: "link", type: "button", on: { click: () => act.explain(one, line) } },
      el("span", { class: "name" }, name(one.name) || one.kind || "code"), " ",
      el("span", { class: "place" }, ...path(one.path), `:${line}`)),
    many,
    one.through ? el("span", { class: "faint" }, ` through ${name(one.through)}`) : null,
    one.score ? el("span", { class: "faint" }, ` ${one.score.toFixed(2)}`) : null);
}

function links(title, list, total, line, act) {
  if (!list || !list.length) return null;
  const left = (total || list.length) - list.length;
  return el("section", {},
    el("h3", {}, title, el("span", { class: "count" }, String(total || list.length))),
    el("ul", { class: "links" }, list.map((one) => link(one, line(one), act))),
    left > 0 ? el("p", { class: "faint" }, `and ${left} more`) : null);
}

/** The card of a definition. */
export function card(one, act) {
  const mention = (of) => of.line;
  const begin = (of) => of.start_line;
  const change = one.last_change;
  return el("article", { class: "card" },
    el("header", {},
      el("h2", {}, el("span", { class: "kind" }, one.kind), " ", el("span", { class: "name" }, name(one.name) || "code")),
      el("button", { class: "link place", type: "button", on: { click: () => act.source(one) } }, ...path(one.path), `:${range(one.start_line, one.end_line)}`)),
    one.signature ? code(one.signature, { language: one.language, start: 0 }) : null,
    one.doc ? el("p", { class: "doc" }, visible(one.doc)) : null,
    links("Called by", one.callers, one.callers_total, mention, act),
    links("Calls", one.callees, one.callees_total, begin, act),
    one.outside.length ? el("p", { class: "faint" }, `also names ${one.outside.map(name).join(", ")}`) : null,
    links("Implemented by", one.implementors, one.implementors_total, begin, act),
    links("Tests that reach it", one.tests, 0, mention, act),
    links("Similar code", one.similar, 0, begin, act),
    change ? el("p", { class: "faint" }, `last change ${name(change.date)} by ${name(change.author)}: ${name(change.subject)}`) : null,
    el("p", { class: "faint" }, "Callers and callees are found by name."));
}

/** Definitions to choose from. */
export function choices(target, list, act) {
  return el("section", { class: "card" },
    el("h2", {}, `${name(target)} has ${list.length} definitions`),
    el("ul", { class: "links" }, list.map((one) => link(one, one.start_line, act))));
}
