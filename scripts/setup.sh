#!/usr/bin/env bash
# Installs what the build needs, or names it. Does nothing when all is there.
#
#   scripts/setup.sh           what `cargo build` needs
#   scripts/setup.sh tools     what `make test` needs beyond that
#
# What and why:
#   Rust      the language; 1.92 or newer
#   C++, make, cmake   faiss and the tree-sitter grammars are compiled here
#   OpenBLAS  faiss does its linear algebra with it
#   libclang  reads llama.cpp's header, so that Rust can call it
#   pip       fetches the wheel that ONNX Runtime comes in (make runtime)
#   rustfmt, clippy, cargo-nextest   format, lints and test runner
#   git       makes the repositories with branches and worktrees that are tested
#   Neovim    a client of the language server (scripts/editors.sh)
#   Emacs     another one, with Eglot
set -euo pipefail

readonly MIN_RUST=1.92

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# True when version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_rust() {
    have cargo || fail "Rust is missing; install it from https://rustup.rs, then run this again"
    # In this folder, so that a toolchain file counts.
    local version
    version=$(rustc --version | cut -d' ' -f2)
    at_least "${version%%-*}" "$MIN_RUST" \
        || fail "Rust $version is too old, $MIN_RUST is needed; run \`rustup update stable\`"
}

# Can the C++ compiler link with this library?
links() {
    have c++ && printf 'int main(){}' | c++ -x c++ - "-l$1" -o /dev/null 2>/dev/null
}

# Where bindgen looks for it: its own variable, what llvm-config names, then the usual folders. LLVM
# comes without it too, and libclang-cpp is another library.
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return
    local folder folders=(/usr/lib/llvm*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/local/lib)
    have llvm-config && folders+=("$(llvm-config --libdir)")
    for folder in "${folders[@]}"; do
        compgen -G "$folder/libclang[.-]*" | grep -E 'libclang(-[0-9][0-9.]*)?\.so' >/dev/null && return
    done
    # Apple's own tools have it.
    [ "$(uname -s)" = Darwin ] && xcode-select -p >/dev/null 2>&1
}

missing() {
    have c++ || echo c++
    has_libclang || echo libclang
    have make || echo make
    have cmake || echo cmake
    have pkg-config || echo pkg-config
    python3 -m pip --version >/dev/null 2>&1 || echo pip
    if [ "$(uname -s)" != Darwin ]; then
        { links blas && links lapack && links gomp; } || echo openblas
    fi
}

debian_package() {
    case $1 in
        c++ | make) echo build-essential ;;
        cmake) echo cmake ;;
        pkg-config) echo pkg-config ;;
        pip) echo python3-pip ;;
        openblas) echo libopenblas-dev ;;
        libclang) echo libclang-dev ;;
        git) echo git ;;
        nvim) echo neovim ;;
        emacs) echo emacs-nox ;;
        # A part of Emacs 29 and newer.
        eglot) echo elpa-eglot ;;
    esac
}

brew_package() {
    case $1 in
        c++) echo gcc ;;
        pip) echo python3 ;;
        libclang) echo llvm ;;
        nvim) echo neovim ;;
        *) echo "$1" ;;
    esac
}

# Packages for the missing things, each once.
packages() { for thing in "${@:2}"; do "$1" "$thing"; done | sort -u | tr '\n' ' '; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_missing() {
    local list
    if have apt-get && { [ "$(id -u)" = 0 ] || have sudo; }; then
        list=$(packages debian_package "$@")
        say "installing with apt-get (needed: $*): $list"
        export DEBIAN_FRONTEND=noninteractive
        as_root apt-get update -qq
        # shellcheck disable=SC2086
        as_root apt-get install -y -qq --no-install-recommends $list >/dev/null
    elif have brew; then
        list=$(packages brew_package "$@")
        say "installing with Homebrew (needed: $*): $list"
        # shellcheck disable=SC2086
        brew install --quiet $list
    else
        fail "missing: $*; install these with your system's package manager (on Debian: $(packages debian_package "$@"))"
    fi
}

setup_build() {
    check_rust
    local things
    things=$(missing)
    [ -z "$things" ] && return
    # shellcheck disable=SC2086
    install_missing $things
    things=$(missing)
    [ -z "$things" ] || fail "still missing after the installation: $things"
}

setup_tools() {
    local component
    have git || install_missing git
    for component in rustfmt clippy; do
        cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
        have rustup || fail "$component is missing; install it beside your Rust toolchain"
        say "installing with rustup: $component"
        rustup component add "$component"
    done
    have nvim || install_missing nvim
    have emacs || install_missing emacs
    emacs --batch -l eglot 2>/dev/null || install_missing eglot
    cargo nextest --version >/dev/null 2>&1 && return
    say "installing the test runner: cargo install --locked cargo-nextest"
    cargo install --locked --quiet cargo-nextest
}

cd "$(dirname "$0")/.."
case ${1:-build} in
    build) setup_build ;;
    tools) setup_tools ;;
    *) fail "unknown step \`$1\`" ;;
esac
