"""Pairs of `fathom eval build pairs`, in batches that are hard: most of a batch
comes from one repository, half of that from neighbouring files."""

import json
from collections import defaultdict

import numpy as np

PAD = 0


def read(path, held_out):
    """All pairs; those of the repositories in `held_out` apart. An answer that more than 3 pairs share is boilerplate."""
    train, unseen = [], []
    shared = defaultdict(int)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            pair["ids"] = np.array(pair["ids"], np.int32)
            pair["query_ids"] = np.array(pair["query_ids"], np.int32)
            pair["answer"] = hash(pair["ids"].tobytes())
            shared[pair["answer"]] += 1
            (unseen if pair["repository"] in held_out else train).append(pair)
    return [[pair for pair in part if shared[pair["answer"]] <= 3] for part in (train, unseen)]


class Batches:
    """Draws batches by a seeded generator."""

    def __init__(self, pairs, size, symbols, commits, seed):
        """`symbols` and `commits`: the share of questions that are names, and that are messages of commits."""
        self.size, self.shares = size, {"symbol": symbols, "commit": commits}
        self.random = np.random.default_rng(seed)
        self.by_repository = defaultdict(lambda: {"doc": [], "symbol": [], "commit": []})
        languages, sizes = defaultdict(int), defaultdict(int)
        for pair in pairs:
            sizes[pair["repository"]] += pair["kind"] == "doc"
        for pair in pairs:
            # Those that fill no batch are one repository together, for each language.
            name = pair["repository"] if sizes[pair["repository"]] >= size else f"small {pair['language']}"
            self.by_repository[name][pair["kind"]].append(pair)
            languages[pair["language"]] += 1
        self.names = sorted(name for name, kinds in self.by_repository.items() if len(kinds["doc"]) >= size)
        # Large repositories and languages count by the square root of their size.
        weights = []
        for name in self.names:
            pairs_of = self.by_repository[name]["doc"]
            language = languages[pairs_of[0]["language"]]
            weights.append(np.sqrt(len(pairs_of)) / np.sqrt(language))
        self.weights = np.array(weights) / np.sum(weights)

    def draw(self):
        kinds = self.by_repository[self.names[self.random.choice(len(self.names), p=self.weights)]]
        counts = {kind: min(int(self.size * share), len(kinds[kind])) for kind, share in self.shares.items()}
        docs = self.size - sum(counts.values())
        near = docs // 2
        start = int(self.random.integers(0, len(kinds["doc"]) - near + 1))
        chosen = kinds["doc"][start:start + near]
        for kind, count in [("doc", docs - near), *counts.items()]:
            if count:
                chosen += [kinds[kind][i] for i in self.random.integers(0, len(kinds[kind]), count)]
        return chosen


def alike(batch):
    """[pairs, pairs]: the code of the one may answer the question of the other. The same code does; and a
    commit may have changed an older version of what else is asked for in its file."""
    answers = np.array([pair["answer"] for pair in batch])
    places = np.array([hash((pair["repository"], pair["path"])) for pair in batch])
    commits = np.array([pair["kind"] == "commit" for pair in batch])
    in_one_file = places[:, None] == places[None, :]
    found = (answers[:, None] == answers[None, :]) | (in_one_file & (commits[:, None] | commits[None, :]))
    np.fill_diagonal(found, False)
    return found


def padded(rows, longest):
    """[rows, length] ids and mask; the last token stays the last."""
    cut = [row if len(row) <= longest else np.append(row[:longest - 1], row[-1]) for row in rows]
    length = max(len(row) for row in cut)
    ids = np.full((len(cut), length), PAD, np.int64)
    mask = np.zeros((len(cut), length), bool)
    for i, row in enumerate(cut):
        ids[i, :len(row)], mask[i, :len(row)] = row, True
    return ids, mask
