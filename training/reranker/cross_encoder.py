"""Trains a small cross-encoder, which reads a question and code together, on the pairs of the encoder.

    fathom eval build pairs FOLDER/*/* --out pairs.jsonl
    venv/bin/python training/reranker/cross_encoder.py pairs.jsonl trained.npz OUT [--minutes 30]
    fathom model use OUT && fathom eval LABELS --sources SOURCES --rerank

It begins with the layers of the encoder in `trained.npz`. Of each question's batch, which comes from one
repository, the code that this encoder finds best stands against its own code; the loss is that of
choosing among them. OUT becomes a folder in the published layout of cross-encoders, int8.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent), str(HERE.parent / "encoder")]

import pairs as data
import train as encoder
from minilm import MiniLM

QUESTION, DOCUMENT, LONGEST = 48, 160, 208
# Questions of a batch that are trained on, and what each is to choose from.
ASKED, AMONG = 16, 8
# Code to choose from where it is measured, of each repository and kind.
POOL = 400
# Of the first stage's best so many are ordered anew where it is measured, and as in the program so much counts.
TOP, SHARE = 20, 0.4
# Questions to measure with, of each repository and kind.
MEASURED = 8


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs")
    parser.add_argument("encoder")
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--held-out", default="", help="repositories to measure on, with commas [every twentieth]")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class CrossEncoder(nn.Module):
    """ids, mask and types [batch, length] -> scores [batch]."""

    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk
        self.score = nn.Linear(384, 1)

    def forward(self, ids, mask, types):
        return self.score(self.trunk.states(ids, mask, types)[:, 0])[:, 0]


def joined(question, document):
    """[CLS] question [SEP] code [SEP], and the types of the two parts."""
    question = question[:QUESTION] if len(question) <= QUESTION else np.append(question[:QUESTION - 1], question[-1])
    document = document[1:DOCUMENT]
    document[-1] = question[-1]
    return np.concatenate([question, document]), np.concatenate([np.zeros(len(question), np.int64), np.ones(len(document), np.int64)])


def score(model, pairs, device):
    """Scores of `pairs` of token ids, in parts of like length."""
    rows = [joined(question, document.copy()) for question, document in pairs]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    scores = []
    for part in (order[i:i + encoder.PART] for i in range(0, len(order), encoder.PART)):
        ids, mask = data.padded([rows[i][0] for i in part], LONGEST)
        types, _ = data.padded([rows[i][1] for i in part], LONGEST)
        scores.append(model(*(torch.from_numpy(array).to(device) for array in (ids, mask, types))))
    return torch.cat(scores)[torch.tensor(np.argsort(order), device=device)].float()


@torch.no_grad()
def chosen(first, batch, random, device):
    """For some questions of the batch: its number, and those of its own code and of the best of the others."""
    late, _ = encoder.scores_of(*encoder.encode_batch(first, batch, device))
    late = late.masked_fill(torch.from_numpy(data.alike(batch)).to(device), -1e4)
    late.fill_diagonal_(-1e4)
    asked = random.permutation(len(batch))[:ASKED]
    best = late.topk(AMONG - 1, dim=1).indices.cpu().numpy()
    return [(question, [question, *best[question]]) for question in asked]


def loss_of(model, first, batch, random, device):
    groups = chosen(first, batch, random, device)
    pairs = [(batch[question]["query_ids"], batch[code]["ids"]) for question, codes in groups for code in codes]
    scores = score(model, pairs, device).view(len(groups), AMONG)
    right = torch.zeros(len(groups), dtype=torch.long, device=device)
    return F.cross_entropy(scores, right), (scores.argmax(1) == 0).float().mean()


@torch.no_grad()
def measure(model, first, unseen, device):
    """kind -> MRR@10 of the first stage, of the cross-encoder among its best, and of both."""
    model.eval()
    by_repository, ranks = {}, {}
    for pair in unseen:
        if pair["kind"] != "symbol":
            by_repository.setdefault((pair["repository"], pair["kind"]), []).append(pair)
    for (_, kind), pairs in by_repository.items():
        pool = pairs[:POOL]
        documents = [encoder.encode(first, [pair["ids"] for pair in pool[i:i + 64]], encoder.DOCUMENT, device) for i in range(0, len(pool), 64)]
        for own, pair in list(enumerate(pool))[::max(1, len(pool) // MEASURED)]:
            question, mask, _ = encoder.encode(first, [pair["query_ids"]], encoder.QUERY, device)
            late = torch.cat([encoder.maxsim(question, mask, d, d_mask)[0] for d, d_mask, _ in documents]).float().cpu().numpy()
            same = data.alike([pair, *pool])[0, 1:]
            best = [at for at in np.argsort(-late) if at == own or not same[at]][:TOP]
            again = score(model, [(pair["query_ids"], pool[at]["ids"]) for at in best], device).cpu().numpy()
            for name, values in (("late", late[best]), ("cross", again), ("both", (1 - SHARE) * spread(late[best]) + SHARE * spread(again))):
                order = [best[at] for at in np.argsort(-values)]
                ranks.setdefault(f"{kind} {name}", []).append(1 / (1 + order.index(own)) if own in order[:10] else 0.0)
    model.train()
    return {name: float(np.mean(values)) for name, values in sorted(ranks.items())}


def spread(values):
    """On a scale from 0 to 1."""
    return (values - values.min()) / max(values.max() - values.min(), 1e-9)


def write(model, folder):
    """The published layout: what prepares text as fathom does is told to the tokenizer."""
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().float().numpy() for name, value in model.trunk.state_dict().items()}
    head = model.score.weight.detach().cpu().numpy()[0], model.score.bias.item()
    graph = MiniLM(weights, quantised=True, score=head).model()
    (folder / "onnx" / "model_int8.onnx").write_bytes(graph.SerializeToString(deterministic=True))
    config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_size": 384, "max_position_embeddings": LONGEST,
              "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    original = HERE.parent.parent / "encoders" / "models" / "default" / "tokenizer.json"
    tokenizer = json.loads(original.read_text(encoding="utf-8"))
    cut = r"(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{N})(?=\p{L})|(?<=\p{L})(?=\p{N})"
    spaces = [{"type": "Replace", "pattern": {"Regex": regex}, "content": " "} for regex in (r"[^\p{L}\p{N}\p{M}]+", cut)]
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": [*spaces, tokenizer["normalizer"]]}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    short = device == "cuda" or torch.cpu._is_avx512_bf16_supported()
    unseen_names = encoder.held_out(options.pairs, options.held_out)
    train, unseen = data.read(options.pairs, unseen_names)
    layers = list(range(len({name.split(".")[2] for name in np.load(options.encoder) if name.startswith("encoder.layer.")})))
    first, trunk = (encoder.loaded(options.encoder, layers).to(device) for _ in range(2))
    first.eval()
    model = CrossEncoder(trunk).to(device).train()
    batches = data.Batches(train, options.batch, 0.2, 0.3, options.seed)
    print(f"{len(train)} pairs, {len(unseen)} held out; {len(layers)} layers, {device}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01)
    began, step, seen, next_look = time.monotonic(), 0, [], 0.5
    while True:
        part = (time.monotonic() - began) / (60 * options.minutes)
        if part >= min(next_look, 1):
            losses = np.mean(seen[-100:], axis=0)
            with torch.autocast(device, torch.bfloat16, enabled=short):
                told = ", ".join(f"{name} {value:.3f}" for name, value in measure(model, first, unseen, device).items())
            print(f"{100 * min(part, 1):3.0f} % step {step}: loss {losses[0]:.3f}, right {losses[1]:.3f}; held out: {told}", flush=True)
            next_look += 0.5
        if part >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = options.rate * min(part / 0.05, 1 - part + 0.01, 1.0)
        with torch.autocast(device, torch.bfloat16, enabled=short):
            loss, right = loss_of(model, first, batches.draw(), random, device)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen.append((loss.item(), right.item()))
        step += 1
    write(model, options.out)


if __name__ == "__main__":
    main()
