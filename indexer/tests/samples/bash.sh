#!/usr/bin/env bash
# Counts visits.
set -euo pipefail

LIMIT=100

# Records one visit.
record() {
  local page="$1"
  echo "$page" >> visits.log
  clamp "$(grep -c "$page" visits.log)"
}

function clamp {
  (( $1 < LIMIT )) && echo "$1" || echo "$LIMIT"
}

record "/"
