"""Packages that are looked at, drawn by a seed, so that nobody chose them.

From binary packages of main/amd64 of Debian 12 that depend on one of some libraries, each library in its turn gets the
next of those that depend on it, in an order that the seed decides, until there are enough. Left out are packages that
something here was developed on, a package of a source that has given its share, and packages without an ELF object.

Three draws are made: of packages whose calls are counted (``calls.txt``); further ones in the same order, of those
whose source apt hands out whole, to hold calls against sources; and of packages whose uses are looked up (``python -m
tests.accuracy.drawing FOLDER SEED WANTED [SEEN…]``), for which all packages of a source that was looked at are left
out.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
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
_ELF = b"\x7fELF"


class Draw(msgspec.Struct, frozen=True):
    """What is drawn: how many, by which seed, from what depends on which libraries.

    ``seen``: files of names that are left out, with ``sources`` every package of their sources. At most ``of_source``
    packages are of one source, none is larger than ``largest`` bytes.
    """

    seed: int
    wanted: int
    libraries: tuple[str, ...]
    seen: tuple[str, ...]
    of_source: int
    sources: bool = False
    largest: int = 1 << 40


CALLS = Draw(SEED, WANTED, tuple(LIBRARIES), _SEEN, of_source=3)


def of_contexts(seed: int, wanted: int, more_seen: Iterable[str] = ()) -> Draw:
    """The draw of packages whose uses are looked up."""
    libraries = tuple(name for name in LIBRARIES if name != "libqt5network5")
    libraries += (
        "libcurl4",
        "libcurl3-gnutls",
        "libmd0",
        "libmcrypt4",
        "libmhash2",
        "libwolfssl35",
        "libpocofoundation80",
    )
    seen = (*_SEEN, "accuracy/calls.txt", "accuracy/contexts-seen.txt", *more_seen)
    return Draw(seed, wanted, libraries, seen, of_source=1, sources=True, largest=20_000_000)


class _Known(msgspec.Struct, frozen=True):
    """What apt's lists say of a package."""

    source: str
    size: int
    needs: frozenset[str]


def names() -> list[str]:
    """The names in ``calls.txt``."""
    return LIST.read_text().split()


def further() -> list[str]:
    """The names in ``calls-further.txt``."""
    return FURTHER.read_text().split()


def drawn(
    folder: Path, draw: Draw = CALLS, before: Iterable[str] = (), fits: Callable[[str], bool] = lambda source: True
) -> list[str]:
    """Names drawn from what this machine's apt knows; the packages are fetched into the folder to look for ELF objects.

    Those drawn ``before`` are passed over, and so are packages whose source does not fit.
    Raises FileNotFoundError where apt knows no list of packages of main for amd64.
    """
    chosen: list[str] = []
    sources = Counter[str]()
    found = _index()
    passed = set(before)
    seen = {name for file in draw.seen for name in (_TESTS / file).read_text().split()}
    if draw.sources:
        told = {found[name].source for name in seen & found.keys()}
        seen |= {name for name, one in found.items() if one.source in told}
    by_library = {library: sorted(name for name, one in found.items() if library in one.needs and name not in seen)
                  for library in draw.libraries}  # fmt: skip
    for name in _in_turn(by_library, draw.seed):
        known = found[name]
        full = sources[known.source] == draw.of_source or known.size > draw.largest
        if name in passed or name in chosen or full or not fits(known.source):
            continue
        if not _is_readable(folder, name):
            continue
        chosen.append(name)
        sources[known.source] += 1
        if len(chosen) == draw.wanted:
            break
    return sorted(chosen)


def _in_turn(dependents: Mapping[str, Iterable[str]], seed: int) -> Iterator[str]:
    """A name of the dependents of each library, then another of each, as long as there are any."""
    chance = random.Random(seed)
    queues = [sorted(names) for names in dependents.values()]
    for queue in queues:
        chance.shuffle(queue)
    while any(queues):
        yield from (queue.pop() for queue in queues if queue)


def _index() -> dict[str, _Known]:
    """What apt knows of each package."""
    command = ["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages", "Component: main",
               "Label: Debian", "Architecture: amd64", "Codename: bookworm"]  # fmt: skip
    files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if not files:
        raise FileNotFoundError("apt-get knows no list of packages of main for amd64; does `apt-get update` help?")
    found: dict[str, _Known] = {}
    for file in files:
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", file], capture_output=True, check=True).stdout
        for package in Packages.iter_paragraphs(text.splitlines(keepends=True), use_apt_pkg=False):
            name = package["Package"]
            source = package.get("Source", name).split()[0]
            needs = frozenset(str(one["name"]) for group in package.relations["depends"] or () for one in group)
            found[name] = _Known(source, int(package["Size"]), needs)
    return found


def _is_readable(folder: Path, name: str) -> bool:
    """Whether apt still hands the package out, as it may not after an update, and it has an ELF object."""
    try:
        (deb,) = fetched(folder, [name])
    except FileNotFoundError:
        return False
    return _has_elf(deb)


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


if __name__ == "__main__":
    draw = of_contexts(int(sys.argv[2]), int(sys.argv[3]), more_seen=sys.argv[4:])
    print(*drawn(Path(sys.argv[1]), draw), sep="\n")
