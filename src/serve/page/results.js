// Results of a search: where, what, why, and the code.

import { code, words } from "./code.js";
import { el, name, path, range } from "./dom.js";

const SHOWN = 12;
const STATES = { moved: "moved since", changed: "changed since", gone: "file is gone" };

/** What each signal adds, as bars. */
function why(scores) {
  const signals = Object.entries(scores).sort((a, b) => b[1] - a[1]);
  const most = Math.max(...signals.map(([, value]) => Math.abs(value)), 0.001);
  const rows = signals.map(([signal, value]) => {
    const bar = el("span", { class: value < 0 ? "bar minus" : "bar" });
    bar.style.setProperty("--share", `${Math.round((100 * Math.abs(value)) / most)}%`);
    return el("div", {}, el("dt", {}, name(signal)), el("dd", {}, bar, `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`));
  });
  return el("dl", { class: "signals" }, rows);
}

/** A link that opens a place in the editor; nothing where the path is not known exactly. */
export function editorLink(link, root, place, line) {
  if (place.path_b64 || !root) return null;
  const whole = `${root}/${place.path}`.split("/").map(encodeURIComponent).join("/");
  const href = link.replaceAll("{path}", whole).replaceAll("{line}", String(line));
  if (!/^[a-z][a-z0-9+.-]*:/i.test(href) || /^(javascript|data|vbscript|blob):/i.test(href)) return null;
  return el("a", { class: "action editor", href, title: "Open in the editor (o)" }, "Open");
}

/** One result. `act` knows what to do with it. */
function result(hit, found, act) {
  const line = hit.line_now || hit.start_line;
  const where = el("button", { class: "where", type: "button", on: { click: () => act.explain(hit) } },
    ...path(hit.path), el("span", { class: "lines" }, `:${range(hit.start_line, hit.end_line)}`));
  const state = STATES[hit.freshness];
  const scores = el("details", { class: "why" },
    el("summary", { title: "Why this matched" }, el("span", { class: `confidence ${hit.confidence}` }, hit.confidence), ` ${hit.score.toFixed(2)}`),
    why(hit.scores));
  return el("article", { class: "result" },
    el("header", {},
      el("h2", {}, where),
      el("span", { class: "kind" }, hit.kind),
      hit.name ? el("span", { class: "name" }, name(hit.name)) : null,
      state ? el("span", { class: "state" }, state) : null,
      scores),
    code(hit.text, { language: hit.language, start: hit.start_line, marks: words(found.query), most: SHOWN }),
    el("footer", {},
      el("button", { class: "action", type: "button", on: { click: () => act.explain(hit) } }, "Explain"),
      el("button", { class: "action similar", type: "button", on: { click: () => act.similar(hit) } }, "Similar"),
      el("button", { class: "action", type: "button", on: { click: () => act.source(hit) } }, "In its file"),
      editorLink(act.link(), found.root, hit, line)));
}

/** All results, or what there is to say where there are none. */
export function results(found, act) {
  if (!found.results.length) {
    return [el("div", { class: "empty" }, el("p", {}, "Nothing found."), el("p", { class: "faint" }, "Other words, another kind or fewer filters may find it."))];
  }
  return found.results.map((hit) => result(hit, found, act));
}

/** `10 results in 12 ms`. */
export function summary(found) {
  const count = found.results.length;
  const parts = [`${count} ${count === 1 ? "result" : "results"} in ${found.took_ms} ms`];
  if (found.semantic_coverage < 1) parts.push(`${Math.round(100 * found.semantic_coverage)} % of the code has vectors`);
  return [...parts, ...found.notes.filter((note) => !note.includes("is encoded"))].join(" · ");
}
