"""Trains the bundled encoder on pairs of question and code.

    fathom eval build pairs FOLDER/* --out pairs.jsonl
    venv/bin/python training/encoder/train.py pairs.jsonl trained.npz [--minutes 30]
    venv/bin/python training/export_default.py --trained trained.npz

The loss is contrastive over the batch: MaxSim of the token vectors from question
to code and back, and the cosine of the dense vectors. Every fifth of the time
the model is measured on repositories that it is not trained on, and the best one
is written. On a graphics processor where there is one, else on the processor.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

sys.path.append(str(Path(__file__).resolve().parent.parent))

import export_default
import pairs as data
from model import from_checkpoint

QUERY, DOCUMENT = 48, 192
TOKEN_TEMPERATURE, DENSE_TEMPERATURE = 0.03, 0.05
DENSE_SHARE, BACK_SHARE = 0.3, 0.3
# What it counts that a vector is far from the teacher's.
NEARNESS = 5.0
POOL = 1000
# Documents that are encoded at once; more on a graphics processor.
PART = 16 if not torch.cuda.is_available() else 256


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs")
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=0, help="pairs in a batch [32 on a processor, else 256]")
    parser.add_argument("--rate", type=float, default=8e-5)
    parser.add_argument("--frozen", type=int, default=2, help="lowest layers left as they are, and the embeddings; 0: none, nor these")
    parser.add_argument("--layers", default="0,1,2,3,4,5", help="layers to keep")
    parser.add_argument("--start", help="weights of an earlier run")
    parser.add_argument("--teacher", help="weights of an earlier run of all layers, whose vectors and scores are learnt")
    parser.add_argument("--symbols", type=float, default=0.25, help="share of questions that are names")
    parser.add_argument("--commits", type=float, default=0.25, help="share of questions that are messages of commits")
    parser.add_argument("--held-out", default="", help="repositories to measure on, with commas [every twentieth]")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def held_out(path, named):
    """Repositories to measure on."""
    if named:
        return set(named.split(","))
    with open(path, encoding="utf-8") as lines:
        names = sorted({json.loads(line)["repository"] for line in lines})
    return set(names[::20])


def loaded(trained, layers):
    """The model with the weights of an earlier run, or those that the first one began with."""
    weights, _ = export_default.fetch()
    fitted = dict(np.load(export_default.FITTED))
    projection, bias = fitted["weights"], fitted["bias"]
    if trained:
        trained = dict(np.load(trained))
        projection, bias = trained.pop("projection.weights"), trained.pop("projection.bias")
        weights.update(trained)
    return from_checkpoint(weights, projection, bias, layers)


def start(options):
    model = loaded(options.start, [int(layer) for layer in options.layers.split(",")])
    if options.frozen:
        model.embeddings.requires_grad_(False)
        for layer in model.encoder["layer"][:options.frozen]:
            layer.requires_grad_(False)
    return model


def encode(model, rows, longest, device):
    ids, mask = (torch.from_numpy(array).to(device) for array in data.padded(rows, longest))
    tokens, dense = model(ids, mask)
    return tokens, mask, dense


def encode_sorted(model, rows, longest, device):
    """As `encode`, in parts of like length, which wastes less on padding."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    parts = [encode(model, [rows[i] for i in order[k:k + PART]], longest, device) for k in range(0, len(order), PART)]
    length = max(mask.shape[1] for _, mask, _ in parts)
    tokens = torch.cat([F.pad(tokens, (0, 0, 0, length - tokens.shape[1])) for tokens, _, _ in parts])
    mask = torch.cat([F.pad(mask, (0, length - mask.shape[1])) for _, mask, _ in parts])
    back = torch.tensor(np.argsort(order), device=device)
    return tokens[back], mask[back], torch.cat([dense for *_, dense in parts])[back]


def maxsim(questions, question_mask, documents, document_mask):
    """[questions, documents]: mean over the question's tokens of the best cosine in the document."""
    cosines = torch.einsum("qid,pjd->qpij", questions, documents)
    cosines = cosines.masked_fill(~document_mask[None, :, None, :], -1.0)
    best = cosines.amax(-1) * question_mask[:, None, :]
    return best.sum(-1) / question_mask.sum(-1)[:, None]


def encode_batch(model, batch, device):
    """The questions, and their documents."""
    questions = encode(model, [pair["query_ids"] for pair in batch], QUERY, device)
    return questions, encode_sorted(model, [pair["ids"] for pair in batch], DOCUMENT, device)


def scores_of(questions, documents):
    """[questions, documents], by the token vectors and by the dense vectors, ready for a softmax."""
    (q, q_mask, q_dense), (d, d_mask, d_dense) = questions, documents
    late = maxsim(q, q_mask, d, d_mask).float() / TOKEN_TEMPERATURE
    return late, (q_dense @ d_dense.T).float() / DENSE_TEMPERATURE


def distance(own, other):
    """How far vectors are from the teacher's: one less the cosine, of each token and of the dense vector."""
    (tokens, mask, dense), (taught, _, taught_dense) = own, other
    of_tokens = 1 - (tokens * taught).sum(-1)[mask].float().mean()
    return of_tokens + DENSE_SHARE * (1 - (dense * taught_dense).sum(-1).float().mean())


def loss_of(model, teacher, batch, device):
    """The loss, and the share of questions whose own code comes first."""
    parts = encode_batch(model, batch, device)
    late, dense = scores_of(*parts)
    loss = 0.0
    if teacher:
        with torch.no_grad():
            taught = encode_batch(teacher, batch, device)
        loss = NEARNESS * sum(distance(own, other) for own, other in zip(parts, taught))
        for own, other in zip((late, dense), scores_of(*taught)):
            loss = loss + F.kl_div(F.log_softmax(own, 1), F.softmax(other, 1), reduction="batchmean")
    # What may answer two questions of a batch is no mistake.
    same = torch.from_numpy(data.alike(batch)).to(device)
    late, dense = (scores.masked_fill(same, -1e4) for scores in (late, dense))
    right = torch.arange(len(batch), device=device)
    loss = loss + F.cross_entropy(late, right) + BACK_SHARE * F.cross_entropy(late.T, right)
    loss = loss + DENSE_SHARE * F.cross_entropy(dense, right)
    return loss, (late.argmax(1) == right).float().mean()


@torch.no_grad()
def measure(model, unseen, device):
    """kind -> MRR@10 of late interaction and of dense vectors, each question among the code of its repository (at most
    1,000 answers of each kind). Other versions of a commit's file do not count against it."""
    model.eval()
    by_repository, ranks = {}, {}
    for pair in unseen:
        by_repository.setdefault(pair["repository"], []).append(pair)
    for pairs in by_repository.values():
        docs, commits = ([pair for pair in pairs if pair["kind"] == kind][:POOL] for kind in ("doc", "commit"))
        pool = docs + commits
        documents = [encode(model, [pair["ids"] for pair in pool[i:i + 64]], DOCUMENT, device) for i in range(0, len(pool), 64)]
        for kind, first, asked in (("doc", 0, docs), ("commit", len(docs), commits)):
            # Code that a commit changed is no answer to a question of documentation, and no distraction.
            among = slice(0, len(docs) if kind == "doc" else len(pool))
            for i in range(0, min(len(asked), 200), 20):
                group = asked[i:i + 20]
                q, q_mask, q_dense = encode(model, [pair["query_ids"] for pair in group], QUERY, device)
                late = torch.cat([maxsim(q, q_mask, d, mask) for d, mask, _ in documents], 1)
                dense = q_dense @ torch.cat([d for *_, d in documents]).T
                same = torch.from_numpy(data.alike(group + pool)[:len(group), len(group):]).to(device)
                for name, scores in (("late", late), ("dense", dense)):
                    own = scores[torch.arange(len(q)), first + torch.arange(i, i + len(q))]
                    better = ((scores > own[:, None]) & ~same)[:, among].sum(1)
                    ranks.setdefault((kind, name), []).append(1 + better)
    model.train()

    def mrr(ranks):
        ranks = torch.cat(ranks).float()
        return torch.where(ranks <= 10, 1 / ranks, 0.0).mean().item()

    return {kind: mrr(found) for kind, found in ranks.items()}


def write(model, path):
    """Weights with the checkpoint's names, and the projection as the export wants it."""
    state = {name: value.detach().cpu().float().numpy() for name, value in model.state_dict().items()}
    state["projection.weights"] = np.ascontiguousarray(state.pop("projection.weight").T)
    np.savez(path, **state)


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Without instructions of its own bfloat16 is slower than float32.
    short = device == "cuda" or torch.cpu._is_avx512_bf16_supported()
    size = options.batch or (256 if device == "cuda" else 32)
    unseen_names = held_out(options.pairs, options.held_out)
    train, unseen = data.read(options.pairs, unseen_names)
    model = start(options).to(device).train()
    teacher = loaded(options.teacher, list(range(6))).to(device).eval() if options.teacher else None
    batches = data.Batches(train, size, options.symbols, options.commits, options.seed)
    print(f"{len(train)} pairs, {len(unseen)} held out of {', '.join(sorted(unseen_names))}; {device}, batches of {size}")
    trained = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    began, limit, step, seen = time.monotonic(), 60 * options.minutes, 0, []
    best, next_look = 0.0, 0.0
    while True:
        part = (time.monotonic() - began) / limit
        if part >= next_look or part >= 1:
            found = measure(model, unseen, device)
            losses = np.mean(seen[-100:], axis=0) if seen else (float("nan"), float("nan"))
            told = ", ".join(f"{kind} {name} {value:.4f}" for (kind, name), value in found.items())
            print(f"{100 * min(part, 1):3.0f} % step {step}: loss {losses[0]:.3f}, first {losses[1]:.3f}; held out: {told}", flush=True)
            if sum(found.values()) > best:
                best = sum(found.values())
                write(model, options.out)
            next_look = part + 0.2
        if part >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = options.rate * min(part / 0.03, 1 - part + 0.01, 1.0)
        with torch.autocast(device, torch.bfloat16, enabled=short):
            loss, first = loss_of(model, teacher, batches.draw(), device)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        seen.append((loss.item(), first.item()))
        step += 1


if __name__ == "__main__":
    main()
