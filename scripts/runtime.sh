#!/usr/bin/env bash
# Fetches ONNX Runtime, the library that runs the models, into the user's cache
# (`$XDG_CACHE_HOME/fathom/runtime/<version>/`, default `~/.cache`), where
# fathom looks for it. Does nothing when it is there.
#
# The library is taken out of the Python wheel `onnxruntime`, with pip's own
# configuration deciding where that comes from; the wheel is checked against
# scripts/runtime.sha256. Nothing is installed into Python.
set -euo pipefail

readonly VERSION=1.31.1
readonly HASHES="$(dirname "${BASH_SOURCE[0]}")/runtime.sha256"
readonly TARGET="${XDG_CACHE_HOME:-$HOME/.cache}/fathom/runtime/$VERSION"

say() { printf 'runtime: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Sets `platform` (pip's name for this machine) and `library`.
detect() {
    library=libonnxruntime.so.$VERSION
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) platform=manylinux_2_28_x86_64 ;;
        Linux-aarch64) platform=manylinux_2_28_aarch64 ;;
        Darwin-arm64) platform=macosx_14_0_arm64 library=libonnxruntime.$VERSION.dylib ;;
        *) fail "no tested ONNX Runtime for $(uname -s) $(uname -m); set ORT_DYLIB_PATH to a library of version 1.23 or newer" ;;
    esac
}

# The wheel of one fixed Python version, whatever Python runs pip: the library
# inside is the same in all of them, and so the hash is known.
download() {
    python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$1" \
        --python-version 3.11 --implementation cp --abi cp311 --platform "$platform" \
        "onnxruntime==$VERSION" || fail "pip could not download the wheel; see its message above"
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

verify() {
    local expected found
    expected=$(awk -v platform="$platform" '$2 == platform { print $1 }' "$HASHES")
    found=$(sha256 "$1")
    [ "$found" = "$expected" ] || fail "$(basename "$1") has sha-256 $found, expected $expected"
}

# Writes the library beside its place and renames it, so that it is whole when
# it is there.
unpack() {
    mkdir -p "$TARGET"
    python3 -c 'import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as source, open(sys.argv[3], "wb") as target:
    shutil.copyfileobj(source, target)' "$1" "onnxruntime/capi/$library" "$TARGET/$library.$$.part"
    mv "$TARGET/$library.$$.part" "$TARGET/$library"
}

detect
[ -f "$TARGET/$library" ] && exit 0
folder=$(mktemp -d)
trap 'rm -rf "$folder" "$TARGET"/*."$$".part' EXIT
say "fetching ONNX Runtime $VERSION for $platform (about 23 MB)"
download "$folder"
wheel=$(echo "$folder"/onnxruntime-*.whl)
verify "$wheel"
unpack "$wheel"
say "ready: $TARGET/$library"
