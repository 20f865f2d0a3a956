#!/usr/bin/env bash
# Installs what the tests of the page and of the HTTP interface need beyond Rust, or names it.
#
#   scripts/web.sh browser   Chromium (from the system) and Playwright
#   scripts/web.sh fuzz      Schemathesis
#
# Python packages go to target/web, nowhere else.
set -euo pipefail

readonly PLAYWRIGHT=1.65.2
readonly SCHEMATHESIS=4.32.5

say() { printf 'web: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# A folder of its own for each set of packages: its name says what is in it.
packages() {
    local folder="${CARGO_TARGET_DIR:-target}/web/$1-$2"
    [ -e "$folder/.complete" ] && return
    say "installing $1 $2 with pip"
    rm -rf "$folder"
    python3 -m pip install --quiet --disable-pip-version-check --only-binary=:all: --target "$folder" "$1==$2"
    touch "$folder/.complete"
}

browser() {
    if ! [ -x "${CHROMIUM:-}" ] && ! have chromium && ! have chromium-browser && ! have google-chrome; then
        have apt-get && { [ "$(id -u)" = 0 ] || have sudo; } \
            || fail "Chromium is missing; install it with your system's package manager, or set CHROMIUM to its path"
        say "installing with apt-get: chromium fonts-dejavu-core"
        export DEBIAN_FRONTEND=noninteractive
        as_root apt-get update -qq
        as_root apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
    fi
    packages playwright "$PLAYWRIGHT"
}

cd "$(dirname "$0")/.."
case ${1:-} in
    browser) browser ;;
    fuzz) packages schemathesis "$SCHEMATHESIS" ;;
    *) fail "unknown step \`${1:-}\`; say \`browser\` or \`fuzz\`" ;;
esac
