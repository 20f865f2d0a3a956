"""Collects the code that the bundled encoder is trained on, below one folder:

    python3 training/encoder/sources.py FOLDER [CHECKOUT…]

A seeded draw of source packages of Debian for each language (`apt-get source`; the configuration of apt must list source
packages) and of the crates of this machine, beside checkouts that the caller names. Whatever names no permissive licence is
left out. So is every source of the retrieval benchmark, and every library that is known well enough for a benchmark to pick it.
What was taken is written to `sources.tsv`, with versions and licences.
"""

import random
import re
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

import codebook_sources
from corpus import BENCHMARK

# Language -> (pattern of its source packages' names, their sections, how many).
DRAWN = {
    "go": (r"golang-", "golang|misc|devel", 50),
    "haskell": (r"haskell-", "haskell|misc", 30),
    "ruby": (r"ruby-", "ruby|misc", 40),
    "php": (r"php-", "php|misc", 45),
    "javascript": (r"node-", "javascript|misc", 40),
    "java": (r".*-java$|lib.*java|jakarta-|plexus-|maven-", "java|misc", 45),
    "python": (r"", "python", 60),
    "lua": (r"lua-", "interpreters|misc|libs", 25),
    "c and c++": (r"", "libs|libdevel|utils|text|graphics|net|sound|science", 110),
    "elixir": (r"elixir-|erlang-", "interpreters|misc", 8),
    "shell": (r".*(zsh|bash|shell|sh-).*", "shells|utils|devel|admin|misc", 12),
}
CRATES = 150
SMALLEST, LARGEST = 15_000, 4_000_000
# Libraries that a benchmark of code search would pick; those of `BENCHMARK` are left out as well.
WELL_KNOWN = re.compile(
    r"(^|[-_/.])(actix|aiohttp|anyhow|ansible|apache|asyncio|axios|axum|babel|backbone|bat|beego|black|boost|bootstrap|bottle|boto3?|bun|caddy"
    r"|cats|celery|chai|chalk|clap|click|commander|composer|consul|containerd|core-js|cpython|crossbeam|curl|dagger|d3|deno|devise|diesel|django"
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
        names = [name for name, section, size in known
                 if re.match(pattern, name) and re.fullmatch(sections, section) and SMALLEST <= size <= LARGEST
                 and not WELL_KNOWN.search(name) and not BENCHMARK.search(f"/{name}")]
        draw.shuffle(names)
        names = [name for name in names if not (folder / "debian" / name).exists()][:wanted]
        found = list(filter(None, (codebook_sources.from_source_package(name, folder) for name in names)))
        print(f"{language}: {len(found)} of {len(names)}", flush=True)
        taken += found
    taken += [checkout(Path(path), folder) for path in sys.argv[2:]]
    codebook_sources.without_benchmark(folder)
    lines = ["\t".join(source) for source in sorted(taken)]
    Path(__file__).with_name("sources.tsv").write_text("from\tname\tversion\tlicence\n" + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(taken), "sources in", folder)


def source_packages():
    """(name, section, bytes of its archives) of every source package that apt knows, by name."""
    paths = subprocess.run(["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Sources"], capture_output=True, text=True, check=True)
    found = {}
    for path in paths.stdout.split():
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], capture_output=True, text=True, check=True).stdout
        for stanza in text.split("\n\n"):
            fields = dict(re.findall(r"^([A-Za-z0-9-]+): *(.*(?:\n .*)*)", stanza, re.MULTILINE))
            if "Package" in fields:
                sizes = [int(line.split()[1]) for line in fields.get("Files", "").strip().splitlines() if ".orig.tar" in line]
                found[fields["Package"]] = (fields.get("Section", "").split("/")[-1], sum(sizes))
    return [(name, *found[name]) for name in sorted(found)]


def crates(folder, draw):
    known = codebook_sources.crates_here()
    names = sorted(name for name in known if not WELL_KNOWN.search(name))
    draw.shuffle(names)
    for name in names[:CRATES]:
        codebook_sources.copy(known[name][0], folder / "crates" / known[name][0].name)
    return [known[name][1] for name in names[:CRATES]]


def checkout(path, folder):
    """A checkout `OWNER+NAME` with a permissive licence, without its history."""
    licence = next(iter(sorted(path.glob("LICENSE*")) + sorted(path.glob("COPYING*"))))
    text = licence.read_text(encoding="utf-8", errors="replace")
    kind = next(kind for kind, words in (("Apache-2.0", "Apache License"), ("MIT", "Permission is hereby granted, free of charge"),
                                         ("BSD", "Redistribution and use in source")) if words in text)
    version = subprocess.run(["git", "-C", path, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    codebook_sources.copy(path, folder / "checkouts" / path.name, codebook_sources.ignored(".git"))
    return ("git", path.name.replace("+", "/"), version, kind)


if __name__ == "__main__":
    main()
