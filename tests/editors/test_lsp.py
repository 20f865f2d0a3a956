"""`fathom lsp` with the client of pytest-lsp. FATHOM names the program."""

import asyncio
import os
import pathlib

import pytest
import pytest_lsp
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

MAIN = "/// Adds.\nfn add(a: u32) -> u32 {\n    a\n}\n\nfn main() {\n    add(1);\n}\n"
FILES = {
    "main.rs": MAIN,
    "tests/add.rs": "#[test]\nfn adds() {\n    assert_eq!(add(1), 1);\n}\n",
}


@pytest.fixture
def tree(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, text in FILES.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    os.environ["FATHOM_DATA_DIR"] = str(tmp_path / "data")
    return tmp_path / "tree"


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=[os.environ["FATHOM"], "lsp"]),
    params=["neovim", "visual_studio_code", "emacs"],
)
async def client(lsp_client: LanguageClient, tree: pathlib.Path, request):
    uri = tree.as_uri()
    capabilities = client_capabilities(request.param)
    params = types.InitializeParams(
        capabilities=capabilities,
        process_id=os.getpid(),
        workspace_folders=[types.WorkspaceFolder(uri=uri, name="tree")],
    )
    await lsp_client.initialize_session(params)
    await lsp_client.workspace_symbol_async(types.WorkspaceSymbolParams(query="add"))
    yield lsp_client
    await lsp_client.shutdown_session()


def at(tree, line, character, **more):
    return {
        "text_document": types.TextDocumentIdentifier(uri=(tree / "main.rs").as_uri()),
        "position": types.Position(line=line, character=character),
        **more,
    }


def open_main(client, tree, text=MAIN):
    document = types.TextDocumentItem(
        uri=(tree / "main.rs").as_uri(), language_id="rust", version=1, text=text
    )
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))


@pytest.mark.asyncio
async def test_hover_is_the_card(client, tree):
    hover = await client.text_document_hover_async(types.HoverParams(**at(tree, 6, 5)))
    text = hover.contents.value
    assert "`add`" in text and "`main`" in text and "`adds`" in text, text


@pytest.mark.asyncio
async def test_unsaved_text_counts(client, tree):
    open_main(client, tree, "\n\n" + MAIN)
    hover = await client.text_document_hover_async(types.HoverParams(**at(tree, 8, 5)))
    assert "`main.rs:4-6`" in hover.contents.value
    found = await client.text_document_definition_async(types.DefinitionParams(**at(tree, 8, 5)))
    assert [one.range.start.line for one in found] == [3]


@pytest.mark.asyncio
async def test_names_are_followed(client, tree):
    context = types.ReferenceContext(include_declaration=False)
    params = types.ReferenceParams(**at(tree, 1, 4, context=context))
    found = await client.text_document_references_async(params)
    assert [(one.uri.rsplit("/", 1)[1], one.range.start.line) for one in found] == [
        ("main.rs", 6),
        ("add.rs", 2),
    ]
    params = types.CallHierarchyPrepareParams(**at(tree, 1, 4))
    items = await client.text_document_prepare_call_hierarchy_async(params)
    incoming = types.CallHierarchyIncomingCallsParams(item=items[0])
    calls = await client.call_hierarchy_incoming_calls_async(incoming)
    assert [call.from_.name for call in calls] == ["main", "adds"]


@pytest.mark.asyncio
async def test_symbols_are_listed_and_found(client, tree):
    document = types.TextDocumentIdentifier(uri=(tree / "main.rs").as_uri())
    params = types.DocumentSymbolParams(text_document=document)
    symbols = await client.text_document_document_symbol_async(params)
    assert [symbol.name for symbol in symbols] == ["add", "main"]
    params = types.WorkspaceSymbolParams(query="where are numbers added")
    assert await client.workspace_symbol_async(params)


@pytest.mark.asyncio
async def test_an_action_explains(client, tree):
    open_main(client, tree)
    place = types.Position(line=1, character=4)
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri=(tree / "main.rs").as_uri()),
        range=types.Range(start=place, end=place),
        context=types.CodeActionContext(diagnostics=[]),
    )
    actions = await client.text_document_code_action_async(params)
    titles = [one.title for one in actions]
    assert titles == ["Explain this", "Find similar code", "Ask about this"]
    about = [{"uri": (tree / "main.rs").as_uri(), "position": {"line": 1, "character": 4}}]
    params = types.ExecuteCommandParams(command="fathom.explain", arguments=about)
    result = await client.workspace_execute_command_async(params)
    markdown = result["markdown"] if isinstance(result, dict) else result.markdown
    assert markdown.startswith("# `add`")


@pytest.mark.asyncio
async def test_a_request_can_be_cancelled(client, tree):
    params = types.WorkspaceSymbolParams(query="something that takes a while")
    send = client.protocol.send_request_async
    asked = asyncio.ensure_future(send("workspace/symbol", params, msg_id="mine"))
    await asyncio.sleep(0)
    client.cancel_request(types.CancelParams(id="mine"))
    try:
        # The answer may have been faster.
        assert isinstance(await asked, list)
    except JsonRpcException as error:
        assert error.code == types.LSPErrorCodes.RequestCancelled
    hover = await client.text_document_hover_async(types.HoverParams(**at(tree, 6, 5)))
    assert hover is not None
