"""Makes a LoRA adapter with random weights for the reader fixture: the test
that an adapter changes the answer by its scale.

    python3 training/reader/adapter.py answerer/tests/fixtures/adapter-tiny.gguf
"""

import sys

import gguf
import numpy as np

import make


def main():
    rng = np.random.default_rng(7)
    writer = gguf.GGUFWriter(sys.argv[1], "qwen2")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 1.0)
    writer.add_license("Apache-2.0")
    writer.add_description("Made by training/reader/adapter.py with random weights, for tests")
    for layer in range(make.LAYERS):
        name = f"blk.{layer}.ffn_up.weight"
        writer.add_tensor(f"{name}.lora_a", rng.normal(0, 1, (1, make.WIDTH)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", rng.normal(0, 1, (make.INNER, 1)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
