"""Trains the judge on the candidates of questions with known answers.

    cargo run --release --example judge_pools -- LABELS SOURCES commits
    venv/bin/python training/judge/train.py judge.safetensors commits docstrings

The loss is listwise: the judge's log odds are added to the score that the ranking gives without it, and
what is right is to have the largest share of a softmax. So it learns what the ranking does not know.
Questions of repositories that are named by `--held-out` are only measured with. What is written is the mean
of the last steps' weights.
"""

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from judge import DIM, Judge, inputs_of, save

# Candidates that are read, in training and in fathom.
READ_TRAINING, READ = 32, 30
DISCOUNT = 1 / np.log2(np.arange(2, 12))
# What a log odd counts in the ranking's score, as in `retriever/src/rank/weights.rs`, and the weight of repeats there.
WEIGHT, REPEAT = 0.1, -0.6


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("pools", nargs="+", help="what `judge_pools` wrote, without `.jsonl`")
    parser.add_argument("--docstrings", type=float, default=0.3, help="share of questions that are docstrings")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8, help="questions of a step")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--held-out", default="", help="repositories to measure on, with commas")
    parser.add_argument("--measure", nargs="*", default=[], help="pools of other repositories to measure on")
    parser.add_argument("--example", type=Path, help="writes one question with its scores: the test of fathom's own judge")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def read(name):
    """Questions with their candidates; rows stay in the file until they are wanted."""
    rows = np.memmap(f"{name}.bin", np.int8, "r")
    part = lambda at, count: rows[at:at + count * DIM].reshape(count, DIM)
    questions = []
    with open(f"{name}.jsonl", encoding="utf-8") as lines:
        for line in lines:
            question = json.loads(line)
            question["rows"] = part(*question["vectors"])
            for candidate in question["candidates"]:
                candidate["rows"] = part(*candidate["vectors"])
            questions.append(question)
    return questions


def comparable(question):
    """What a docstring asks for is a function whose comment was taken away. A judge that sees other candidates
    there would learn what such functions look like, not what answers."""
    if question["category"] != "docstring":
        return question
    kept = [one for one in question["candidates"] if not one["documented"] and one["kind"] in ("function", "method")]
    return {**question, "candidates": kept}


def weights_of(questions, share):
    """Repositories count by the square root of their questions, docstrings by their share."""
    sizes = {}
    for question in questions:
        sizes[question["repository"]] = sizes.get(question["repository"], 0) + 1
    weights = np.array([sizes[question["repository"]] ** -0.5 for question in questions])
    docstrings = np.array([question["category"] == "docstring" for question in questions])
    if docstrings.any() and not docstrings.all():
        weights[docstrings] *= share / weights[docstrings].sum()
        weights[~docstrings] *= (1 - share) / weights[~docstrings].sum()
    return weights / weights.sum()


def loss_of(model, trust, batch):
    """The loss, what it would be without the judge, and the share of questions with a right candidate first."""
    inputs = [inputs_of(question["rows"], [one["rows"] for one in question["candidates"][:READ_TRAINING]]) for question in batch]
    longest = max(rows.shape[1] for rows, _ in inputs)
    mask = torch.cat([torch.arange(longest).expand(len(rows), -1) < rows.shape[1] for rows, _ in inputs])
    judged = model(torch.cat([F.pad(rows, (0, 0, 0, longest - rows.shape[1])) for rows, _ in inputs]), mask)
    losses, without, first = [], [], []
    for question, (_, known), odds in zip(batch, inputs, judged.split([len(rows) for rows, _ in inputs])):
        candidates = question["candidates"][:READ_TRAINING]
        odds = torch.where(known, odds, odds[known].mean() if known.any() else torch.zeros(()))
        right = torch.tensor([len(one["right"]) > 0 for one in candidates])
        score = trust * torch.tensor([one["score"] for one in candidates])
        missed = lambda total: torch.logsumexp(total, 0) - torch.logsumexp(total[right], 0)
        losses.append(missed(score + odds))
        without.append(missed(score).item())
        first.append(right[(score + odds).argmax()].item())
    return torch.stack(losses).mean(), np.mean(without), np.mean(first)


def train(questions, options):
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    model, trust = Judge(), nn.Parameter(torch.tensor(5.0))
    mean = copy.deepcopy(model).eval()
    optimizer = torch.optim.AdamW([{"params": model.parameters(), "weight_decay": 0.02}, {"params": [trust], "weight_decay": 0}], lr=options.rate)
    weights, began, seen = weights_of(questions, options.docstrings), time.monotonic(), []
    for step in range(options.steps):
        for group in optimizer.param_groups:
            group["lr"] = options.rate * min((step + 1) / 50, 1 - step / options.steps + 0.01, 1)
        drawn = random.choice(len(questions), options.batch, replace=False, p=weights)
        loss, without, first = loss_of(model, trust, [questions[i] for i in drawn])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        kept = min(0.99, (step + 1) / (step + 20))
        with torch.no_grad():
            for of_mean, now in zip(mean.parameters(), model.parameters()):
                of_mean.mul_(kept).add_(now, alpha=1 - kept)
        seen.append((loss.item(), without, first))
        if (step + 1) % 200 == 0 or step + 1 == options.steps:
            loss, without, first = np.mean(seen[-200:], axis=0)
            print(f"step {step + 1}, {time.monotonic() - began:.0f} s: loss {loss:.3f}, without the judge {without:.3f}; right first {first:.3f}", flush=True)
    return mean


@torch.no_grad()
def odds_of(model, question):
    """Of the first candidates, about their mean; for all that follow the least of them."""
    candidates = question["candidates"][:READ]
    inputs, known = inputs_of(question["rows"], [one["rows"] for one in candidates])
    odds = model(inputs, torch.ones(inputs.shape[:2], dtype=torch.bool)).numpy()
    known = known.numpy()
    odds = np.where(known, odds - odds[known].mean(), 0.0) if known.any() else odds * 0
    return np.append(odds, np.full(len(question["candidates"]) - len(odds), odds.min()))


def ndcg(question, order):
    found, gain = set(), 0.0
    for discount, at in zip(DISCOUNT, order):
        new = set(question["candidates"][at]["right"]) - found
        gain += discount if new else 0.0
        found |= new
    return gain / DISCOUNT[:min(10, question["targets"])].sum()


def ordered(question, added):
    """As the ranking does: the score without repeats, then repeats anew."""
    score = np.array([one["score"] - one["repeat"] for one in question["candidates"]]) + added
    seen, again = {}, score.copy()
    for at in np.argsort(-score, kind="stable"):
        path = question["candidates"][at]["path"]
        again[at] += REPEAT * 2 * (1 - 0.5 ** seen.get(path, 0))
        seen[path] = seen.get(path, 0) + 1
    return np.argsort(-again, kind="stable")


def measure(model, questions, weights=(0.0, 0.025, 0.05, 0.1, 0.15, 0.2)):
    """weight -> NDCG@10, the mean over repositories; symbols are not judged."""
    scores = {weight: {} for weight in weights}
    for question in questions:
        judged = len(question["candidates"]) > 1
        odds = odds_of(model, question) if judged else np.zeros(len(question["candidates"]))
        for weight in weights:
            order = ordered(question, (0 if question["symbol"] else weight) * odds)
            scores[weight].setdefault(question["repository"], []).append(ndcg(question, order))
    return {weight: float(np.mean([np.mean(some) for some in of.values()])) for weight, of in scores.items()}


def example(model, question, path):
    """One question, the beginnings of its first candidates and their scores, in one file."""
    rows = [np.array(one["rows"][:most]) for one, most in zip(question["candidates"], (40, 25, 1))]
    inputs, _ = inputs_of(question["rows"], rows)
    with torch.no_grad():
        scores = model(inputs, torch.ones(inputs.shape[:2], dtype=torch.bool)).numpy()
    chunks = {f"chunk.{i}": part.astype(np.float32) / 127 for i, part in enumerate(rows)}
    save({"question": np.array(question["rows"], np.float32) / 127, **chunks, "scores": scores}, path)


def main():
    options = arguments()
    held_out = set(options.held_out.split(","))
    questions = [question for name in options.pools for question in read(name)]
    unseen = [question for question in questions if question["repository"] in held_out]
    some = lambda question: 0 < sum(len(one["right"]) > 0 for one in question["candidates"][:READ_TRAINING]) < len(question["candidates"][:READ_TRAINING])
    seen = [question for question in map(comparable, questions) if question["repository"] not in held_out and some(question)]
    print(f"{len(seen)} questions of {len({question['repository'] for question in seen})} repositories")
    model = train(seen, options)
    save(model.tensors(), options.out)
    for category in sorted({question["category"] for question in unseen}):
        print("held out:", category, measure(model, [question for question in unseen if question["category"] == category]), flush=True)
    for name in options.measure:
        print(f"{Path(name).name}:", measure(model, read(name)), flush=True)
    if options.example:
        example(model, next(question for question in unseen if len(question["candidates"]) > 2), options.example)


if __name__ == "__main__":
    main()
