"""Packages whose calls of crypto libraries are counted: drawn by a seed, so that nobody chose them.

From binary packages of main/amd64 of Debian 12 that depend on one of `LIBRARIES`, each library in its turn gets the
next of those that depend on it, in an order that the seed decides, until there are enough. Left out are packages that
something here was developed on (`_SEEN`), a fourth package of one source, and packages without an ELF object.

To hold calls against sources, as many are drawn further in the same order, of those whose source apt hands out whole.
"""

from __future__ import annotations

import random
import subprocess
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from debian.deb822 import Packages

from tests.bench.packages import fetched

SEED = 20261128
WANTED = 50
LIBRARIES = """
libssl3 libgcrypt20 libgnutls30 libnss3 libmbedcrypto7 libnettle8 libcrypt1 libkrb5-3 libqt5core5a libqt5network5
libglib2.0-0
""".split()
LIST = Path(__file__).with_name("calls.txt")
FURTHER = Path(__file__).with_name("calls-further.txt")
_TESTS = Path(__file__).parents[1]
_SEEN = ("bench/packages.txt", "bench/tuning.txt", "crypto/packages.txt", "accuracy/trixie.txt")
_MOST_OF_SOURCE = 3
_ELF = b"\x7fELF"


def names() -> list[str]:
    """The names in ``calls.txt``."""
    return LIST.read_text().split()


def further() -> list[str]:
    """The names in ``calls-further.txt``."""
    return FURTHER.read_text().split()


def drawn(folder: Path, before: Iterable[str] = (), fits: Callable[[str], bool] = lambda source: True) -> list[str]:
    """Names drawn from what this machine's apt knows; the packages are fetched into the folder to look for ELF objects.

    Those drawn ``before`` are passed over, and so are packages whose source does not fit.
    Raises FileNotFoundError where apt knows no list of packages of main for amd64.
    """
    chosen: list[str] = []
    sources = Counter[str]()
    found = _index()
    passed = set(before)
    for name in _in_turn({library: found.get(library, {}) for library in LIBRARIES}):
        source = next(by_name[name] for by_name in found.values() if name in by_name)
        if name in passed or name in chosen or sources[source] == _MOST_OF_SOURCE or not fits(source):
            continue
        if not _has_elf(fetched(folder, [name])[0]):
            continue
        chosen.append(name)
        sources[source] += 1
        if len(chosen) == WANTED:
            break
    return sorted(chosen)


def _in_turn(dependents: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """A name of the dependents of each library, then another of each, as long as there are any."""
    chance = random.Random(SEED)
    queues = [sorted(names) for names in dependents.values()]
    for queue in queues:
        chance.shuffle(queue)
    while any(queues):
        yield from (queue.pop() for queue in queues if queue)


def _index() -> dict[str, dict[str, str]]:
    """Library → names of packages that depend on it, with their sources."""
    command = ["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages", "Component: main",
               "Label: Debian", "Architecture: amd64", "Codename: bookworm"]  # fmt: skip
    files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if not files:
        raise FileNotFoundError("apt-get knows no list of packages of main for amd64; does `apt-get update` help?")
    seen = {name for file in _SEEN for name in (_TESTS / file).read_text().split()}
    found: dict[str, dict[str, str]] = {library: {} for library in LIBRARIES}
    for file in files:
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", file], capture_output=True, check=True).stdout
        for package in Packages.iter_paragraphs(text.splitlines(keepends=True), use_apt_pkg=False):
            name = package["Package"]
            source = package.get("Source", name).split()[0]
            needed = {str(one["name"]) for group in package.relations["depends"] or () for one in group}
            if name not in seen:
                for library in needed & found.keys():
                    found[library][name] = source
    return found


def _has_elf(deb: Path) -> bool:
    """Whether any file of the package begins as an ELF object does."""
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as unpacking,
        tarfile.open(fileobj=unpacking.stdout, mode="r|") as members,
    ):
        for member in members:
            file = members.extractfile(member) if member.isfile() else None
            if file is not None and file.read(len(_ELF)) == _ELF:
                unpacking.kill()
                return True
    return False
