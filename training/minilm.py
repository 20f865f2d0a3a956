"""all-MiniLM-L6-v2 as an ONNX graph: BERT with 6 layers (or fewer) of 384, 12 heads, erf GELU.

The graph is written node by node with the operators that ONNX Runtime runs
fastest on a CPU, so that loading it needs no optimisation pass:

- `DynamicQuantizeMatMul`: weights int8, one scale per output column; the input
  is quantised as a whole when the graph runs. The result for a text therefore
  depends on what shares its batch: fathom runs one text at a time.
- Before the two feed-forward products the input is divided by a factor per
  channel that the weights are multiplied by (SmoothQuant, Xiao et al. 2023):
  few channels carry values that would spoil the one scale of the input. It
  costs 3 % of the time and leaves a third of the error.
- `MultiHeadAttention` without a mask: rows of a batch have equal length.
- `Add` + `LayerNormalization`: `SkipLayerNormalization` is ten times slower.

Token type 0 is folded into the position embeddings, unless pairs are read.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HIDDEN, HEADS, LONGEST = 384, 12, 512
MS = "com.microsoft"


class Graph:
    """Nodes and constants in the order they are added."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, array):
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def add(self, op, inputs, outputs=1, domain="", **attributes):
        names = [f"{op}_{len(self.nodes)}_{i}" for i in range(outputs)]
        return self.add_named(op, inputs, names, domain, **attributes)

    def add_named(self, op, inputs, names, domain="", **attributes):
        node = helper.make_node(op, inputs, names, f"{op}_{len(self.nodes)}", domain=domain, **attributes)
        self.nodes.append(node)
        return names[0] if len(names) == 1 else names


def quantise_columns(weights):
    """Symmetric int8 with one scale per column: [in, out] -> int8, f32 [out]."""
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)


def smoothing(largest, weights):
    """What to divide input channels by: `largest` [in] input, weights [in, out]."""
    factors = largest**0.7 / np.maximum(np.abs(weights).max(axis=1), 1e-6) ** 0.3
    return (factors / np.median(factors)).astype(np.float32)


class MiniLM:
    """Builds graphs over the checkpoint's `weights` (name -> f32 array).

    `largest` gives, for products to be smoothed, the largest input per channel.
    """

    def __init__(self, weights, quantised, largest=None, projection=None, score=None):
        """With `score`, weights [384] and a bias, it reads pairs and scores them."""
        self.w, self.quantised, self.projection, self.score = weights, quantised, projection, score
        self.largest = largest or {}
        self.inputs = {}  # name of a product -> name of its input
        self.g = Graph()

    def model(self):
        """Inputs: `input_ids` i64 [batch, seq], at most 512, no padding.

        Outputs: `tokens` f32 [batch, seq, dim] (with a projection) or `states`
        f32 [batch, seq, 384] (without), and `dense` f32 [batch, 384]. Of a cross-encoder,
        which has `token_type_ids` as another input: `logits` f32 [batch, 1].
        """
        states = self.embeddings()
        layers = {int(name.split(".")[2]) for name in self.w if name.startswith("encoder.layer.")}
        for layer in range(len(layers)):
            states = self.layer(states, f"encoder.layer.{layer}.")
        inputs = [value("input_ids", TensorProto.INT64, ["batch", "seq"])]
        if self.score is not None:
            inputs.append(value("token_type_ids", TensorProto.INT64, ["batch", "seq"]))
            return self.checked(inputs, [self.scored(states)])
        if self.projection is None:
            name, dim = "states", HIDDEN
            self.g.add_named("Identity", [states], [name])
        else:
            name, dim = "tokens", self.projection[0].shape[1]
            self.project(states, name)
        pooled = self.g.add("ReduceMean", [states, self.axis(1)], keepdims=0)
        self.normalise(pooled, "dense")
        outputs = [value(name, TensorProto.FLOAT, ["batch", "seq", dim]), value("dense", TensorProto.FLOAT, ["batch", HIDDEN])]
        return self.checked(inputs, outputs)

    def scored(self, states):
        """The first state of each row, as one number."""
        weights, bias = self.score
        first = self.g.add("Gather", [states, self.g.constant("first", np.array(0, np.int64))], axis=1)
        product = self.g.add("MatMul", [first, self.g.constant("score", np.float32(weights).reshape(HIDDEN, 1))])
        self.g.add_named("Add", [product, self.g.constant("score.bias", np.float32([bias]))], ["logits"])
        return value("logits", TensorProto.FLOAT, ["batch", 1])

    def checked(self, inputs, outputs):
        graph = helper.make_graph(self.g.nodes, "all-MiniLM-L6-v2", inputs, outputs, list(self.g.constants.values()))
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid(MS, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="fathom")
        onnx.checker.check_model(model)
        return model

    def axis(self, axis):
        return self.g.constant(f"axis{axis}", np.array([axis], np.int64))

    def embeddings(self):
        g, words = self.g, self.w["embeddings.word_embeddings.weight"]
        if self.quantised:  # one scale per word
            table, scale = quantise_columns(words.T)
            rows = g.add("Gather", [g.constant("words", table.T), "input_ids"])
            scales = g.add("Gather", [g.constant("words.scale", scale[:, None]), "input_ids"])
            x = g.add("Mul", [g.add("Cast", [rows], to=TensorProto.FLOAT), scales])
        else:
            x = g.add("Gather", [g.constant("words", words), "input_ids"])
        positions, kinds = (self.w[f"embeddings.{name}_embeddings.weight"] for name in ("position", "token_type"))
        if self.score is None:
            positions = positions + kinds[0]
        else:
            x = g.add("Add", [x, g.add("Gather", [g.constant("kinds", kinds), "token_type_ids"])])
        length = g.add("Shape", ["input_ids"], start=1, end=2)
        start = g.constant("start", np.array([0], np.int64))
        positions = g.add("Slice", [g.constant("positions", positions), start, length, self.axis(0)])
        return self.layer_norm(g.add("Add", [x, positions]), "embeddings.LayerNorm")

    def layer_norm(self, x, name):
        scale, bias = (self.g.constant(f"{name}.{part}", self.w[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.g.add("LayerNormalization", [x, scale, bias], axis=-1, epsilon=1e-12)

    def linear(self, x, names, label):
        """x · W + b; several layers with one input become one wide product."""
        weights = np.concatenate([self.w[f"{n}.weight"].T for n in names], axis=1)
        bias = self.g.constant(f"{label}.bias", np.concatenate([self.w[f"{n}.bias"] for n in names]))
        self.inputs[label] = x
        if not self.quantised:
            return self.g.add("Add", [self.g.add("MatMul", [x, self.g.constant(label, weights)]), bias])
        if label in self.largest:
            factors = smoothing(self.largest[label], weights)
            x = self.g.add("Mul", [x, self.g.constant(f"{label}.smoothing", 1 / factors)])
            weights = weights * factors[:, None]
        table, scale = quantise_columns(weights)
        constants = [self.g.constant(label, table), self.g.constant(f"{label}.scale", scale)]
        return self.g.add("DynamicQuantizeMatMul", [x, *constants, "", bias], domain=MS)

    def layer(self, x, at):
        g, attention = self.g, f"{at}attention.self."
        wide = self.linear(x, [attention + part for part in ("query", "key", "value")], f"{at}qkv")
        parts = g.constant("thirds", np.array([HIDDEN] * 3, np.int64))
        query, key, values = g.add("Split", [wide, parts], outputs=3, axis=2)
        context = g.add("MultiHeadAttention", [query, key, values], domain=MS, num_heads=HEADS)
        y = self.linear(context, [f"{at}attention.output.dense"], f"{at}out")
        x = self.layer_norm(g.add("Add", [y, x]), f"{at}attention.output.LayerNorm")
        y = g.add("Gelu", [self.linear(x, [f"{at}intermediate.dense"], f"{at}up")])
        y = self.linear(y, [f"{at}output.dense"], f"{at}down")
        return self.layer_norm(g.add("Add", [y, x]), f"{at}output.LayerNorm")

    def normalise(self, x, output=None):
        norm = self.g.add("ReduceL2", [x, self.axis(-1)], keepdims=1)
        norm = self.g.add("Max", [norm, self.g.constant("tiny", np.float32(1e-12))])
        return self.g.add_named("Div", [x, norm], [output]) if output else self.g.add("Div", [x, norm])

    def project(self, states, output):
        """normalise(normalise(state) · W + b): W and b from projection.py."""
        weights, bias = self.projection
        y = self.g.add("MatMul", [self.normalise(states), self.g.constant("projection", weights)])
        self.normalise(self.g.add("Add", [y, self.g.constant("projection.bias", bias)]), output)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)
