"""Makes pairs of a context and an answer to it, from real sources, for
`answerer/examples/lookup_gain.rs`.

    python3 training/reader/pairs.py SOURCES OUT

Four kinds: `edit`, a piece of code as a commit of this repository left it,
after it as it was; `docs`, a section of documentation with code in it, after
sources that hold one of its names; `quote`, some lines of a shown piece with a
sentence and a citation; `prose`, sentences about something else.
"""

import random
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = {".go", ".py", ".js", ".ts", ".java", ".rs", ".rb", ".c", ".cpp"}
EACH = 100


def git(*arguments):
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout


def shown(number, path, first, lines):
    return f"[{number}] {path}:{first}-{first + len(lines) - 1}\n```\n" + "\n".join(lines) + "\n```\n\n"


def edits():
    for commit in git("log", "--no-merges", "--format=%h").split():
        for path in git("diff-tree", "--no-commit-id", "--name-only", "-r", "--diff-filter=M", commit).split():
            if Path(path).suffix not in CODE:
                continue
            old = git("show", f"{commit}~1:{path}").split("\n")
            new = git("show", f"{commit}:{path}").split("\n")
            difference = git("diff", "-U12", f"{commit}~1", commit, "--", path)
            for hunk in re.findall(r"^@@ -(\d+),(\d+) \+(\d+),(\d+) @@", difference, re.M)[:2]:
                before, length, after, count = map(int, hunk)
                if 15 < count < 90:
                    start = max(0, before - 60)
                    context = shown(1, path, start + 1, old[start : before + length + 60])
                    message = git("log", "-1", "--format=%B", commit)
                    yield context + message, "```\n" + "\n".join(new[after - 1 : after - 1 + count]) + "\n```\n"


def docs(rng, sources, texts):
    pages = [path for path in sources.glob("*/**/*.md") if path.is_file()]
    rng.shuffle(pages)
    for page in pages:
        for section in re.split(r"\n(?=#+ )", page.read_text(encoding="utf-8", errors="replace")):
            code = re.search(r"```\w*\n(.*?)```", section, re.S)
            names = re.findall(r"[A-Za-z_]{6,}", code.group(1)) if code else []
            if not names or not 400 < len(section) < 3500:
                continue
            repository = page.relative_to(sources).parts[0]
            using = [(path, lines) for path, lines in texts if path.startswith(repository + "/")]
            at = [(path, lines, n) for path, lines in using for n, line in enumerate(lines) if names[-1] in line][:3]
            if at:
                parts = [shown(i + 1, p, max(0, n - 20) + 1, ls[max(0, n - 20) : n + 40]) for i, (p, ls, n) in enumerate(at)]
                yield "".join(parts), section
                break


def quotes(rng, texts, sentences):
    long = [text for text in texts if len(text[1]) > 40]
    while True:
        pieces = []
        for path, lines in rng.sample(long, 4):
            first = rng.randrange(len(lines) - 35)
            pieces.append((path, first + 1, lines[first : first + rng.randint(15, 35)]))
        context = "".join(shown(index + 1, *piece) for index, piece in enumerate(pieces))
        number = rng.randrange(4)
        path, first, lines = pieces[number]
        count = rng.randint(6, 14)
        start = rng.randrange(max(1, len(lines) - count))
        name = (re.findall(r"[A-Za-z_]{5,}", "\n".join(lines[start : start + count])) or ["it"])[0]
        quote = shown(number + 1, path, first + start, lines[start : start + count])
        answer = f"{quote}{rng.choice(sentences)[:180]} `{name}` is in [{number + 1}].\n"
        yield context, answer, " ".join(rng.sample(sentences, 2))


def put(out, kind, number, context, answer):
    folder = out / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number}.context").write_text(context, encoding="utf-8")
    (folder / f"{number}.answer").write_text(answer, encoding="utf-8")


def main():
    sources, out = Path(sys.argv[1]), Path(sys.argv[2])
    rng = random.Random(1)
    paths = [path for path in sources.glob("*/**/*") if path.suffix in CODE and path.is_file()]
    paths = [path for path in rng.sample(paths, min(len(paths), 4000)) if path.stat().st_size < 80_000]
    texts = [(str(p.relative_to(sources)), p.read_text(encoding="utf-8", errors="replace").split("\n")) for p in paths]
    bodies = git("log", "--format=%b%x00").split("\0")
    sentences = [body.strip().replace("\n", " ") for body in bodies if len(body) > 120]
    for number, (context, answer) in zip(range(EACH), edits()):
        put(out, "edit", number, context, answer)
    for number, (context, answer) in zip(range(EACH), docs(rng, sources, texts)):
        put(out, "docs", number, context, answer)
    for number, (context, answer, prose) in zip(range(EACH), quotes(rng, texts, sentences)):
        put(out, "quote", number, context, answer)
        put(out, "prose", number, context, prose)


if __name__ == "__main__":
    main()
