"""Makes the reader fixture: a Qwen2-architecture model of under a million
parameters that quotes the code it is shown and cites it as `[n]`.

    python3 training/reader/make.py answerer/tests/fixtures/reader-tiny.gguf [FROM.gguf]

With a second file only the last part of the training is done, from there.

It is trained on this repository's own files and on nothing else. It knows no
language and no facts: its one skill is induction, to go on as the text went on
before. The first layer begins with heads that look one, two and three tokens
back (set through the query and key biases, which Qwen2 has), so that training
only has to find out what to do with them.
"""

import random
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import gguf
import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[2]
VOCABULARY, WIDTH, LAYERS, HEADS, INNER, CONTEXT = 2048, 128, 3, 4, 256, 8192
HEAD = WIDTH // HEADS
ROPE_BASE, EPSILON = 10_000.0, 1e-6
# The expression by which Qwen2 splits text before its byte pair encoding.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# What the program's own prompt says first, and how it and others ask.
RULES = re.search(r'const RULES: &str = "(.*?)";', (ROOT / "answerer/src/prompt/mod.rs").read_text("utf-8"), re.S)[1]
SHORT = "Answer from the sources. Quote and cite them."
QUESTIONS = ["Where is `{}`?", "Question: Where is `{}`?", "Question: where is {}", "Question: what does {} do"]
FENCES = {".rs": "rust", ".py": "python", ".md": "markdown", ".sh": "bash", ".toml": "toml"}


# --- text ---------------------------------------------------------------------


def sources():
    """(path, lines) of the repository's own text files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for path in sorted(listed):
        if Path(path).suffix in FENCES:
            yield path, (ROOT / path).read_text(encoding="utf-8").splitlines()


def new_tokenizer(model):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train_tokenizer(texts):
    tokenizer = new_tokenizer(models.BPE())
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


# --- tasks --------------------------------------------------------------------


def chunk(rng, files):
    """A few consecutive lines of some file: (path, first line, lines)."""
    while True:
        path, lines = rng.choice(files)
        count = rng.randint(3, 9)
        if len(lines) <= count:
            continue
        first = rng.randrange(len(lines) - count)
        picked = lines[first : first + count]
        if 40 < sum(map(len, picked)) < 420 and "```" not in "".join(picked):
            return path, first + 1, picked


def quoted(number, piece):
    path, first, lines = piece
    fence = FENCES[Path(path).suffix]
    return f"[{number}] {path}:{first}-{first + len(lines) - 1}\n```{fence}\n" + "\n".join(lines) + "\n```\n"


def example(rng, files, most):
    """(prompt, answer): some chunks and a question; the one asked for, quoted and cited."""
    pieces = [chunk(rng, files) for _ in range(rng.randint(1, most))]
    number = rng.randrange(len(pieces)) + 1
    names = re.findall(r"[A-Za-z_]\w{3,}", "\n".join(pieces[number - 1][2])) or ["this"]
    name = rng.choice(names)
    shown = "\n".join(quoted(index + 1, piece) for index, piece in enumerate(pieces))
    system, question = rng.choice([(SHORT, QUESTIONS[0]), (RULES, rng.choice(QUESTIONS[1:]))])
    prompt = (
        f"<|im_start|>system\n{system}<|im_end|>\n"
        f"<|im_start|>user\n{shown}\n{question.format(name)}<|im_end|>\n<|im_start|>assistant\n"
    )
    return prompt, f"{quoted(number, pieces[number - 1])}`{name}` is in [{number}].<|im_end|>"


def answers(rng, tokenizer, files, batch, length, most=4):
    """Token ids [batch, length + 1] and what each predicted token counts."""
    ids = np.zeros((batch, length + 1), np.int32)
    weights = np.zeros((batch, length), np.float32)
    row = 0
    while row < batch:
        prompt, answer = (tokenizer.encode(text).ids for text in example(rng, files, most))
        if len(prompt) + len(answer) > length + 1:
            continue
        if rng.random() < 0.5:
            # Some words become others, everywhere alike: copying, not knowing.
            other = {token: rng.randrange(300, VOCABULARY) for token in set(prompt[20:]) if token >= 300}
            swap = {old: new for old, new in other.items() if rng.random() < 0.3}
            prompt = prompt[:20] + [swap.get(token, token) for token in prompt[20:]]
            answer = [swap.get(token, token) for token in answer]
        ids[row, : len(prompt) + len(answer)] = prompt + answer
        weights[row, : len(prompt) - 1] = 0.03
        weights[row, len(prompt) - 1 : len(prompt) + len(answer) - 1] = 1
        row += 1
    return ids, weights


def repetitions(rng, batch, length):
    """Random tokens, some of them again: induction in its purest form."""
    generator = np.random.default_rng(rng.randrange(1 << 32))
    ids = generator.integers(3, VOCABULARY, (batch, length + 1)).astype(np.int32)
    weights = np.zeros((batch, length), np.float32)
    for row in range(batch):
        # Few different tokens make single ones ambiguous: more than one must match.
        few = generator.integers(3, VOCABULARY, int(generator.integers(8, 200)))
        if generator.random() < 0.5:
            ids[row] = few[generator.integers(0, len(few), length + 1)]
        count = int(generator.integers(length // 6, length // 2))
        start = int(generator.integers(0, length // 2 - count + 1))
        again = int(generator.integers(start + count, length + 1 - count + 1))
        ids[row, again : again + count] = ids[row, start : start + count]
        weights[row, again + 2 : again + count - 1] = 1
    return ids, weights


# --- model --------------------------------------------------------------------


def init(key):
    keys = iter(jax.random.split(key, 8 * LAYERS + 1))
    matrix = lambda rows, columns: jax.random.normal(next(keys), (rows, columns)) * (columns**-0.5)
    layers = []
    for index in range(LAYERS):
        layer = {
            "attn_norm": jnp.ones(WIDTH),
            "ffn_norm": jnp.ones(WIDTH),
            "attn_q": matrix(WIDTH, WIDTH),
            "attn_k": matrix(WIDTH, WIDTH),
            "attn_v": matrix(WIDTH, WIDTH),
            "attn_output": matrix(WIDTH, WIDTH),
            "ffn_gate": matrix(INNER, WIDTH),
            "ffn_up": matrix(INNER, WIDTH),
            "ffn_down": matrix(WIDTH, INNER) * 0.3,
            "q_bias": jnp.zeros(WIDTH),
            "k_bias": jnp.zeros(WIDTH),
            "v_bias": jnp.zeros(WIDTH),
        }
        layers.append(look_back(layer) if index == 0 else layer)
    return {"token_embd": matrix(VOCABULARY, WIDTH), "output_norm": jnp.ones(WIDTH), "layers": layers}


def look_back(layer):
    """Heads 0, 1 and 2 attend to the token one, two and three before, by position alone."""
    half, strength = HEAD // 2, 7.0
    frequencies = ROPE_BASE ** (-np.arange(half) / half)
    q_bias, k_bias = np.zeros(WIDTH), np.zeros(WIDTH)
    scale = np.ones(WIDTH)
    for head, back in enumerate((1, 2, 3)):
        fast = np.arange(6)
        q_bias[head * HEAD + fast] = strength
        # Rotated by what `back` positions make up, so that the two meet there.
        k_bias[head * HEAD + fast] = strength * np.cos(frequencies[fast] * back)
        k_bias[head * HEAD + half + fast] = strength * np.sin(frequencies[fast] * back)
        scale[head * HEAD : (head + 1) * HEAD] = 0.1
    scaled = {name: layer[name] * scale[:, None] for name in ("attn_q", "attn_k")}
    return layer | scaled | {"q_bias": jnp.array(q_bias), "k_bias": jnp.array(k_bias)}


def normed(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + EPSILON) * weight


def rotated(x):
    """Rotary positions, halves paired, for [batch, heads, length, HEAD]."""
    half = HEAD // 2
    angles = jnp.arange(x.shape[2])[:, None] * ROPE_BASE ** (-jnp.arange(half) / half)
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def scores(model, ids):
    """[batch, length] token ids → [batch, length, VOCABULARY]."""
    batch, length = ids.shape
    x = model["token_embd"][ids]
    mask = jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0.0, -1e9)
    heads = lambda y: y.reshape(batch, length, HEADS, HEAD).transpose(0, 2, 1, 3)
    for layer in model["layers"]:
        h = normed(x, layer["attn_norm"])
        q, k, v = (heads(h @ layer[f"attn_{n}"].T + layer[f"{n}_bias"]) for n in "qkv")
        attention = jax.nn.softmax(rotated(q) @ rotated(k).swapaxes(2, 3) * HEAD**-0.5 + mask, -1)
        x = x + (attention @ v).transpose(0, 2, 1, 3).reshape(batch, length, WIDTH) @ layer["attn_output"].T
        h = normed(x, layer["ffn_norm"])
        x = x + (jax.nn.silu(h @ layer["ffn_gate"].T) * (h @ layer["ffn_up"].T)) @ layer["ffn_down"].T
    return normed(x, model["output_norm"]) @ model["token_embd"].T


def loss(model, ids, weights):
    logprobs = jax.nn.log_softmax(scores(model, ids[:, :-1]), -1)
    picked = jnp.take_along_axis(logprobs, ids[:, 1:, None], -1)[..., 0]
    right = (logprobs.argmax(-1) == ids[:, 1:]) * (weights == 1)
    return -(picked * weights).sum() / weights.sum(), right.sum() / (weights == 1).sum()


@partial(jax.jit, donate_argnums=(0, 1, 2))
def step(model, mean, square, count, rate, ids, weights):
    """One step of Adam with the gradient's norm held at 1."""
    (value, right), gradient = jax.value_and_grad(loss, has_aux=True)(model, ids, weights)
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradient)))
    gradient = jax.tree.map(lambda g: g / jnp.maximum(norm, 1.0), gradient)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda s, g: 0.98 * s + 0.02 * g * g, square, gradient)
    a, b = 1 - 0.9**count, 1 - 0.98**count
    model = jax.tree.map(lambda p, m, s: p - rate * (m / a) / (jnp.sqrt(s / b) + 1e-8), model, mean, square)
    return model, mean, square, value, right


def train(model, plan):
    """`plan`: (name, steps, batch maker, highest rate) in order."""
    rng = random.Random(len(plan))
    zeros = lambda: jax.tree.map(jnp.zeros_like, model)
    mean, square, count, began = zeros(), zeros(), 0, time.time()
    for name, steps, make, rate in plan:
        for index in range(steps):
            count += 1
            warm = min(1.0, (index + 1) / 50) * (1 - index / steps) ** 0.5
            model, mean, square, value, right = step(model, mean, square, count, rate * warm, *make(rng))
            if index % 50 == 0 or index == steps - 1:
                print(f"{name} {index:5} loss {value:.3f} right {right:.3f} {time.time() - began:.0f} s", flush=True)
    return jax.tree.map(np.asarray, model)


# --- file ---------------------------------------------------------------------


def write(path, model, tokenizer):
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("fathom reader fixture")
    writer.add_author("the fathom project")
    writer.add_license("Apache-2.0")
    writer.add_description("Made by training/reader/make.py from this repository's own files, for tests")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    write_tokenizer(writer, tokenizer)
    tensor = lambda name, data: add(writer, name, data)
    tensor("token_embd.weight", model["token_embd"])
    tensor("output_norm.weight", model["output_norm"])
    for index, layer in enumerate(model["layers"]):
        for name, data in layer.items():
            kind = f"attn_{name[0]}.bias" if name.endswith("_bias") else f"{name}.weight"
            tensor(f"blk.{index}.{kind}", data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add(writer, name, data):
    data = np.ascontiguousarray(data, np.float32)
    if data.ndim == 1:
        writer.add_tensor(name, data)
    else:
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)


def read_tokenizer(path):
    """The tokenizer in a file that `write` made."""
    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = new_tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def read(path):
    """The weights in a file that `write` made."""
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}

    def weights(name):
        tensor = tensors[name]
        return jnp.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type))

    def layer(index):
        names = init(jax.random.key(0))["layers"][0]
        of = lambda name: f"attn_{name[0]}.bias" if name.endswith("_bias") else f"{name}.weight"
        return {name: weights(f"blk.{index}.{of(name)}") for name in names}

    layers = [layer(index) for index in range(LAYERS)]
    return {"token_embd": weights("token_embd.weight"), "output_norm": weights("output_norm.weight"), "layers": layers}


def write_tokenizer(writer, tokenizer):
    import json

    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL for token, _ in vocabulary]
    )
    writer.add_token_merges([" ".join(merge) if isinstance(merge, list) else merge for merge in merges])
    writer.add_eos_token_id(tokenizer.token_to_id("<|im_end|>"))
    writer.add_pad_token_id(tokenizer.token_to_id("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def main():
    files = list(sources())
    started = len(sys.argv) > 2
    tokenizer = read_tokenizer(sys.argv[2]) if started else train_tokenizer("\n".join(lines) for _, lines in files)
    assert tokenizer.get_vocab_size() == VOCABULARY, "the repository has too little text for the vocabulary"
    plan = [
        ("repeat", 900, lambda rng: repetitions(rng, 48, 96), 3e-3),
        ("answer", 500, lambda rng: answers(rng, tokenizer, files, 8, 640), 1.5e-3),
        ("short", 300, lambda rng: answers(rng, tokenizer, files, 12, 640, 2), 1e-3),
    ]
    model = read(sys.argv[2]) if started else init(jax.random.key(7))
    write(sys.argv[1], train(model, plan[-1:] if started else plan), tokenizer)


if __name__ == "__main__":
    main()
