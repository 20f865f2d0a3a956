#!/bin/sh
# Fathom and next-plaid on the same token matrices: see README.md.
# usage: benches/next-plaid/run.sh WORK CHUNKS TREE…     (from the repository's root)
set -eu

work=$1 chunks=$2
shift 2
rounds=${ROUNDS:-3}
codebook=encoders/models/default/codebook.bin
mkdir -p "$work"

cargo build --release -p fathom-indexer --example npy_matrices
cargo build --release -p fathom-indexes --example beside_next_plaid
cargo build --release --manifest-path benches/next-plaid/Cargo.toml \
    --target-dir target/next-plaid ${FEATURES:+--features "$FEATURES"}
matrices=target/release/examples/npy_matrices
ours=target/release/examples/beside_next_plaid
theirs=target/next-plaid/release/next-plaid-peer
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"

say() {
    label=$1
    shift
    printf '%s\t' "$label"
    "$@"
}

[ -e "$work/matrices/query_lengths.npy" ] || "$matrices" "$work/matrices" "$chunks" "$@"
[ -e "$work/exact.json" ] || "$ours" exact "$work/matrices" "$work/exact.json"

# Build: each once, from ready matrices to the first answer.
rm -rf "$work/store" "$work/theirs"
say 'ours build' "$ours" build "$work/matrices" $codebook "$work/store"
say 'theirs build' "$theirs" build "$work/matrices" "$work/theirs"

# Interchange: each searches what the other wrote.
rm -rf "$work/exported"
say 'ours export' "$ours" export "$work/matrices" $codebook "$work/exported"
say 'ours on exported' "$ours" rank "$work/exported" "$work/matrices" "$work/ours-exported.json"
say 'theirs on exported' "$theirs" search "$work/exported" "$work/matrices" "$work/theirs-exported.json"
say 'agreement on exported' "$ours" compare "$work/ours-exported.json" "$work/theirs-exported.json"
say 'ours on theirs' "$ours" rank "$work/theirs" "$work/matrices" "$work/ours-theirs.json"
say 'theirs on theirs' "$theirs" search "$work/theirs" "$work/matrices" "$work/theirs.json"
say 'agreement on theirs' "$ours" compare "$work/ours-theirs.json" "$work/theirs.json"

# Search: in turns, with all cores and with one.
for threads in '' 1; do
    for _ in $(seq "$rounds"); do
        RAYON_NUM_THREADS=$threads say "ours search ${threads:-all}" \
            "$ours" search "$work/store" $codebook "$work/matrices" "$work/ours.json"
        RAYON_NUM_THREADS=$threads say "theirs search ${threads:-all}" \
            "$theirs" search "$work/theirs" "$work/matrices" "$work/theirs.json"
    done
done
say 'recall ours' "$ours" compare "$work/exact.json" "$work/ours.json"
say 'recall theirs' "$ours" compare "$work/exact.json" "$work/theirs.json"

# One more document, words included on our side.
for _ in $(seq "$rounds"); do
    say 'ours add' "$ours" add "$work/store" $codebook "$work/matrices"
    say 'theirs add' "$theirs" add "$work/theirs" "$work/matrices"
done
