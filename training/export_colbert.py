"""The bundled model in the published ColBERT layout, to measure other tools with the same weights.

    venv/bin/python training/export_colbert.py OUT

The graph has no mask, so it serves programs that encode one text at a time.
"""

import json
import string
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

MODEL = Path(__file__).resolve().parent.parent / "encoders" / "models" / "default"
CONFIG = {
    "query_prefix": "[unused0]",
    "document_prefix": "[unused1]",
    "query_prefix_id": 1,
    "document_prefix_id": 2,
    "query_length": 64,
    "document_length": 300,
    "do_query_expansion": False,
    "embedding_dim": 128,
    "mask_token_id": 103,
    "pad_token_id": 0,
    "skiplist_words": list(string.punctuation),
    "uses_token_type_ids": False,
    "do_lower_case": True,
    "model_type": "ColBERT",
}


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    model = onnx.load(MODEL / "model.onnx")
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "seq"])
    model.graph.input.append(mask)
    for node in model.graph.node:
        for at, name in enumerate(node.output):
            if name == "tokens":
                node.output[at] = "output"
    for output in model.graph.output:
        if output.name == "tokens":
            output.name = "output"
    onnx.checker.check_model(model)
    onnx.save(model, out / "model_int8.onnx")
    (out / "tokenizer.json").write_bytes((MODEL / "tokenizer.json").read_bytes())
    (out / "onnx_config.json").write_text(json.dumps(CONFIG) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
