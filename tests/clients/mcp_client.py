"""Speaks to `fathom mcp` with the official Python client, which checks structured content
against the schemas by itself.

    python3 tests/clients/mcp_client.py FATHOM REPOSITORY [URL]

FATHOM is the program, REPOSITORY a folder with `src/lock.rs` that defines `acquire_lock`.
With URL the server there is asked instead of a process of its own.
"""

import asyncio
import os
import sys

import jsonschema
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import ListRootsResult, Root

CALLS = [
    ("search", {"query": "who waits for the writer lock"}),
    ("search", {"query": "acquire_\\w+", "mode": "regex", "top_k": 1}),
    ("find_similar", {"path": "src/lock.rs", "line": 4}),
    ("read_span", {"path": "src/lock.rs", "start_line": 2, "end_line": 3}),
    ("explain_symbol", {"target": "acquire_lock"}),
    ("repo_map", {}),
    ("ask", {"question": "who waits for the writer lock"}),
    ("index_status", {}),
]
WRONG = [
    ("search", {}),
    ("search", {"query": "a", "mode": "best"}),
    ("read_span", {"path": "../outside"}),
]


def check(condition, *context):
    if not condition:
        sys.exit(f"mcp_client: {context}")


async def check_tools(client):
    tools = (await client.list_tools()).tools
    check(len(tools) == 7, [tool.name for tool in tools])
    for tool in tools:
        for schema in (tool.input_schema, tool.output_schema):
            jsonschema.Draft202012Validator.check_schema(schema)
        check(tool.annotations.read_only_hint, tool.name)
    return {tool.name: tool for tool in tools}


async def check_calls(client, tools):
    for name, arguments in CALLS:
        result = await client.call_tool(name, arguments)
        check(not result.is_error, name, result)
        jsonschema.validate(result.structured_content, tools[name].output_schema)
        check(result.content[0].text, name)
    for name, arguments in WRONG:
        result = await client.call_tool(name, arguments)
        check(result.is_error and result.content[0].text, name, result)


async def check_server(server, mode, **options):
    async with Client(server, mode=mode, **options) as client:
        check(client.server_info.name == "fathom", client.server_info)
        check("search" in (client.instructions or ""), client.instructions)
        tools = await check_tools(client)
        await check_calls(client, tools)
        together = [client.call_tool(*CALLS[0]) for _ in range(20)]
        results = await asyncio.gather(*together)
        check(all(not result.is_error for result in results), results)
        found = results[0].structured_content["results"][0]
        check(found["path"] == "src/lock.rs", found)
        return client.protocol_version


async def main(program, repository, *url):
    versions = set()
    for mode in ("auto", "legacy"):
        if url:
            token = os.environ.get("FATHOM_TOKEN")
            check(not token, "a token needs a client of its own")
            versions.add(await check_server(url[0], mode))
            continue
        server = StdioServerParameters(
            command=program, args=["mcp", repository], env=dict(os.environ)
        )
        versions.add(await check_server(stdio_client(server), mode))
    if not url:
        await check_roots(program, repository)
    print("protocol versions:", ", ".join(sorted(versions)))


async def check_roots(program, repository):
    """Without paths the folders that the client works in are served."""

    async def roots(_):
        return ListRootsResult(roots=[Root(uri=f"file://{repository}")])

    server = StdioServerParameters(
        command=program, args=["mcp"], env=dict(os.environ), cwd="/"
    )
    client = Client(stdio_client(server), mode="legacy", list_roots_callback=roots)
    async with client:
        result = await client.call_tool("search", {"query": "acquire_lock"})
        root = result.structured_content["root"]
        check(os.path.samefile(root, repository), root)


asyncio.run(main(*sys.argv[1:]))
