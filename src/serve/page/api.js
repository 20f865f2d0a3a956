// Speaks to the server that sent this page, and to no other.

const TOKEN = "fathom-token";

/** What went wrong, as the server says it. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || "the server does not answer");
    this.status = problem.status;
    this.next = problem.next || "";
  }
}

/** Takes a token from the address (`#token=…`), once. */
export function takeToken() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const token = parameters.get("token");
  if (token) {
    keepToken(token);
    parameters.delete("token");
    history.replaceState(null, "", `#${parameters}`);
  }
}

export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

async function send(path, { body, signal, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "the server does not answer", next: "is `fathom serve` still running?" });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ title: response.statusText }));
  throw new Problem({ status: response.status, ...problem });
}

/** Asks for JSON. */
export async function ask(path, body, signal) {
  return (await send(path, { body, signal })).json();
}

/** Asks for server-sent events; `on` gets each one's name and data. */
export async function listen(path, body, signal, on) {
  const response = await send(path, { body, signal, accept: "text/event-stream" });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (waiting + value).split("\n\n");
    waiting = events.pop();
    for (const event of events) hear(event, on);
  }
}

function hear(event, on) {
  let kind = "message";
  const data = [];
  for (const line of event.split("\n")) {
    if (line.startsWith("event: ")) kind = line.slice(7);
    if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  if (data.length) on(kind, JSON.parse(data.join("\n")));
}
