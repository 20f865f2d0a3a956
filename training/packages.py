"""Source packages of Debian and crates of this machine: unpacked, with their licences. Whatever names no permissive licence
is left out, and so are copies of the retrieval benchmark's sources, wherever they are.
"""

import os
import re
import shutil
import tarfile
from pathlib import Path

from corpus import BENCHMARK, PERMISSIVE

LICENCES = re.compile(r"MIT|Expat|Apache|BSD|ISC|Zlib|BSL|Boost|public.domain|curl|PSF|Unlicense|CC0|X11|0BSD", re.IGNORECASE)
COPYLEFT = re.compile(r"GPL|MPL|EPL|CDDL")
CRATE_EXCLUDED = re.compile(r"^(windows|winapi|serde|tokio|tree-sitter|colgrep|next-plaid)")


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


def licence_of_all(text):
    """The licence that a machine-readable copyright file gives for `Files: *`."""
    for stanza in re.split(r"\n\s*\n", text):
        if re.search(r"^Files: *\n? *\*(\s|$)", stanza, re.MULTILINE):
            found = re.search(r"^License: *(.+)", stanza, re.MULTILINE)
            return found.group(1).strip() if found else ""
    return ""


def accepted(into, source):
    licence = source[3]
    if LICENCES.search(licence) and not COPYLEFT.search(licence):
        return source
    shutil.rmtree(into)
    return left_out(source[1], f"licence `{licence}`")


def left_out(name, why):
    print("left out:", name, why)


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

