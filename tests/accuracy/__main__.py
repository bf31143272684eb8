"""``python -m tests.accuracy``: how many verdicts are unknown, and all that differ from a peer's, with proofs."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.accuracy import arm64, packages, peers, table
from tests.accuracy.builds import built
from tests.accuracy.differences import differences, paired
from tests.accuracy.ground_truth import Checked, checked
from tests.accuracy.proof import Known, proof
from tests.accuracy.scanned import Object, scanned
from tests.accuracy.statements import Statement, of_checksec, of_hardening_check, of_lintian
from tests.accuracy.unpacked import File, unpacked
from tests.bench.packages import fetched, identities, names
from tests.debug import truth
from tests.debug.source_packages import folder as builds_folder


class Packages(msgspec.Struct, frozen=True):
    """A set of packages: its name, their files, and the log of their build if they were built here."""

    name: str
    debs: list[Path]
    log: Path | None = None


def main() -> None:
    """Print the figures that docs/accuracy.md explains."""
    arguments = _arguments()
    sets = list(_sets(arguments))
    print(f"{datetime.now(UTC):%Y-%m-%d}, {', '.join(peers.versions())}")
    objects: list[Object] = []
    pairs: list[tuple[Statement, Object]] = []
    places: dict[tuple[str, str, str], Path] = {}
    known: dict[Path, Known] = {}
    truths: list[Checked] = []
    for one in sets:
        work = arguments.work / one.name
        found = scanned(one.name, one.debs, work / "archscan.db")
        files = unpacked([deb for deb in one.debs if "-dbgsym_" not in deb.name], work / "unpacked")
        table.heading(one.name, one.debs, files, found)
        places |= {(one.name, file.package, file.path): Path(file.place) for file in files}
        objects += [row for row in found if row.kind != "debug"]
        if one.log:
            beside = truth.objects(one.debs, work / "truth")
            known |= _known(one.log, beside, files)
            truths += [row for pair in beside for row in checked(one.name.removeprefix("built-"), pair)]
        if arguments.peers:
            pairs += paired(_said(one, files, work / "peers"), found)
    table.shares(objects)
    if arguments.peers:
        groups = differences(pairs)
        table.compared(Counter(said.tool for said, _ in pairs), groups)
        table.groups([(group, proof(group, places, known)) for group in groups])
    if truths:
        table.ground_truth("amd64", truths)
        table.ground_truth("arm64", arm64.rows(arguments.work / "arm64"))
    if arguments.identities:
        print(*(line for one in sets for line in identities(one.debs)), sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy")
    parser.add_argument("folders", nargs="*", type=Path, help="folders of packages to look at too")
    parser.add_argument("--bench", type=Path, default=Path("bench-packages"), help="where the benchmark's packages are")
    parser.add_argument("--work", type=Path, default=Path("accuracy-files"), help="where everything else is kept")
    parser.add_argument("--no-trixie", dest="trixie", action="store_false", help="without the packages of Debian 13")
    parser.add_argument("--no-builds", dest="builds", action="store_false", help="without packages that are built here")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="only the shares of unknown verdicts")
    parser.add_argument("--identities", action="store_true", help="print versions and SHA-256 of all packages")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    return arguments


def _sets(arguments: argparse.Namespace) -> Iterator[Packages]:
    yield Packages("bookworm-amd64", [path.resolve() for path in fetched(arguments.bench, names("packages.txt"))])
    for architecture in ("amd64", "arm64") if arguments.trixie else ():
        name = f"trixie-{architecture}"
        yield Packages(name, packages.fetched(arguments.work / name / "packages", architecture))
    for folder in arguments.folders:
        yield Packages(folder.name, sorted(folder.resolve().glob("*.deb")))
    if arguments.builds:
        root = builds_folder()
        for name, debs in built(root).items():
            yield Packages(f"built-{name}", debs, root / name / "log")


def _said(one: Packages, files: Sequence[File], kept: Path) -> Iterable[Statement]:
    debs = [deb for deb in one.debs if "-dbgsym_" not in deb.name]
    print(f"asking the peers about {one.name}", file=sys.stderr)
    yield from of_hardening_check(peers.hardening_check(files, kept), files)
    yield from of_checksec(peers.checksec(files, kept), files)
    yield from of_lintian(peers.lintian(debs, kept), files)


def _known(log: Path, pairs: Sequence[truth.Pair], files: Sequence[File]) -> dict[Path, Known]:
    """The debug files of objects that were built here, by where the objects lie."""
    by_path = {pair.path: pair.debug for pair in pairs}
    return {Path(file.place): Known(by_path[file.path], log) for file in files if file.path in by_path}


if __name__ == "__main__":
    main()
