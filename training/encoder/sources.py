"""Collects the code that the bundled encoder is trained on, below one folder:

    python3 training/encoder/sources.py FOLDER [CHECKOUT…]

A seeded draw of source packages of Debian for some languages (`apt-get source`; the configuration of apt must list source
packages) and of the crates of this machine, beside checkouts that the caller names. Whatever names no permissive licence is
left out. So is every source of the retrieval benchmark, and every library that is known well enough for a benchmark to pick it.
What was taken is written to `sources.tsv`, with versions and licences.
"""

import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

import packages
from corpus import BENCHMARK

# Language -> (pattern of its source packages' names, their sections, how many).
DRAWN = {
    "go": (r"golang-", "golang|misc|devel", 40),
    "haskell": (r"haskell-", "haskell|misc", 30),
    "java": (r".*-java$|lib.*java|jakarta-|plexus-|maven-", "java|misc", 25),
    "c and c++": (r"", "libs|libdevel|utils|text|graphics|net|sound|science", 25),
    "php": (r"php-", "php|misc", 15),
}
CRATES = 150
# Licence -> words of its text.
KINDS = [
    ("Apache-2.0", "Apache License"),
    ("MIT", "Permission is hereby granted, free of charge"),
    ("BSD", "Redistribution and use in source"),
    ("ISC", "Permission to use, copy, modify, and"),
]
SMALLEST, LARGEST = 15_000, 4_000_000
# Libraries that a benchmark of code search would pick; those of `BENCHMARK` are left out as well.
WELL_KNOWN = re.compile(
    r"(^|[-_/.])(lib)?(actix|aiohttp|anyhow|ansible|apache|asyncio|axios|axum|babel|backbone|bat|beego|black|boost|bootstrap|bottle|boto3?|bun|caddy"
    r"|cats|celery|chai|chalk|clap|click|commander|commons-lang3|composer|consul|containerd|core-js|cpython|crossbeam|curl|dagger|d3|deno|devise|diesel|django"
    r"|docker|doctrine|dotenv|ecto|echo|electron|elixir|ember|esbuild|eslint|etcd|exposed|eza|faraday|fd|fd-find|fiber|finagle|folly|fzf|gin|git|gitea"
    r"|go-kit|googletest|gorm|grafana|grape|graphql|grpc|gson|guava|gunicorn|guice|gulp|haskell-lens|hanami|hibernate|httparty|http4s|hugo|hyper|jekyll"
    r"|jest|jinja2?|jquery|json|junit|kafka|keras|koa|ktor|kubernetes|laminas|lapis|leveldb|libcurl|libevent|lodash|log4j|logrus|lombok|luarocks"
    r"|marshmallow|matplotlib|mitmproxy|mocha|mockito|moment|monolog|mux|mypy|neovim|nestjs|netty|nginx|nlohmann|nokogiri|nom|numpy|okhttp|openssl|pandas"
    r"|pest|phpunit|pip|poetry|postgresql|prettier|prometheus|protobuf|pry|puma|pydantic|pytest|python|quart|rack|rails|rand|rayon|react|redis|regex|reqwest"
    r"|resque|retrofit|rich|ripgrep|rocksdb|rspec|rubocop|ruff|rust|rustls|rxjava|rxjs|scikit-learn|scipy|scrapy|sequel|servant|sidekiq|simdjson|sinatra|slick"
    r"|socket.io|spdlog|spring|sqlalchemy|sqlite3?|sqlx|swift|symfony|syn|systemd|tensorflow|testify|thor|tokio|tornado|tower|tracing|traefik|twig|twisted"
    r"|typer|typescript|urfave|uvicorn|vapor|vite|viper|vue|wai|warp|webpack|werkzeug|yargs|yesod|zap|zlib|zstd|hyperfine|telescope|plenary|penlight|busted"
    r"|aeson|conduit|xmonad|pandoc|hakyll|akka|play|circe|exposed|koin|arrow|alamofire|kingfisher|snapkit|dapper|newtonsoft|polly|serilog|mediatr|automapper)([-_/.0-9]|$)",
    re.IGNORECASE,
)


def main():
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(1)
    taken = crates(folder, draw)
    known = source_packages()
    for language, (pattern, sections, wanted) in DRAWN.items():
        names = [name for name, package in known.items()
                 if re.match(pattern, name) and re.fullmatch(sections, package["section"]) and SMALLEST <= package["size"] <= LARGEST
                 and not WELL_KNOWN.search(name) and not BENCHMARK.search(f"/{name}")]
        draw.shuffle(names)
        names = [name for name in names if not any(name == source[1] for source in taken)]
        found = fetched([known[name] for name in names], wanted, folder)
        print(f"{language}: {len(found)} of {wanted}", flush=True)
        taken += found
    taken += filter(None, (checkout(Path(path), folder) for path in sys.argv[2:]))
    packages.without_benchmark(folder)
    lines = ["\t".join(source) for source in sorted(taken)]
    Path(__file__).with_name("sources.tsv").write_text("from\tname\tversion\tlicence\n" + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(taken), "sources in", folder)


def fetched(drawn, wanted, folder):
    """About the first `wanted` packages that can be had and may be used, of at most four times as many."""
    found = []
    with ThreadPoolExecutor(8) as pool:
        for i in range(0, min(len(drawn), 4 * wanted), 8):
            if len(found) < wanted:
                found += filter(None, pool.map(lambda package: fetch(package, folder), drawn[i:i + 8]))
    return found


def fetch(package, folder):
    with tempfile.TemporaryDirectory() as work:
        try:
            for url in package["archives"]:
                urllib.request.urlretrieve(url, Path(work) / url.rsplit("/", 1)[1])
            return packages.from_archives(Path(work), package["name"], package["version"], folder)
        except (OSError, tarfile.TarError) as error:
            shutil.rmtree(folder / "debian" / package["name"], ignore_errors=True)
            return packages.left_out(package["name"], str(error))


def source_packages():
    """name -> what apt knows of that source package, by name."""
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(FILENAME)", "Created-By: Sources"], capture_output=True, text=True, check=True)
    found = {}
    for target in targets.stdout.splitlines():
        site, path = target.split()
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, text=True, check=True).stdout
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z0-9-]+): *(.*(?:\n .*)*)", stanza, re.MULTILINE))
            if "Package" in fields:
                found[fields["Package"]] = described(fields, site)
    return dict(sorted(found.items()))


def described(fields, site):
    files = [line.split()[1:] for line in fields.get("Files", "").strip().splitlines()]
    return {
        "name": fields["Package"],
        "version": fields["Version"],
        "section": fields.get("Section", "").split("/")[-1],
        "size": sum(int(size) for size, name in files if ".orig.tar" in name),
        "archives": [f"{site}{fields['Directory']}/{name}" for _, name in files if ".tar." in name and not name.endswith(".asc")],
    }


def crates(folder, draw):
    known = packages.crates_here()
    names = sorted(name for name in known if not WELL_KNOWN.search(name))
    draw.shuffle(names)
    for name in names[:CRATES]:
        packages.copy(known[name][0], folder / "crates" / known[name][0].name)
    return [known[name][1] for name in names[:CRATES]]


def checkout(path, folder):
    """A checkout `OWNER+NAME` with a permissive licence, without its history."""
    files = [file for pattern in ("LICENSE*", "LICENCE*", "License*", "*LICENSE*", "COPYING*") for file in sorted(path.glob(pattern))]
    text = " ".join(files[0].read_text(encoding="utf-8", errors="replace").split()) if files else ""
    kind = next((kind for kind, words in KINDS if words in text), None)
    if kind is None or BENCHMARK.search(path.name.replace("+", "/")):
        return packages.left_out(path.name, "licence")
    version = subprocess.run(["git", "-C", path, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    packages.copy(path, folder / "checkouts" / path.name, packages.ignored(".git"))
    return ("git", path.name.replace("+", "/"), version, kind)


if __name__ == "__main__":
    main()
