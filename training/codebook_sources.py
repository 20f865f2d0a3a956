"""Collects the code that the bundled codebook is trained on, below one folder:

    python3 training/codebook_sources.py FOLDER

Crates and Python's standard library are those of this machine; packages of other languages come through `apt-get source` (its
configuration must list source packages), `apt-get download`, `pip download` and `npm pack`. Whatever names no permissive licence is left out. So is every source of
the retrieval benchmark, wherever it is: anything fitted on it would make its figures worthless. What was taken is written to
`training/codebook-from.tsv`, with versions and licences.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from corpus import BENCHMARK, PERMISSIVE

SOURCE_PACKAGES = """
golang-github-gorilla-mux golang-logrus golang-testify prometheus etcd fzf restic
guava-libraries libcommons-lang3-java libcommons-collections4-java mockito netty
kotlin scala symfony php-twig phpunit composer php-monolog ruby-nokogiri puma
haskell-lens haskell-aeson haskell-conduit haskell-yesod-core haskell-vector haskell-hakyll hlint
elixir-lang luarocks neovim zlib jansson libevent curl nginx lua5.4 sqlite3 libxml2 jq tmux mbedtls
nlohmann-json3 googletest re2 leveldb ninja-build rapidjson yaml-cpp python-django
""".split()
PACKAGES = """
golang-github-gin-gonic-gin-dev ruby-rack rake jekyll rubocop ruby-sequel ruby-faraday lua-penlight lua-busted
shunit2 dehydrated neofetch rbenv zsh-syntax-highlighting catch2
""".split()
PYTHON = "sqlalchemy pytest networkx twisted aiohttp celery rich attrs".split()
NPM = """
lodash eslint webpack mocha commander yargs date-fns rxjs effect mobx @tanstack/query-core @tanstack/router-core
@capacitor/ios @capacitor/android expo-modules-core
""".split()
LICENCES = re.compile(r"MIT|Expat|Apache|BSD|ISC|Zlib|BSL|Boost|public.domain|curl|PSF|Unlicense|CC0|X11|0BSD", re.IGNORECASE)
COPYLEFT = re.compile(r"GPL|MPL|EPL|CDDL")
CRATE_EXCLUDED = re.compile(r"^(windows|winapi|serde|tokio|tree-sitter|colgrep|next-plaid)")


def main():
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    taken = crates(folder) + [python_library(folder)]
    taken += filter(None, (from_source_package(name, folder) for name in SOURCE_PACKAGES))
    taken += filter(None, (from_package(name, folder) for name in PACKAGES))
    taken += filter(None, (from_pip(name, folder) for name in PYTHON))
    taken += filter(None, (from_npm(name, folder) for name in NPM))
    without_benchmark(folder)
    lines = ["\t".join(source) for source in sorted(taken)]
    header = "from\tname\tversion\tlicence\n"
    Path(__file__).with_name("codebook-from.tsv").write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(taken), "sources in", folder)


def crates(folder):
    found = crates_here()
    for crate, _ in found.values():
        copy(crate, folder / "crates" / crate.name)
    return [source for _, source in found.values()]


def crates_here():
    """name -> (folder, source) of the newest version of each permissively licensed crate."""
    found = {}
    for registry in Path("~/.cargo/registry/src").expanduser().iterdir():
        for crate in sorted(registry.iterdir()):
            name, version = re.fullmatch(r"(.*?)-(\d+\..*)", crate.name).groups()
            manifest = (crate / "Cargo.toml").read_text(encoding="utf-8")
            licence = re.search(r'^license *= *"(.*)"', manifest, re.MULTILINE)
            if not CRATE_EXCLUDED.search(name) and not BENCHMARK.search(f"/{name}") and PERMISSIVE.search(manifest):
                found[name] = (crate, ("crate", name, version, licence.group(1)))
    return found


def python_library(folder):
    library = Path(sysconfig.get_path("stdlib"))
    copy(library, folder / "python", shutil.ignore_patterns("site-packages", "idlelib", "__pycache__", "test", "tests"))
    return ("python", "standard library", sys.version.split()[0], "PSF-2.0")


def from_source_package(name, folder):
    with tempfile.TemporaryDirectory() as work:
        if not run(["apt-get", "source", "--download-only", "-q", name], work):
            return left_out(name, "cannot be fetched")
        version = next(Path(work).glob("*.dsc")).stem.split("_", 1)[1]
        return from_archives(Path(work), name, version, folder)


def from_archives(work, name, version, folder):
    """A source package of Debian whose archives are in the folder `work`."""
    into = folder / "debian" / name
    for archive in sorted(work.glob("*.tar.*")):
        if archive.suffix != ".asc":
            shutil.unpack_archive(archive, into) if ".debian.tar" in archive.name else unpack(archive, into)
    copyright_file = into / "debian" / "copyright"
    licence = licence_of_all(copyright_file.read_text(encoding="utf-8", errors="replace")) if copyright_file.exists() else ""
    shutil.rmtree(into / "debian", ignore_errors=True)
    return accepted(into, ("debian", name, version, licence))


def from_package(name, folder):
    with tempfile.TemporaryDirectory() as work:
        if not run(["apt-get", "download", "-q", name], work):
            return left_out(name, "cannot be fetched")
        package = next(Path(work).glob("*.deb"))
        into = folder / "debian" / name
        into.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg-deb", "-x", package, into], check=True)
        version = package.stem.split("_")[1]
    text = (into / "usr/share/doc" / name / "copyright").read_text(encoding="utf-8", errors="replace")
    return accepted(into, ("debian", name, version, licence_of_all(text)))


def from_pip(name, folder):
    with tempfile.TemporaryDirectory() as work:
        if not run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", name], work):
            return left_out(name, "cannot be fetched")
        wheel = next(Path(work).glob("*.whl"))
        into = folder / "pip" / name
        shutil.unpack_archive(wheel, into, "zip")
        version = wheel.name.split("-")[1]
    metadata = next(into.glob("*.dist-info/METADATA")).read_text(encoding="utf-8", errors="replace")
    licences = re.findall(r"^(?:License|License-Expression|Classifier: License ::.*)[: ]+(\S.{0,60})$", metadata, re.MULTILINE)
    return accepted(into, ("pip", name, version, "; ".join(licences)))


def licence_of_all(text):
    """The licence that a machine-readable copyright file gives for `Files: *`."""
    for stanza in re.split(r"\n\s*\n", text):
        if re.search(r"^Files: *\n? *\*(\s|$)", stanza, re.MULTILINE):
            found = re.search(r"^License: *(.+)", stanza, re.MULTILINE)
            return found.group(1).strip() if found else ""
    return ""


def from_npm(name, folder):
    with tempfile.TemporaryDirectory() as work:
        if not run(["npm", "pack", "--silent", name], work):
            return left_out(name, "cannot be fetched")
        into = folder / "npm" / name.replace("/", "-")
        unpack(next(Path(work).glob("*.tgz")), into)
    manifest = json.loads((into / "package.json").read_text(encoding="utf-8"))
    return accepted(into, ("npm", name, manifest["version"], str(manifest.get("license", ""))))


def accepted(into, source):
    licence = source[3]
    if LICENCES.search(licence) and not COPYLEFT.search(licence):
        return source
    shutil.rmtree(into)
    return left_out(source[1], f"licence `{licence}`")


def left_out(name, why):
    print("left out:", name, why)


def run(command, folder):
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0


def unpack(archive, into):
    """Without the first folder of the paths, which only repeats the name."""
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            parts = Path(member.name).parts[1:]
            if member.isfile() and parts and ".." not in parts:
                member.name = os.path.join(*parts)
                tar.extract(member, into, filter="data")


ignored = shutil.ignore_patterns


def copy(source, into, ignore=None):
    shutil.copytree(source, into, ignore=ignore, symlinks=True, dirs_exist_ok=True)


def without_benchmark(folder):
    """Removes copies of benchmark sources inside of other packages."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and BENCHMARK.search(f"/{path.name}") and len(path.relative_to(folder).parts) > 2:
            print("removed:", path.relative_to(folder))
            shutil.rmtree(path)


if __name__ == "__main__":
    main()
