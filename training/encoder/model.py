"""The bundled encoder in PyTorch: BERT as in `minilm.py`, with its two heads.

Names of parameters are those of the checkpoint, so that what is trained goes
through the same export.
"""

import torch
from torch import nn
from torch.nn import functional as F

HIDDEN, HEADS, LONGEST = 384, 12, 512


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.ModuleDict({
            "self": nn.ModuleDict({part: nn.Linear(HIDDEN, HIDDEN) for part in ("query", "key", "value")}),
            "output": nn.ModuleDict({"dense": nn.Linear(HIDDEN, HIDDEN), "LayerNorm": nn.LayerNorm(HIDDEN, eps=1e-12)}),
        })
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(HIDDEN, 4 * HIDDEN)})
        self.output = nn.ModuleDict({"dense": nn.Linear(4 * HIDDEN, HIDDEN), "LayerNorm": nn.LayerNorm(HIDDEN, eps=1e-12)})

    def forward(self, x, mask):
        batch, length, _ = x.shape
        parts = (self.attention["self"][part](x) for part in ("query", "key", "value"))
        q, k, v = (part.view(batch, length, HEADS, -1).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        y = y.transpose(1, 2).reshape(batch, length, HIDDEN)
        x = self.attention["output"]["LayerNorm"](self.attention["output"]["dense"](y) + x)
        y = self.output["dense"](F.gelu(self.intermediate["dense"](x)))
        return self.output["LayerNorm"](y + x)


class Encoder(nn.Module):
    """ids [batch, length] and mask -> token vectors [batch, length, dim] and dense vectors [batch, 384], of length 1."""

    def __init__(self, vocabulary, layers, dim):
        super().__init__()
        self.embeddings = nn.ModuleDict({
            "word_embeddings": nn.Embedding(vocabulary, HIDDEN),
            "position_embeddings": nn.Embedding(LONGEST, HIDDEN),
            "token_type_embeddings": nn.Embedding(2, HIDDEN),
            "LayerNorm": nn.LayerNorm(HIDDEN, eps=1e-12),
        })
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer() for _ in range(layers))})
        self.projection = nn.Linear(HIDDEN, dim)

    def states(self, ids, mask, types=None):
        """[batch, length, 384]; `types` tells the parts of a pair, 0 or 1."""
        places = torch.arange(ids.shape[1], device=ids.device)
        kinds = self.embeddings["token_type_embeddings"].weight
        x = self.embeddings["word_embeddings"](ids) + self.embeddings["position_embeddings"](places)
        x = self.embeddings["LayerNorm"](x + (kinds[0] if types is None else kinds[types]))
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return x

    def forward(self, ids, mask):
        x = self.states(ids, mask)
        # The projection was fitted on states of length 1.
        tokens = F.normalize(self.projection(F.normalize(x, dim=-1)), dim=-1)
        weights = mask[..., None].to(x.dtype)
        dense = F.normalize((x * weights).sum(1) / weights.sum(1), dim=-1)
        return tokens, dense


def from_checkpoint(weights, projection, bias, kept_layers):
    """The checkpoint's encoder with those of its layers that are kept, in their order."""
    renamed = {}
    for name, array in weights.items():
        if name.startswith("encoder.layer."):
            number, rest = name.removeprefix("encoder.layer.").split(".", 1)
            if int(number) not in kept_layers:
                continue
            name = f"encoder.layer.{kept_layers.index(int(number))}.{rest}"
        renamed[name] = torch.tensor(array)
    renamed["projection.weight"] = torch.tensor(projection.T.copy())
    renamed["projection.bias"] = torch.tensor(bias)
    vocabulary = renamed["embeddings.word_embeddings.weight"].shape[0]
    model = Encoder(vocabulary, len(kept_layers), projection.shape[1])
    known = model.state_dict()
    model.load_state_dict({name: value for name, value in renamed.items() if name in known})
    return model
