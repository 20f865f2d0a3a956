"""A balanced sample of real code from the packages that a machine has anyway:
crates, Python's standard library, npm's own modules. Crates without a permissive
licence are left out; which packages were used is returned for the record.

No source of the retrieval benchmark is read, wherever it is: anything fitted on
it would make its figures worthless.
"""

import glob
import os
import random
import re
import subprocess
import sysconfig
from pathlib import Path

EXTENSIONS = {
    "rust": (".rs",),
    "c": (".c", ".h"),
    "c++": (".cpp", ".cc", ".hpp", ".cuh"),
    "python": (".py",),
    "javascript": (".js", ".mjs", ".cjs"),
    "shell": (".sh", ".pl", ".m4"),
    "documentation": (".md",),
    "configuration": (".toml", ".yml"),
}
SKIP = re.compile(r"/(tests?|testdata|fixtures|idlelib|windows[^/]*|winapi[^/]*)/|parser\.c$|\.min\.js$|bindings\.rs$")
BENCHMARK = re.compile(
    r"/(abseil|absl|bats|cobra|dapper|express|fastapi|flask|fmt|fmtlib|guzzle|httpx|jackson|libuv|model2vec|nvm|pandoc"
    r"|phoenix|plug|redis|redux|requests|serde|starlette|tokio|trpc|zig|zod)([-_./0-9]|$)",
    re.IGNORECASE,
)
PERMISSIVE = re.compile(r"^license *= *\".*(MIT|Apache|BSD|ISC|Zlib|Unlicense|CC0|BSL|Unicode)", re.MULTILINE)
WINDOW_LINES = 24


def roots():
    """(root folder, how many path parts below it name the package)."""
    for registry in sorted(glob.glob(os.path.expanduser("~/.cargo/registry/src/*"))):
        yield Path(registry), 1
    yield Path(sysconfig.get_path("stdlib")), 1
    npm = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=True)
    yield Path(npm.stdout.strip()), 3


def usable(path):
    name = str(path)
    return not SKIP.search(name) and not BENCHMARK.search(name) and path.is_file() and path.stat().st_size < 200_000


def permissive(package):
    """Whether a crate's manifest names a permissive licence; npm and Python are."""
    manifest = package / "Cargo.toml"
    return not manifest.exists() or bool(PERMISSIVE.search(manifest.read_text(encoding="utf-8")))


def files():
    """language -> [(package, path)], in a stable order."""
    found = {language: [] for language in EXTENSIONS}
    allowed = {}
    for root, depth in roots():
        for path in sorted(root.rglob("*")):
            language = next((l for l, e in EXTENSIONS.items() if path.suffix in e), None)
            if not language or not usable(path):
                continue
            parts = path.relative_to(root).parts
            package = "/".join(parts[:depth]) if len(parts) > depth else parts[0]
            if package not in allowed:
                allowed[package] = permissive(root / package)
            if allowed[package]:
                found[language].append((package, path))
    return found


def windows(per_language, seed):
    """`per_language` windows of consecutive lines for each language, at most one
    of a file, and the sorted packages they are from."""
    rng = random.Random(seed)
    texts, packages = [], set()
    for language, candidates in files().items():
        rng.shuffle(candidates)
        taken = 0
        for package, path in candidates:
            if taken == per_language:
                break
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
            start = rng.randrange(max(1, len(lines) - WINDOW_LINES))
            text = "\n".join(lines[start : start + WINDOW_LINES])
            if sum(c.isalpha() for c in text) > 200:
                texts.append((language, text))
                packages.add(package)
                taken += 1
    return texts, sorted(packages)
