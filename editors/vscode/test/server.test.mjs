// The extension's language client speaks to the server by this protocol library; here it does so
// without an editor. FATHOM names the program.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import lsp from "vscode-languageserver-protocol/node";

const program = process.env.FATHOM;
assert.ok(program, "FATHOM does not name the program");
const folder = mkdtempSync(join(tmpdir(), "fathom-vscode-"));
const tree = join(folder, "tree");
const main = join(tree, "main.rs");
const source = "/// Adds.\nfn add(a: u32) -> u32 {\n    a\n}\n\nfn main() {\n    add(1);\n}\n";
const uri = pathToFileURL(main).href;
let server;
let connection;
const shown = [];

before(async () => {
  mkdirSync(tree);
  writeFileSync(main, source);
  const environment = { ...process.env, FATHOM_DATA_DIR: join(folder, "data") };
  server = spawn(program, ["lsp", "--stdio"], { env: environment });
  const reader = new lsp.StreamMessageReader(server.stdout);
  const writer = new lsp.StreamMessageWriter(server.stdin);
  connection = lsp.createProtocolConnection(reader, writer);
  connection.onRequest(lsp.ShowDocumentRequest.type, (params) => {
    shown.push(params.uri);
    return { success: true };
  });
  connection.onRequest(lsp.WorkDoneProgressCreateRequest.type, () => undefined);
  connection.listen();
  const result = await connection.sendRequest(lsp.InitializeRequest.type, {
    processId: process.pid,
    rootUri: pathToFileURL(tree).href,
    workspaceFolders: [{ uri: pathToFileURL(tree).href, name: "tree" }],
    capabilities: {
      general: { positionEncodings: ["utf-16"] },
      window: { workDoneProgress: true, showDocument: { support: true } },
      textDocument: { codeAction: { codeActionLiteralSupport: { codeActionKind: { valueSet: [] } } } },
    },
  });
  assert.equal(result.capabilities.positionEncoding, "utf-16");
  await connection.sendNotification(lsp.InitializedNotification.type, {});
  await connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, {
    textDocument: { uri, languageId: "rust", version: 1, text: source },
  });
});

after(() => {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
});

const at = (line, character) => ({ textDocument: { uri }, position: { line, character } });

test("hover shows the card", async () => {
  const hover = await connection.sendRequest(lsp.HoverRequest.type, at(6, 5));
  assert.match(hover.contents.value, /\*\*function\*\* `add`/);
});

test("names lead to definitions, symbols and calls", async () => {
  const [definition] = await connection.sendRequest(lsp.DefinitionRequest.type, at(6, 5));
  assert.deepEqual(definition.range.start, { line: 1, character: 3 });
  const symbols = await connection.sendRequest(lsp.WorkspaceSymbolRequest.type, { query: "add" });
  assert.equal(symbols[0].name, "add");
  const [item] = await connection.sendRequest(lsp.CallHierarchyPrepareRequest.type, at(1, 3));
  const calls = await connection.sendRequest(lsp.CallHierarchyIncomingCallsRequest.type, { item });
  assert.deepEqual(calls.map((call) => call.from.name), ["main"]);
});

test("an action explains, with progress and a document", async () => {
  const range = { start: { line: 1, character: 3 }, end: { line: 1, character: 3 } };
  const actions = await connection.sendRequest(lsp.CodeActionRequest.type, {
    textDocument: { uri },
    range,
    context: { diagnostics: [], triggerKind: lsp.CodeActionTriggerKind.Invoked },
  });
  assert.deepEqual(actions.map((action) => action.title), [
    "Explain this",
    "Find similar code",
    "Ask about this",
  ]);
  const kinds = [];
  connection.onProgress(lsp.WorkDoneProgress.type, "work", (value) => kinds.push(value.kind));
  const { command, arguments: about } = actions[0].command;
  const result = await connection.sendRequest(lsp.ExecuteCommandRequest.type, {
    command,
    arguments: about,
    workDoneToken: "work",
  });
  assert.match(result.markdown, /^# `add`/);
  await new Promise((done) => setTimeout(done, 200));
  assert.deepEqual([kinds.at(0), kinds.at(-1)], ["begin", "end"]);
  assert.deepEqual(shown, [result.uri]);
  assert.equal(readFileSync(new URL(result.uri), "utf8"), result.markdown);
});

test("a request can be cancelled, and all of it ended", async () => {
  const source = new lsp.CancellationTokenSource();
  const answer = connection.sendRequest(lsp.HoverRequest.type, at(6, 5), source.token);
  source.cancel();
  await answer.catch((error) => assert.equal(error.code, lsp.LSPErrorCodes.RequestCancelled));
  await connection.sendRequest(lsp.ShutdownRequest.type);
  const ended = new Promise((done) => server.once("exit", done));
  await connection.sendNotification(lsp.ExitNotification.type);
  assert.equal(await ended, 0);
});
