"""``python -m tests.bench.whole_archive``: what is missed, and what is saved, by not unpacking what cannot matter.

A thousand packages of main/amd64 of Debian 12, drawn by a seed, so that ``Architecture: all`` has its natural share.
They are fetched, read and deleted in slices. Of each slice, in turn, CPU time of ``dpkg-deb --fsys-tarfile``, of a scan
as it is, and of a thorough one; then the two databases are held against each other: what the thorough scan alone found
was missed.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from debian.deb822 import Packages

from archscan.cli.data import rule_directories
from archscan.deb.candidates import Candidates, load_kinds, wanted
from tests.bench.cost import Cost, cost

SEED = 20261129
WANTED = 1000
LARGEST = 400_000_000  # bytes; so that a slice fits a disk
_SLICE = 250
_ARCHSCAN = [sys.executable, "-m", "archscan", "scan", "-q", "--jobs", "1"]
_ENDING = re.compile(r"\.[a-z][^./]*$")

# What the thorough scan found, one row each, with the package it is in.
_FOUND = {
    "ELF objects": "SELECT p.sha256, e.path FROM elf e JOIN package p ON p.id = e.package_id",
    "privileged files": "SELECT p.sha256, f.path FROM file f JOIN package p ON p.id = f.package_id "
    "WHERE f.privilege IS NOT NULL",
    "findings": "SELECT p.sha256, o.path || ' ' || o.rule_id FROM occurrence o JOIN package p ON p.id = o.package_id",
    "nested archives": "SELECT p.sha256, f.path FROM file f JOIN package p ON p.id = f.package_id "
    "WHERE f.kind = 'archive'",
}


class Stanza(msgspec.Struct, frozen=True):
    """A package as the index has it."""

    name: str
    version: str
    architecture: str
    size: int


class Totals(msgspec.Struct):
    """What was counted of all slices."""

    packages: int = 0
    bytes: int = 0
    unpacking: float = 0.0
    usual: float = 0.0
    thorough: float = 0.0
    found: Counter[str] = msgspec.field(default_factory=Counter)
    missed: list[str] = msgspec.field(default_factory=list)
    unread: Counter[tuple[str, str, str]] = msgspec.field(default_factory=Counter)
    unread_bytes: Counter[tuple[str, str, str]] = msgspec.field(default_factory=Counter)
    passed_over: Counter[str] = msgspec.field(default_factory=Counter)
    different: int = 0


def main() -> None:
    """Print the figures that docs/decisions/0019-what-is-not-unpacked.md explains."""
    arguments = _arguments()
    index = sorted(_index(), key=lambda one: (one.name, one.version))
    chosen = [one for one in index if one.size <= arguments.largest]
    random.Random(arguments.seed).shuffle(chosen)
    chosen = chosen[: arguments.wanted]
    _introduce(index, chosen, arguments)
    candidates = wanted(load_kinds(rule_directories(())), ["elf"])
    totals = Totals()
    for start in range(0, len(chosen), arguments.slice):
        folder = arguments.folder / f"slice-{start}"
        debs = _fetched(folder, chosen[start : start + arguments.slice])
        with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
            _measure(debs, Path(scratch), totals, candidates)
        shutil.rmtree(folder)
        said = f"{totals.packages:5} packages, {totals.bytes / 1e6:7.0f} MB, missed {len(totals.missed)}"
        print(f"{said}: {_ratios(totals)}", flush=True)
    _conclude(totals)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.whole_archive")
    parser.add_argument("--folder", type=Path, default=Path("whole-archive"), help="where a slice is kept meanwhile")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--wanted", type=int, default=WANTED)
    parser.add_argument("--slice", type=int, default=_SLICE, help="packages on the disk at once")
    parser.add_argument("--largest", type=int, default=LARGEST, help="bytes; larger packages are not drawn")
    return parser.parse_args()


def _index() -> Iterator[Stanza]:
    """What apt's lists say of main/amd64 of Debian 12, without updates: the natural share of everything."""
    command = ["apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages", "Component: main",
               "Label: Debian", "Architecture: amd64", "Codename: bookworm"]  # fmt: skip
    files = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if not files:
        raise SystemExit("apt-get knows no list of packages of main for amd64; does `apt-get update` help?")
    text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", files[0]], capture_output=True, check=True).stdout
    for one in Packages.iter_paragraphs(text.splitlines(keepends=True), use_apt_pkg=False):
        yield Stanza(one["Package"], one["Version"], one["Architecture"], int(one["Size"]))


def _introduce(index: Sequence[Stanza], chosen: Sequence[Stanza], arguments: argparse.Namespace) -> None:
    left = [one for one in index if one.size > arguments.largest]
    print(f"index: {len(index):,} packages, {_size(index)}; of these Architecture: all {_all(index)}")
    print(f"not drawn, as larger than {arguments.largest / 1e6:.0f} MB: {len(left)} packages, {_size(left)}")
    print(f"drawn by seed {arguments.seed}: {len(chosen):,}, {_size(chosen)}; Architecture: all {_all(chosen)}")


def _size(stanzas: Sequence[Stanza]) -> str:
    return f"{sum(one.size for one in stanzas) / 1e6:,.0f} MB"


def _all(stanzas: Sequence[Stanza]) -> str:
    of_all = [one for one in stanzas if one.architecture == "all"]
    return f"{len(of_all):,} packages, {_size(of_all)}"


def _fetched(folder: Path, stanzas: Sequence[Stanza]) -> list[Path]:
    """The packages, in the order of their names; what apt does not hand out any more is left out, and said."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(stanzas), 50):
        names = [f"{one.name}={one.version}" for one in stanzas[start : start + 50]]
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *names]
        subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL)
    debs = sorted(folder.glob("*.deb"))
    if len(debs) < len(stanzas):
        print(f"{len(stanzas) - len(debs)} packages could not be downloaded")
    return debs


def _measure(debs: Sequence[Path], scratch: Path, totals: Totals, candidates: Candidates) -> None:
    script = scratch / "unpack.sh"
    script.write_text("for deb; do dpkg-deb --fsys-tarfile $deb; done\n")
    totals.packages += len(debs)
    totals.bytes += sum(deb.stat().st_size for deb in debs)
    totals.unpacking += cost(["sh", str(script), *map(str, debs)]).cpu
    totals.usual += _scanned(debs, scratch / "usual.db").cpu
    totals.thorough += _scanned(debs, scratch / "thorough.db", "--thorough").cpu
    for deb in debs:
        totals.passed_over.update(_passed_over(deb, candidates))
    with closing(sqlite3.connect(scratch / "usual.db")) as usual:
        _compare(usual, scratch / "thorough.db", totals)


def _scanned(debs: Sequence[Path], database: Path, *more: str) -> Cost:
    found = cost([*_ARCHSCAN, "--db", str(database), *more, "-"], stdin="\n".join(map(str, debs)).encode())
    if found.code not in (0, 11):
        raise SystemExit(f"archscan scan ended with {found.code}")
    return found


def _compare(usual: sqlite3.Connection, thorough: Path, totals: Totals) -> None:
    names = dict(usual.execute("SELECT sha256, filename FROM package"))
    with closing(sqlite3.connect(thorough)) as whole:
        for what, query in _FOUND.items():
            here, there = Counter(usual.execute(query)), Counter(whole.execute(query))
            totals.found[what] += sum(there.values())
            totals.different += sum((here - there).values())
            totals.missed += [f"{what}: {names[sha256]}: {path}" for sha256, path in sorted((there - here).elements())]
    rows = usual.execute(
        "SELECT unread, status, iif(architecture = 'all', 'all', 'amd64'), count(*), sum(size) FROM package "
        "WHERE unread IS NOT NULL GROUP BY 1, 2, 3"
    )
    for reason, status, architecture, packages, size in rows:
        totals.unread[reason, status, architecture] += packages
        totals.unread_bytes[reason, status, architecture] += size


def _passed_over(deb: Path, candidates: Candidates) -> Iterator[str]:
    """The endings of the files that the package lists where no candidate can be; empty for a name without one."""
    listed = subprocess.run(["dpkg-deb", "--info", deb, "md5sums"], capture_output=True, check=False).stdout
    for line in listed.decode(errors="replace").splitlines():
        path = line[34:]
        if path and not candidates.has(path):
            found = _ENDING.search(path.lower())
            yield found.group() if found else ""


def _ratios(totals: Totals) -> str:
    floor = totals.unpacking
    return (
        f"dpkg-deb {floor:.1f} s CPU, scan {totals.usual:.1f} s = {totals.usual / floor:.2f} x, "
        f"--thorough {totals.thorough:.1f} s = {totals.thorough / floor:.2f} x"
    )


def _conclude(totals: Totals) -> None:
    print(f"\n{totals.packages:,} packages, {totals.bytes / 1e6:,.0f} MB: {_ratios(totals)}\n")
    for key, packages in sorted(totals.unread.items()):
        print(f"{' '.join(key):40} {packages:5} packages {totals.unread_bytes[key] / 1e6:9.1f} MB")
    print(f"\nfiles where no candidate can be: {sum(totals.passed_over.values()):,}, by ending: ", end="")
    print(", ".join(f"{ending or 'none'} {count:,}" for ending, count in totals.passed_over.most_common(25)))
    print("\nfound by the thorough scan: " + ", ".join(f"{count:,} {what}" for what, count in totals.found.items()))
    print(f"found by the other alone: {totals.different}")
    missed = Counter(line.partition(":")[0] for line in totals.missed)
    print("missed: " + ", ".join(f"{missed[what]:,} {what}" for what in _FOUND))
    for line in totals.missed[:100]:
        print(f"  {line}")


if __name__ == "__main__":
    main()
