// An answer as it comes: code, quotations, citations that can be followed. No links, no images, no
// markup of the answer is rendered.

import { code } from "./code.js";
import { el, name, path, range, visible } from "./dom.js";

/** Names, `[n]` and `[?]` of a line. */
function line(text, sources, act) {
  return visible(text).split(/(`[^`]+`|\[\d+\]|\[\?\]|\*\*[^*]+\*\*)/).map((part) => {
    if (/^`[^`]+`$/.test(part)) return el("code", {}, part.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(part)) return el("strong", {}, part.slice(2, -2));
    if (part === "[?]") return el("span", { class: "doubt", title: "What was shown does not say this" }, "?");
    if (/^\[\d+\]$/.test(part)) return citation(Number(part.slice(1, -1)), sources, act);
    return part;
  });
}

function citation(number, sources, act) {
  const source = sources.find((one) => one.number === number);
  if (!source) return el("span", { class: "citation" }, String(number));
  const title = `${name(source.path)}:${range(source.start_line, source.end_line)}`;
  return el("button", { class: "citation", type: "button", title, "aria-label": `Source ${number}: ${title}`, on: { click: () => act.source(source) } }, String(number));
}

/** The text of an answer, as far as it has come. */
export function prose(text, sources, act) {
  const parts = [];
  let fence = null;
  let paragraph = [];
  const end = () => {
    if (paragraph.length) parts.push(el("p", {}, ...paragraph));
    paragraph = [];
  };
  for (const one of text.split("\n")) {
    const mark = one.match(/^\s*```+\s*([\w+#-]*)/);
    if (fence && mark) {
      parts.push(code(fence.text.join("\n"), { language: fence.language, start: 0, most: 24 }));
      fence = null;
    } else if (mark) {
      end();
      fence = { language: mark[1], text: [] };
    } else if (fence) {
      fence.text.push(one);
    } else if (!one.trim()) {
      end();
    } else {
      if (paragraph.length) paragraph.push(el("br"));
      paragraph.push(...line(one.replace(/^#+\s+/, ""), sources, act));
    }
  }
  end();
  if (fence) parts.push(code(fence.text.join("\n"), { language: fence.language, start: 0 }));
  return parts;
}

function source(one, act) {
  const what = one.quotes ? `✓ ${one.quotes} ${one.quotes === 1 ? "quotation" : "quotations"} found in it` : "cited, not quoted";
  return el("li", {},
    el("button", { class: "source", type: "button", on: { click: () => act.source(one) } },
      el("span", { class: "citation" }, String(one.number)), " ", ...path(one.path), `:${range(one.start_line, one.end_line)}`),
    el("span", { class: one.quotes ? "good" : "faint" }, what));
}

/** What stands below an answer: sources, what was checked, who answered. */
export function proof(given, act) {
  const counts = Object.values(given.checked || {});
  const sum = (kind) => counts.reduce((all, one) => all + one[kind], 0);
  const claims = sum("verified") + sum("marked") + sum("dropped");
  const share = claims ? `${sum("verified")} of ${claims} claims verified` : "it cites and quotes nothing";
  return el("div", { class: "proof" },
    given.sources.length ? el("ol", { class: "sources", "aria-label": "Sources" }, given.sources.map((one) => source(one, act))) : null,
    given.supported ? null : el("p", { class: "doubtful" }, "Nothing that was shown supports this answer."),
    given.doubtful.length ? el("p", { class: "doubtful" }, `Not in what was shown: ${given.doubtful.map(visible).join(", ")}`) : null,
    el("p", { class: "faint" }, `confidence ${given.answer_confidence.toFixed(2)} · ${share} · ${name(given.reader.name)}`));
}

/** The lines that answer, where no reader did. */
export function evidence(asked, act) {
  return asked.evidence.map((span) => el("article", { class: "result" },
    el("header", {}, el("h2", {},
      el("button", { class: "where", type: "button", on: { click: () => act.source(span) } }, ...path(span.path), el("span", { class: "lines" }, `:${range(span.start_line, span.end_line)}`))),
      span.name ? el("span", { class: "name" }, name(span.name)) : null),
    code(span.text, { start: span.start_line, language: "", most: 16 })));
}
