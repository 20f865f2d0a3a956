#!/usr/bin/env bash
# Tests the language server with clients that somebody else wrote: pytest-lsp, Neovim, Emacs,
# and the protocol library of VS Code; builds and packages the VS Code extension.
#
#   scripts/editors.sh PROGRAM
#
# Python and npm packages are pinned (tests/editors/requirements.txt, package-lock.json) and go to
# target/editors; Node comes as a Python package. Neovim and Emacs come with
# `scripts/setup.sh tools`.
set -euo pipefail

cd "$(dirname "$0")/.."
say() { printf 'editors: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

FATHOM=$(realpath -e "${1:?the program is missing; run \`make editors\`}")
export FATHOM
readonly PLACE=$PWD/target/editors
readonly WANTED=$PWD/tests/editors/requirements.txt

command -v nvim >/dev/null || fail "Neovim is missing; run \`scripts/setup.sh tools\`"
command -v emacs >/dev/null || fail "Emacs is missing; run \`scripts/setup.sh tools\`"

mkdir -p "$PLACE"
if ! cmp -s "$WANTED" "$PLACE/requirements.txt"; then
    say "installing Python packages into target/editors"
    rm -rf "$PLACE/python"
    python3 -m pip install --quiet --disable-pip-version-check --target "$PLACE/python" \
        -r "$WANTED" || fail "pip cannot install tests/editors/requirements.txt"
    cp "$WANTED" "$PLACE/requirements.txt"
fi
export PYTHONPATH=$PLACE/python PYTHONDONTWRITEBYTECODE=1
export PATH=$PLACE/python/bin:$PATH

say "pytest-lsp"
python3 -m pytest -q -p no:cacheprovider tests/editors/test_lsp.py

say "$(nvim --version | head -n 1)"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/tree/.git" "$dir/home"
printf '/// Adds.\nfn add(a: u32) -> u32 {\n    a\n}\n\nfn main() {\n    add(1);\n}\n' >"$dir/tree/main.rs"
TREE=$dir/tree CONFIG=$PWD/editors/nvim HOME=$dir/home FATHOM_DATA_DIR=$dir/data \
    timeout 120 nvim --headless -u NONE -i NONE -n -c "luafile tests/editors/nvim.lua" </dev/null \
    || fail "Neovim: the test fails"

say "$(emacs --version | head -n 1)"
mkdir -p "$dir/bin"
ln -s "$FATHOM" "$dir/bin/fathom"
printf 'def add(a):\n    """Adds."""\n    return a\n\n\ndef main():\n    add(1)\n' >"$dir/tree/main.py"
TREE=$dir/tree GUIDE=$PWD/docs/editors/emacs.md PATH=$dir/bin:$PATH HOME=$dir/home FATHOM_DATA_DIR=$dir/emacs \
    timeout 120 emacs --batch -Q -l tests/editors/eglot.el </dev/null \
    || fail "Emacs: the test fails"

say "VS Code extension"
mkdir -p "$PLACE/vscode"
cp -r editors/vscode/. "$PLACE/vscode"
cd "$PLACE/vscode"
npm ci --silent --no-audit --no-fund || fail "npm cannot install editors/vscode/package-lock.json"
npm run --silent build
npm test --silent
npm run --silent package >/dev/null
say "target/editors/vscode/fathom.vsix is packaged"
