// fathom in VS Code: starts `fathom lsp` and gives its commands what they need to know.

import * as vscode from "vscode";
import {
  LanguageClient,
  LanguageClientOptions,
  Middleware,
  ServerOptions,
  SymbolInformation,
  WorkspaceSymbolRequest,
} from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const settings = vscode.workspace.getConfiguration("fathom");
  const server: ServerOptions = {
    command: settings.get("path", "fathom"),
    args: ["lsp", ...settings.get<string[]>("arguments", [])],
  };
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: "file" }],
    middleware: middleware(),
  };
  client = new LanguageClient("fathom", "fathom", server, options);
  const search = vscode.commands.registerCommand("fathom.search", searchByMeaning);
  context.subscriptions.push(search);
  await client.start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

function middleware(): Middleware {
  return {
    executeCommand: async (command, args, next) => {
      const about = args[0] ?? selection();
      if (about === undefined) {
        return undefined;
      }
      if (command !== "fathom.ask" || about.question) {
        return next(command, [about]);
      }
      const question = await vscode.window.showInputBox({ prompt: "Ask about this" });
      return question === undefined ? undefined : next(command, [{ ...about, question }]);
    },
    window: {
      // Answers are Markdown; everything else opens as usual.
      showDocument: async (params, token, next) => {
        if (!params.uri.endsWith(".md")) {
          return next(params, token);
        }
        const uri = vscode.Uri.parse(params.uri);
        await vscode.commands.executeCommand("markdown.showPreviewToSide", uri);
        return { success: true };
      },
    },
  };
}

// What a command from the palette is about: the selection in the editor.
function selection(): { uri: string; range: object; question?: string } | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || client === undefined) {
    return undefined;
  }
  const uri = client.code2ProtocolConverter.asUri(editor.document.uri);
  return { uri, range: client.code2ProtocolConverter.asRange(editor.selection) };
}

interface Found extends vscode.QuickPickItem {
  symbol: SymbolInformation;
}

// The editor's own symbol search leaves out what has not the letters of the query in its name.
async function searchByMeaning(): Promise<void> {
  const query = await vscode.window.showInputBox({ prompt: "Search by name or meaning" });
  if (!query || client === undefined) {
    return;
  }
  const symbols = await client.sendRequest(WorkspaceSymbolRequest.type, { query });
  const items = ((symbols ?? []) as SymbolInformation[]).map(
    (symbol): Found => ({ label: symbol.name, description: symbol.containerName, symbol }),
  );
  const chosen = await vscode.window.showQuickPick(items, { placeHolder: query });
  if (chosen !== undefined) {
    const location = client.protocol2CodeConverter.asLocation(chosen.symbol.location);
    await vscode.window.showTextDocument(location.uri, { selection: location.range });
  }
}
