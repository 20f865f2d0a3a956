"""Makes a GGUF with the shape of Qwen2.5-Coder-1.5B and random weights, to
measure speed with: what a pass costs does not depend on what the weights are.

    python3 training/reader/shape.py shape.gguf [Q4_K_M | Q8_0]

The quantised blocks are written as random bits with small scales, so that
nothing has to be quantised. The vocabulary is the fixture's, filled up to the
size of Qwen's.
"""

import sys

import gguf
import numpy as np

import make

LAYERS, WIDTH, INNER, HEADS, KV_HEADS, VOCABULARY = 28, 1536, 8960, 12, 2, 151_936
Q4, Q6, Q8, F32 = (gguf.GGMLQuantizationType[name] for name in ("Q4_K", "Q6_K", "Q8_0", "F32"))
# Bytes of a block, and where its half-precision scales are.
SCALES = {Q4: (144, 256, [0, 2]), Q6: (210, 256, [208]), Q8: (34, 32, [0])}


def blocks(rng, rows, columns, kind):
    """Random blocks of a kind as bytes [rows, bytes per row]."""
    size, weights, scales = SCALES[kind]
    data = rng.integers(0, 256, (rows * columns // weights, size), dtype=np.uint8)
    scale = np.frombuffer(np.float16(1e-4 if kind != Q8 else 5e-4).tobytes(), np.uint8)
    for at in scales:
        data[:, at : at + 2] = scale
    return data.reshape(rows, -1)


def kind_of(name, layer, quantisation):
    """The kind that llama.cpp gives a matrix: Q4_K_M has some of six bits."""
    if quantisation == "Q8_0":
        return Q8
    more = layer is None or layer < LAYERS // 8 or layer >= 7 * LAYERS // 8 or (layer - LAYERS // 8) % 3 == 2
    return Q6 if more and name in ("token_embd", "attn_v", "ffn_down") else Q4


def main():
    path, quantisation = sys.argv[1], (sys.argv[2:] or ["Q4_K_M"])[0]
    rng = np.random.default_rng(7)
    files = list(make.sources())
    tokenizer = make.train_tokenizer("\n".join(lines) for _, lines in files)
    tokenizer.add_tokens([f"<|filler{number}|>" for number in range(VOCABULARY - make.VOCABULARY)])
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("random weights in the shape of Qwen2.5-Coder-1.5B")
    writer.add_context_length(32_768)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    make.write_tokenizer(writer, tokenizer)

    def matrix(name, layer, rows, columns):
        kind = kind_of(name, layer, quantisation)
        prefix = "" if layer is None else f"blk.{layer}."
        writer.add_tensor(f"{prefix}{name}.weight", blocks(rng, rows, columns, kind), raw_dtype=kind)

    def vector(name, size):
        writer.add_tensor(name, np.ones(size, np.float32))

    matrix("token_embd", None, VOCABULARY, WIDTH)
    vector("output_norm.weight", WIDTH)
    narrow = KV_HEADS * WIDTH // HEADS
    for layer in range(LAYERS):
        vector(f"blk.{layer}.attn_norm.weight", WIDTH)
        vector(f"blk.{layer}.ffn_norm.weight", WIDTH)
        for name, rows, columns in [
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", narrow, WIDTH),
            ("attn_v", narrow, WIDTH),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_gate", INNER, WIDTH),
            ("ffn_up", INNER, WIDTH),
            ("ffn_down", WIDTH, INNER),
        ]:
            matrix(name, layer, rows, columns)
            if name in ("attn_q", "attn_k", "attn_v"):
                vector(f"blk.{layer}.{name}.bias", rows)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
