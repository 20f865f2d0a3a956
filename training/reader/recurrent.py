"""Makes a model with a recurrent architecture (Mamba), as small as can be and
with random weights: the test that drafts are refused for such models.

    python3 training/reader/recurrent.py answerer/tests/fixtures/recurrent-tiny.gguf
"""

import sys

import gguf
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import make

WIDTH, INNER, STATE, RANK, KERNEL = 32, 64, 8, 4, 4


def byte_tokenizer():
    """One token per byte, one pair of bytes, and the special ones."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*make.SPECIAL, *alphabet, "in"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("i", "n")]))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def main():
    rng = np.random.default_rng(7)
    tokenizer = byte_tokenizer()
    writer = gguf.GGUFWriter(sys.argv[1], "mamba")
    writer.add_name("fathom recurrent fixture")
    writer.add_license("Apache-2.0")
    writer.add_description("Made by training/reader/recurrent.py with random weights, for tests")
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    writer.add_block_count(1)
    writer.add_ssm_conv_kernel(KERNEL)
    writer.add_ssm_inner_size(INNER)
    writer.add_ssm_state_size(STATE)
    writer.add_ssm_time_step_rank(RANK)
    writer.add_layer_norm_rms_eps(1e-6)
    make.write_tokenizer(writer, tokenizer)
    shapes = {
        "token_embd.weight": (tokenizer.get_vocab_size(), WIDTH),
        "output_norm.weight": (WIDTH,),
        "blk.0.attn_norm.weight": (WIDTH,),
        "blk.0.ssm_in.weight": (2 * INNER, WIDTH),
        "blk.0.ssm_conv1d.weight": (INNER, KERNEL),
        "blk.0.ssm_conv1d.bias": (INNER,),
        "blk.0.ssm_x.weight": (RANK + 2 * STATE, INNER),
        "blk.0.ssm_dt.weight": (INNER, RANK),
        "blk.0.ssm_dt.bias": (INNER,),
        "blk.0.ssm_a": (INNER, STATE),
        "blk.0.ssm_d": (INNER,),
        "blk.0.ssm_out.weight": (WIDTH, INNER),
    }
    for name, shape in shapes.items():
        writer.add_tensor(name, -np.abs(rng.normal(0, 0.2, shape)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
