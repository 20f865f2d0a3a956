"""Code search tools side by side: the same sources, questions and machine, one after the other.

    python3 -m venv venv && venv/bin/pip install semble==0.7.0
    venv/bin/python eval/compare/compare.py LABELS SOURCES WORK --fathom BIN --colgrep BIN --colgrep-model DIR \\
        --repo NAME … --svg docs/quality-latency.svg

LABELS has `repos.json` and `annotations/`, SOURCES a checkout of each repository; those of
`fathom eval build` do too. WORK is an empty folder for the indexes. Prints a Markdown table and draws
quality against latency. Questions about commits ask each about its own tree, for which every tool
brings its index up to date.

NDCG@10, MRR and recall@10 count as `fathom eval` does: gain 1 for each target, its rank that of the
first of the ten results that shows it, two targets at one rank once; the mean over repositories. With
`by file` only the first result of each file is kept. Index time is processor time of all processes. A question is
one process from the shell (semble: a call in a process that has everything in memory): the median
time by the clock over all questions, and the mean processor time.
"""

import argparse
import itertools
import json
import math
import os
import re
import resource
import shutil
import statistics
import subprocess
import time
from pathlib import Path

STOP = set(
    "a an and are as at be by can do does for from has have how in into is it its of on or that the their this to was what"
    " when where which who why will with".split()
)


class Repository:
    def __init__(self, entry, labels, sources, most):
        self.name = entry["name"]
        self.root = entry.get("benchmark_root") or ""
        self.folder = sources / self.name / self.root
        questions = json.loads((labels / "annotations" / f"{self.name}.json").read_text(encoding="utf-8"))[-most:]
        self.questions = [(q["query"], [target(t) for t in q["relevant"] + q.get("secondary", [])]) for q in questions]
        self.commits = [q.get("at") for q in questions]

    def trees(self):
        """Each tree that is asked about, checked out, with its questions."""
        for commit, group in itertools.groupby(zip(self.commits, self.questions), key=lambda one: one[0]):
            if commit:
                if not (self.folder / ".git" / "fathom-eval").exists():
                    raise SystemExit(f"{self.folder} was not made by `fathom eval build commits`")
                subprocess.run(["git", "-C", self.folder, "checkout", "-q", "--force", "--detach", commit], check=True)
            yield [question for _, question in group]

    def path_of(self, path):
        """A path that a tool gave, as labels give it."""
        path = os.path.relpath(path, self.folder) if os.path.isabs(path) else os.path.normpath(path)
        return os.path.normpath(os.path.join(self.root, path))


def target(entry):
    if isinstance(entry, str):
        return entry, None
    first, last = entry.get("start_line"), entry.get("end_line")
    return entry["path"], (first, last) if first and last else None


def same_path(a, b):
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)


def quality(results, targets):
    """NDCG@10, reciprocal rank and recall@10 of `results`, (path, first line, last line), best first."""
    ranks = []
    for path, lines in targets:
        for rank, (found, first, last) in enumerate(results[:10], 1):
            if same_path(found, path) and (lines is None or (first <= lines[1] and lines[0] <= last)):
                ranks.append(rank)
                break
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(targets)) + 1))
    gain = sum(1 / math.log2(rank + 1) for rank in set(ranks))
    return gain / ideal, 1 / min(ranks) if ranks else 0.0, len(ranks) / len(targets)


def by_file(results):
    seen = set()
    return [one for one in results if not (one[0] in seen or seen.add(one[0]))]


def spent(command, **options):
    """Runs it; its output and the processor seconds of it and its children. Exit 1 is: nothing found."""
    before = processor_time()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    if done.returncode > 1:
        raise SystemExit(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")
    return done, processor_time() - before


def processor_time():
    """Of this process and of those that it waited for, in seconds."""
    every = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in every)


def size(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink())


class Fathom:
    def __init__(self, arguments, mode):
        self.name = f"fathom, {mode}"
        self.mode, self.binary = mode, arguments.fathom
        self.data = arguments.work / "fathom"
        self.env = {**os.environ, "FATHOM_BACKGROUND": "0", "FATHOM_DATA_DIR": str(self.data)}

    def index(self, repository):
        return spent([self.binary, "index", "--quiet", repository.folder], env=self.env)[1]

    def size(self):
        return size(self.data)

    def ask(self, repository, query):
        command = [self.binary, "search", "--json", "-k", "10", "--no-refresh", "--mode", self.mode, "--", query]
        done, _ = spent([*command, repository.folder], env=self.env)
        return [(one["path"], one["start_line"], one["end_line"]) for one in json.loads(done.stdout or b'{"results": []}')["results"]]


class ColGrep:
    def __init__(self, arguments, semantic):
        self.name = "ColGREP 1.8.5" + (", late interaction only" if semantic else "")
        self.binary, self.model = arguments.colgrep, arguments.colgrep_model
        self.more = ["--semantic-only"] if semantic else []
        self.home = arguments.work / "colgrep"
        self.home.mkdir(exist_ok=True)
        self.env = {
            **os.environ,
            "HOME": str(self.home),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
        }

    def index(self, repository):
        command = [self.binary, "init", "-y", "--force-cpu", "--model", self.model, repository.folder]
        return spent(command, env=self.env)[1]

    def size(self):
        return size(self.home / "data")

    def ask(self, repository, query):
        command = [self.binary, "--model", self.model, query, repository.folder, "-k", "10", "--json", "--no-update"]
        done, _ = spent([*command, *self.more], env=self.env)
        units = [one["unit"] for one in json.loads(done.stdout or b"[]")]
        return [(one["file"], one["line"], one["end_line"]) for one in units]


class Semble:
    """Its BM25 and its ranking; its static model is not to be had offline, so it has no part (alpha 0)."""

    name = "semble 0.7.0, BM25 and its ranking, in one process"

    def __init__(self, arguments):
        import numpy as np
        from model2vec import StaticModel
        from tokenizers import Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[PAD]": 1}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        self.model = arguments.work / "no-model"
        StaticModel(np.ones((2, 8), np.float32), tokenizer).save_pretrained(str(self.model))
        self.indexes = {}

    def index(self, repository):
        from semble import SembleIndex

        before = time.process_time()
        self.indexes[repository.name] = SembleIndex.from_path(str(repository.folder), model_path=str(self.model))
        return time.process_time() - before

    def size(self):
        return None

    def ask(self, repository, query):
        found = self.indexes[repository.name].search(query, top_k=10, alpha=0.0)
        return [(one.chunk.file_path, one.chunk.start_line, one.chunk.end_line) for one in found]


class Ripgrep:
    """Files by how many different words of the question they have, then by how many lines with one."""

    name = "ripgrep, words of the question"

    def __init__(self, arguments):
        pass

    def index(self, repository):
        return 0.0

    def size(self):
        return 0

    def ask(self, repository, query):
        words = [word for word in re.findall(r"\w+", query.lower()) if word not in STOP] or [query]
        command = ["rg", "--json", "--ignore-case"]
        for word in words:
            command += ["-e", re.escape(word)]
        done, _ = spent([*command, "--", repository.folder])
        files = {}
        for line in done.stdout.splitlines():
            entry = json.loads(line)
            if entry["type"] != "match" or "text" not in entry["data"]["path"]:
                continue
            data = entry["data"]
            held, lines = files.setdefault(data["path"]["text"], (set(), []))
            held.update(match["match"]["text"].lower() for match in data["submatches"] if "text" in match["match"])
            lines.append(data["line_number"])
        order = sorted(files, key=lambda path: (-len(files[path][0]), -len(files[path][1]), path))
        return [(path, files[path][1][0], files[path][1][0]) for path in order[:10]]


def measure(tool, repositories, built):
    chunks, files, times, indexing, used = [], [], [], 0.0, 0.0
    is_built = type(tool) in built
    for repository in repositories:
        ours = []
        for questions in repository.trees():
            # With several trees the index has to follow again.
            if not is_built or repository.commits[0]:
                indexing += tool.index(repository)
            tool.ask(repository, "warm up")
            before = processor_time()
            for query, targets in questions:
                began = time.perf_counter()
                found = tool.ask(repository, query)
                times.append(time.perf_counter() - began)
                found = [(repository.path_of(path), first, last) for path, first, last in found]
                ours.append((*quality(found, targets), quality(by_file(found), targets)[0]))
            used += processor_time() - before
        chunks.append([statistics.mean(column) for column in list(zip(*ours))[:3]])
        files.append(statistics.mean(one[3] for one in ours))
    if not is_built:
        built[type(tool)] = indexing, tool.size()
    cpu, held = built[type(tool)]
    ndcg, mrr, recall = (statistics.mean(column) for column in zip(*chunks))
    return {
        "tool": tool.name,
        "ndcg": ndcg,
        "by_file": statistics.mean(files),
        "mrr": mrr,
        "recall_10": recall,
        "index_cpu": cpu,
        "index_bytes": held,
        "question_ms": 1000 * statistics.median(times),
        "question_cpu_ms": 1000 * used / len(times),
        "each": dict(zip((one.name for one in repositories), (one[0] for one in chunks))),
    }


def warm(arguments, repositories, built):
    """A process that stays: `fathom eval` over the index that is there."""
    command = [arguments.fathom, "eval", arguments.labels, "--sources", arguments.sources, "--mode", "hybrid", "--json"]
    for repository in repositories:
        command += ["--repo", repository.name]
    tool = Fathom(arguments, "hybrid")
    done, used = spent(command, env=tool.env)
    mode = json.loads(done.stdout)["modes"]["hybrid"]
    cpu, held = built[Fathom]
    return {
        "tool": "fathom, hybrid, in one process",
        "ndcg": mode["chunks"]["ndcg"],
        "by_file": mode["files"]["ndcg"],
        "mrr": mode["chunks"]["mrr"],
        "recall_10": mode["chunks"]["recall"],
        "index_cpu": cpu,
        "index_bytes": held,
        "question_ms": mode["p50_ms"],
        "question_cpu_ms": 1000 * used / mode["chunks"]["questions"],
    }


def table(rows):
    print("| tool | NDCG@10 | by file | MRR | recall@10 | index, CPU s | index, MB | a question, ms | its CPU ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        held = "in memory" if row["index_bytes"] is None else f"{row['index_bytes'] / 1e6:.0f}"
        print(
            f"| {row['tool']} | {row['ndcg']:.3f} | {row['by_file']:.3f} | {row['mrr']:.3f} | {row['recall_10']:.3f} | {row['index_cpu']:.0f} | {held}"
            f" | {row['question_ms']:.0f} | {row['question_cpu_ms']:.0f} |"
        )


def draw(rows, path):
    """Quality upwards from .6, time to the right in powers of ten, on white for dark pages too."""
    width, height, left, bottom, floor = 760, 420, 60, 50, 0.6
    times = [row["question_ms"] for row in rows]
    low = math.floor(math.log10(min(times)))
    high = max(math.ceil(math.log10(max(times))), low + 1)
    x = lambda ms: left + (math.log10(ms) - low) / (high - low) * (width - left - 220)
    y = lambda quality: 24 + (1 - max(quality, floor)) / (1 - floor) * (height - bottom - 24)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for quality in (0.6, 0.7, 0.8, 0.9, 1.0):
        at = y(quality)
        parts.append(f'<path d="M{left} {at:.0f}H{width - 20}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4:.0f}" text-anchor="end" fill="#444444">{quality:.1f}</text>')
    for power in range(low, high + 1):
        at = x(10**power)
        parts.append(f'<path d="M{at:.0f} 24V{height - bottom}" stroke="#dddddd"/>')
        parts.append(f'<text x="{at:.0f}" y="{height - bottom + 18}" text-anchor="middle" fill="#444444">{10.0**power:g}</text>')
    parts.append(f'<text x="{left}" y="{height - 10}" fill="#444444">median milliseconds of a question</text>')
    parts.append('<text x="4" y="14" fill="#444444">NDCG@10</text>')
    taken = []
    for row in sorted(rows, key=lambda row: row["ndcg"], reverse=True):
        across, at = x(row["question_ms"]), y(row["ndcg"])
        label, room = at + 4, 8 * len(row["tool"])
        while any(abs(label - other) < 15 and start < across + room and across < end for other, start, end in taken):
            label += 1
        taken.append((label, across, across + room))
        colour = "#1f6feb" if row["tool"].startswith("fathom") else "#8250df"
        parts.append(f'<circle cx="{across:.0f}" cy="{at:.0f}" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{across + 10:.0f}" y="{label:.0f}" fill="#222222">{row["tool"]}</text>')
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("sources", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--fathom", required=True)
    parser.add_argument("--colgrep")
    parser.add_argument("--colgrep-model")
    parser.add_argument("--repo", action="append")
    parser.add_argument("--most", type=int, default=0, help="only the last so many questions about each")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--out", type=Path, help="all figures as JSON")
    arguments = parser.parse_args()
    if arguments.work.exists() and any(arguments.work.iterdir()):
        parser.error(f"{arguments.work} is not empty")
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.work = arguments.work.resolve()
    entries = json.loads((arguments.labels / "repos.json").read_text(encoding="utf-8"))
    wanted = [entry for entry in entries if not arguments.repo or entry["name"] in arguments.repo]
    repositories = [Repository(entry, arguments.labels, arguments.sources.resolve(), arguments.most) for entry in wanted]
    tools = [Fathom(arguments, mode) for mode in ("hybrid", "late", "lexical")]
    if arguments.colgrep:
        tools += [ColGrep(arguments, semantic) for semantic in (False, True)]
    tools += [Semble(arguments), Ripgrep(arguments)]
    rows, built = [], {}
    for tool in tools:
        rows.append(measure(tool, repositories, built))
        print(json.dumps(rows[-1]), file=os.sys.stderr, flush=True)
    if not arguments.most and not any(one.commits[0] for one in repositories):
        rows.insert(0, warm(arguments, repositories, built))
    questions = sum(len(one.questions) for one in repositories)
    print(f"{len(repositories)} repositories, {questions} questions\n")
    table(rows)
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.svg:
        draw(rows, arguments.svg)
    shutil.rmtree(arguments.work)


if __name__ == "__main__":
    main()
