#!/usr/bin/env bash
# Indexes fathom's own source and one crate that it depends on, and searches both.
set -euo pipefail
cd "$(dirname "$0")/.."
fathom=$(realpath "${1:-target/release/fathom}")

# The sources of the crate `$1`, which cargo has unpacked already.
crate_folder() {
    cargo metadata --quiet --format-version 1 --locked \
            --filter-platform "$(rustc -vV | sed -n 's/^host: //p')" \
        | python3 -c '
import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == sys.argv[1]:
        print(os.path.dirname(package["manifest_path"]))
        break' "$1"
}

run() {
    printf '\n$ fathom'
    for argument in "$@"; do
        case $argument in
            *' '*) printf ' "%s"' "$argument" ;;
            *) printf ' %s' "$argument" ;;
        esac
    done
    printf '\n'
    "$fathom" "$@"
}

tantivy=$(crate_folder tantivy)
run doctor || true
# An index that another version made with another model is replaced.
run index . || run index --force .
run index "$tantivy" || run index --force "$tantivy"
run search -k 3 "where is the writer lock taken" .
run search -k 3 --mode symbol SearchRequest .
run search -k 3 "merge segments in the background" "$tantivy"
run search -k 3 --explain-score "how is a posting list encoded" "$tantivy"
run status .
printf '\nThat was it. Now try your own: fathom search "…" path/to/repository\n'
