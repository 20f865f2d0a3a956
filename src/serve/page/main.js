// The page: what is asked, what is shown, and the keys.

import * as api from "./api.js";
import { evidence, proof, prose } from "./answer.js";
import { card, choices } from "./card.js";
import { code } from "./code.js";
import { el, name, path, range } from "./dom.js";
import { editorLink, results, summary } from "./results.js";

const at = (id) => document.getElementById(id);
const KINDS = "function method type interface module impl constant variable macro test section data code".split(" ");
const EDITORS = {
  "Visual Studio Code": "vscode://file{path}:{line}",
  "VSCodium": "vscodium://file{path}:{line}",
  Cursor: "cursor://file{path}:{line}",
  Zed: "zed://file{path}:{line}",
  "JetBrains (IDEA)": "idea://open?file={path}&line={line}",
  "Sublime Text": "subl://open?url=file://{path}&line={line}",
  other: "",
};
const TYPING = 140;
const HINT = "Ask in words (“where is the lock taken”), name a symbol (acquire_lock), or choose a pattern.";

let view = "search";
let root = "";
let server = { editor: EDITORS["Visual Studio Code"], repositories: [] };
let waiting = null;
let typing = 0;
/** Panels that Esc goes back to. */
let trail = [];

// ---- what is asked

const repository = () => at("repository").value;

function filters() {
  const globs = at("path").value.split(/[,\s]+/).filter(Boolean);
  return {
    path: repository(),
    languages: at("language").value ? [at("language").value] : [],
    kinds: at("kind").value ? [at("kind").value] : [],
    globs,
  };
}

/** Stops whatever is on its way; what comes next may be stopped by the signal. */
function anew() {
  waiting?.abort();
  waiting = new AbortController();
  return waiting.signal;
}

async function search() {
  const query = at("query").value.trim();
  remember();
  if (query.length < 2) {
    waiting?.abort();
    at("results").replaceChildren(welcome());
    return say("");
  }
  const signal = anew();
  document.body.classList.add("busy");
  try {
    const found = await api.ask("/v1/search", { ...filters(), query, mode: at("mode").value, top_k: 20 }, signal);
    show(found);
  } catch (error) {
    fail(error);
  } finally {
    if (!signal.aborted) document.body.classList.remove("busy");
  }
}

function show(found) {
  root = found.root;
  at("results").replaceChildren(...results(found, act));
  say(summary(found));
}

async function ask() {
  const question = at("query").value.trim();
  remember();
  if (!question) return;
  const signal = anew();
  const text = el("div", { class: "prose", "aria-live": "polite" });
  const below = el("div", {});
  const notes = el("p", { class: "faint" });
  at("results").replaceChildren(el("article", { class: "answer" }, el("h2", {}, question), text, notes, below));
  document.body.classList.add("busy", "answering");
  say("reading the code…");
  const answer = { text: "", ended: false };
  try {
    await api.listen("/v1/ask", { ...filters(), question }, signal, (kind, data) => hear(kind, data, answer, { text, below, notes }));
  } catch (error) {
    fail(error);
  } finally {
    if (waiting?.signal === signal) document.body.classList.remove("busy", "answering");
  }
}

/** One event of an answer. */
function hear(kind, data, answer, { text, below, notes }) {
  if (kind === "text") {
    if (answer.ended) answer.text = "";
    answer.ended = false;
    answer.text += data.text;
    text.replaceChildren(...prose(answer.text, [], act));
  } else if (kind === "given") {
    answer.ended = true;
    text.replaceChildren(...prose(data.answer, data.sources, act));
    below.replaceChildren(proof(data, act));
  } else if (kind === "status") {
    say(`the index is ${data.state}: ${data.files} files, ${Math.round(100 * data.semantic_coverage)} % with vectors`);
  } else if (kind === "note") {
    notes.append(el("span", {}, name(data.note), el("br")));
  } else if (kind === "done") {
    done(data, { text, below });
  } else if (kind === "error") {
    fail(new api.Problem(data));
  }
}

function done(asked, { text, below }) {
  root = asked.root;
  if (asked.answer !== null) {
    text.replaceChildren(...prose(asked.answer, asked.sources, act));
    below.replaceChildren(proof(asked, act));
  }
  if (!asked.supported) {
    if (asked.card) below.append(card(asked.card, act));
    below.append(...evidence(asked, act));
    if (!asked.card && !asked.evidence.length) below.append(el("p", { class: "empty" }, "Nothing in the index answers this."));
  }
  if (asked.hint) below.append(el("p", { class: "faint" }, asked.hint));
  say(asked.answer === null ? "this is the evidence" : "answered");
}

// ---- what can be done with a place

const act = {
  link: () => localStorage.getItem("fathom-editor") || server.editor,
  explain: (place, line) => explain(`${place.path}:${line || definition(place)}`),
  source: (place) => source(place),
  similar: (place) => similar(place),
};

/** The line in which a result defines what it is called after: it may begin with other things. */
function definition(place) {
  const called = (place.name || "").split(/::|[.#]/).pop();
  const lines = called ? (place.text || "").split("\n") : [];
  const found = lines.findIndex((line) => line.includes(called) && !/^\s*(\/\/|\/?\*|#|--|")/.test(line));
  return place.start_line + Math.max(found, 0);
}

async function explain(target) {
  const body = el("div", {}, el("p", { class: "faint" }, "…"));
  open(body);
  const told = el("div", { class: "prose" });
  const below = el("div", {});
  const answer = { text: "", ended: false };
  const notes = el("p", { class: "faint" });
  try {
    await api.listen("/v1/explain", { path: repository(), target }, anew(), (kind, data) => {
      if (kind === "card") {
        root = data.root;
        const cards = data.cards.map((one) => card(one, act));
        const links = data.cards.slice(0, 1).map((one) => editorLink(act.link(), root, one, one.start_line));
        const many = data.choices.length ? [choices(data.target, data.choices, act)] : [];
        body.replaceChildren(...cards, ...links.filter(Boolean), ...many, told, notes, below);
      } else if (kind === "done") {
        if (data.prose) {
          told.replaceChildren(...prose(data.prose.answer, data.prose.sources, act));
          below.replaceChildren(proof(data.prose, act));
        }
      } else {
        hear(kind, data, answer, { text: told, below, notes });
      }
    });
  } catch (error) {
    if (error.name !== "AbortError") body.replaceChildren(problem(error));
  }
}

async function source(place) {
  const body = el("div", {}, el("p", { class: "faint" }, "…"));
  open(body);
  const first = Math.max(1, place.start_line - 12);
  const asked = new URLSearchParams({ path: below(place.path), start_line: first, end_line: place.end_line + 60 });
  try {
    const text = await api.ask(`/v1/text?${asked}`);
    root = text.root;
    body.replaceChildren(
      el("header", {}, el("h2", { class: "place" }, ...path(text.path), `:${range(place.start_line, place.end_line)}`),
        editorLink(act.link(), root, place, place.start_line)),
      code(text.text, { language: place.language || ending(text.path), start: text.start_line, from: place.start_line, to: place.end_line }));
    body.querySelector(".chosen")?.scrollIntoView({ block: "center" });
  } catch (error) {
    body.replaceChildren(problem(error));
  }
}

async function similar(place) {
  try {
    const found = await api.ask("/v1/similar", { path: below(place.path), line: place.start_line, top_k: 20 }, anew());
    close();
    show(found);
    at("results").querySelector(".where")?.focus();
  } catch (error) {
    fail(error);
  }
}

/** A path as the server takes it: with the name of its repository, if there are several. */
function below(file) {
  return repository() ? `${repository()}/${file}` : file;
}

function ending(file) {
  const known = { rs: "rust", py: "python", rb: "ruby", sh: "bash", yml: "yaml", sql: "sql", lua: "lua", hs: "haskell", php: "php", md: "markdown", ex: "elixir" };
  const end = file.split(".").pop();
  return known[end] || end;
}

// ---- the panel

function open(body) {
  const panel = at("panel");
  if (panel.hidden) trail = [];
  else trail.push(panel.lastElementChild);
  fill(body);
  panel.hidden = false;
  document.body.classList.add("open");
  panel.focus({ preventScroll: innerWidth > 900 });
}

function fill(body) {
  const back = trail.length ? el("button", { class: "action", type: "button", on: { click: goBack } }, "← Back") : null;
  const shut = el("button", { class: "action close", type: "button", on: { click: close } }, "Close");
  at("panel").replaceChildren(el("div", { class: "panel-bar" }, back, shut), body);
  at("panel").scrollTop = 0;
}

function goBack() {
  const before = trail.pop();
  if (before) fill(before);
  else close();
}

function close() {
  at("panel").hidden = true;
  at("panel").replaceChildren();
  trail = [];
  document.body.classList.remove("open");
  last?.focus();
}

/** Where the focus was before the panel. */
let last = null;
document.addEventListener("focusin", (event) => {
  if (event.target.closest("#results")) last = event.target;
});

// ---- what is said

function say(text) {
  at("message").textContent = text;
  at("message").classList.remove("bad");
}

function problem(error) {
  return el("div", { class: "problem" }, el("p", {}, name(error.message)), error.next ? el("p", { class: "faint" }, name(error.next)) : null);
}

function fail(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) return askToken();
  say([error.message, error.next].filter(Boolean).join("; "));
  at("message").classList.add("bad");
}

function askToken() {
  if (!at("token-dialog").open) at("token-dialog").showModal();
}

function welcome() {
  return el("div", { class: "empty" }, el("p", {}, HINT), el("p", { class: "faint" }, "Press ? for the keys."));
}

// ---- the server

async function look() {
  if (document.hidden) return;
  try {
    server = await api.ask("/v1/status");
    tell();
  } catch (error) {
    at("status").dataset.state = "failing";
    at("status-text").textContent = error.status === 401 ? "a token is asked for" : error.message;
    if (error.status === 401) askToken();
  }
}

function tell() {
  const all = server.repositories;
  const chosen = all.find((one) => one.name === repository()) || all[0];
  if (all.length > 1 && at("repository").options.length !== all.length) {
    at("repository").replaceChildren(...all.map((one) => el("option", { value: one.name }, name(one.name))));
    document.querySelector(".repository").hidden = false;
  }
  if (at("language").options.length < 2) {
    at("language").append(...server.languages.map((one) => el("option", { value: one }, one)));
    restore();
  }
  if (!chosen) return;
  at("status").dataset.state = chosen.error ? "failing" : chosen.state;
  const share = Math.floor(100 * chosen.semantic_coverage);
  const coverage = share < 100 ? ` · ${share} % with vectors` : "";
  at("status-text").textContent = chosen.error
    ? name(chosen.error)
    : `${name(chosen.name)} · ${chosen.files.toLocaleString()} files${coverage} · ${chosen.state}`;
}

// ---- what stays in the address

function remember() {
  const values = { q: at("query").value, view: view === "ask" ? "ask" : "", mode: at("mode").value, language: at("language").value, kind: at("kind").value, files: at("path").value, repository: repository() };
  const kept = Object.entries(values).filter(([, value]) => value);
  history.replaceState(null, "", kept.length ? `#${new URLSearchParams(kept)}` : location.pathname);
}

/** Takes up what the address says, once. */
let restored = false;
function restore() {
  if (restored) return;
  restored = true;
  const values = new URLSearchParams(location.hash.slice(1));
  for (const [id, key] of [["query", "q"], ["mode", "mode"], ["language", "language"], ["kind", "kind"], ["path", "files"], ["repository", "repository"]]) {
    if (values.get(key)) at(id).value = values.get(key);
  }
  turn(values.get("view") === "ask" ? "ask" : "search");
  if (at("query").value && view === "search") search();
}

function turn(to) {
  view = to;
  document.body.dataset.view = to;
  at("do-search").setAttribute("aria-pressed", String(to === "search"));
  at("do-ask").setAttribute("aria-pressed", String(to === "ask"));
  at("go").textContent = to === "ask" ? "Ask" : "Search";
  at("query").placeholder = to === "ask" ? "How does … work?" : "Where is … · a name · a pattern";
}

// ---- keys

function move(step) {
  const all = [...document.querySelectorAll("#results .where")];
  const now = all.indexOf(document.activeElement?.closest("article")?.querySelector(".where"));
  const next = now + step;
  if (next < 0) return at("query").focus();
  const there = all[Math.min(next, all.length - 1)];
  there?.focus();
  there?.closest("article").scrollIntoView({ block: "nearest" });
}

function escape() {
  if (document.body.classList.contains("answering")) {
    waiting?.abort();
    document.body.classList.remove("busy", "answering");
    return say("stopped; what was written stays");
  }
  if (!at("panel").hidden) return trail.length ? goBack() : close();
  at("query").focus();
  at("query").select();
}

const SHORT = {
  "/": () => { at("query").focus(); at("query").select(); },
  "?": () => at("help").showModal(),
  a: () => { turn("ask"); at("query").focus(); },
  f: () => { turn("search"); at("query").focus(); },
  o: (result) => result?.querySelector(".editor")?.click(),
  s: (result) => result?.querySelector(".similar")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const writes = event.target.matches("input, select, textarea");
  const arrows = { ArrowDown: 1, ArrowUp: -1 };
  if (event.key === "Escape") {
    event.preventDefault();
    escape();
  } else if (event.key in arrows && !event.target.matches("select") && !event.target.closest("#panel, .code")) {
    event.preventDefault();
    move(arrows[event.key]);
  } else if (!writes && event.key in SHORT) {
    event.preventDefault();
    SHORT[event.key](document.activeElement?.closest(".result"));
  }
});

// ---- settings

function theme(next) {
  if (next) localStorage.setItem("fathom-theme", next);
  document.documentElement.dataset.theme = localStorage.getItem("fathom-theme") || "system";
  at("theme").setAttribute("aria-label", `Theme: ${document.documentElement.dataset.theme}`);
}

function editors() {
  const now = act.link();
  const known = Object.entries(EDITORS).find(([, link]) => link === now);
  at("editor").replaceChildren(...Object.keys(EDITORS).map((one) => el("option", { selected: one === (known ? known[0] : "other") }, one)));
  at("editor-link").value = now;
}

function listenToPage() {
  at("form").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    if (view === "ask") ask();
    else search().then(() => at("results").querySelector(".where")?.focus());
  });
  const soon = () => {
    clearTimeout(typing);
    if (view === "search") typing = setTimeout(search, TYPING);
  };
  for (const id of ["query", "path"]) at(id).addEventListener("input", soon);
  for (const id of ["mode", "language", "kind", "repository"]) at(id).addEventListener("change", () => { tell(); soon(); });
  at("do-search").addEventListener("click", () => { turn("search"); search(); });
  at("do-ask").addEventListener("click", () => { turn("ask"); at("query").focus(); });
  at("theme").addEventListener("click", () => {
    const order = ["system", "light", "dark"];
    theme(order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length]);
  });
  at("help-open").addEventListener("click", () => { editors(); at("help").showModal(); });
  at("editor").addEventListener("change", () => {
    at("editor-link").value = EDITORS[at("editor").value] || at("editor-link").value;
    localStorage.setItem("fathom-editor", at("editor-link").value);
  });
  at("editor-link").addEventListener("change", () => localStorage.setItem("fathom-editor", at("editor-link").value));
  at("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    api.keepToken(at("token").value.trim());
    at("token").value = "";
    at("token-dialog").close();
    look();
  });
  document.addEventListener("visibilitychange", look);
}

api.takeToken();
theme();
at("kind").append(...KINDS.map((kind) => el("option", { value: kind }, kind)));
at("results").replaceChildren(welcome());
turn("search");
listenToPage();
look();
setInterval(look, 3000);
