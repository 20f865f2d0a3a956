"""The judge in PyTorch: the same numbers as `encoders/src/judge`."""

import json
import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

DIM, WIDTH, HEADS, INNER = 128, 64, 4, 128
QUESTION, CHUNK = 64, 256
KERNELS = torch.linspace(0.1, 0.9, 7)
NUMBERS = len(KERNELS) + 10


@torch.no_grad()
def inputs_of(question, chunks):
    """Rows of int8 [m, DIM] and for each chunk [n, DIM] -> inputs [chunks, m, 3 DIM + NUMBERS], and which chunks have vectors."""
    question = torch.from_numpy(np.array(question[:QUESTION])).float() / 127
    longest = max(1, min(CHUNK, max(len(chunk) for chunk in chunks)))
    rows = np.zeros((len(chunks), longest, DIM), np.int8)
    mask = np.zeros((len(chunks), longest), bool)
    for i, chunk in enumerate(chunks):
        chunk = chunk[:longest]
        rows[i, :len(chunk)], mask[i, :len(chunk)] = chunk, True
    known = torch.from_numpy(mask.any(1))
    mask[~known.numpy(), 0] = True
    rows, mask = torch.from_numpy(rows).float() / 127, torch.from_numpy(mask)
    similar = torch.einsum("md,knd->kmn", question, rows).masked_fill(~mask[:, None], -1.0)
    best, at = (similar.topk(2) if longest > 1 else (similar.repeat(1, 1, 2), torch.zeros(*similar.shape[:2], 2, dtype=torch.long)))
    best[..., 1] = torch.where(mask.sum(1)[:, None] > 1, best[..., 1], best[..., 0])
    at = at[..., :1]
    found = torch.gather(rows, 1, at.expand(-1, -1, DIM))
    asked = question[None].expand(len(chunks), -1, -1)
    count = mask.sum(1).float()[:, None]
    around = torch.exp(-(similar[..., None] - KERNELS) ** 2 / (2 * 0.07 ** 2)) * mask[:, None, :, None]
    kernels = 0.3 * torch.log1p(around.sum(2))
    places = at[..., 0].float()
    steps = places[:, 1:] - places[:, :-1]
    follows = [torch.exp(-(F.pad(steps, pad) - 1).abs() / 4) for pad in ((0, 1), (1, 0))]
    first = best[..., 0]
    of_all = first[known] if known.any() else first
    mean, most, spread = of_all.mean(0), of_all.max(0)[0], of_all.std(0, correction=0) + 0.02
    numbers = [first, first - best[..., 1], places / 200, *follows, (similar * mask[:, None]).sum(-1) / count,
               (first - mean) / spread / 2, (most - first) * 4, ((most - mean) * 4).expand_as(first), (count / 100).expand_as(first)]
    return torch.cat([asked, found, asked * found * 8, kernels, torch.stack(numbers, -1)], -1), known


class Judge(nn.Module):
    def __init__(self, dropout=0.1):
        super().__init__()
        self.inputs = nn.Linear(3 * DIM + NUMBERS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.positions = nn.Parameter(torch.zeros(QUESTION, WIDTH))
        self.layer = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, dropout, activation="relu", batch_first=True, norm_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(WIDTH, 1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, inputs, mask):
        """[chunks, m, 3 DIM + NUMBERS] and which of the m tokens there are -> log odds [chunks]."""
        states = self.dropout(self.norm(self.inputs(inputs))) + self.positions[:inputs.shape[1]]
        states = self.layer(states, src_key_padding_mask=~mask)
        return (self.output(states)[..., 0] * mask).sum(-1) / mask.sum(-1) ** 0.5

    def tensors(self):
        """By the names that fathom knows them by."""
        layer = self.layer
        linear = {"inputs": self.inputs, "attended": layer.self_attn.out_proj, "forward.0": layer.linear1, "forward.1": layer.linear2,
                  "output": self.output, "norm": self.norm, "before_attention": layer.norm1, "before_forward": layer.norm2}
        named = {f"{name}.{part}": getattr(module, part) for name, module in linear.items() for part in ("weight", "bias")}
        named |= {"attention.weight": layer.self_attn.in_proj_weight, "attention.bias": layer.self_attn.in_proj_bias, "positions": self.positions}
        return {name: tensor.detach().numpy() for name, tensor in named.items()}


def save(tensors, path):
    """A safetensors file of f32: the length of the header, the header, the numbers."""
    header, parts, at = {}, [], 0
    for name, array in sorted(tensors.items()):
        part = np.ascontiguousarray(array, np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
