"""``python -m tests.accuracy.calls``: of how many calls of crypto libraries it is known what they select.

The packages of the benchmark and those of ``calls.txt`` are scanned into a fresh database, for two processors; those of
``calls-further.txt`` into another, to hold calls against their source.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from archscan.crypto.catalogue import load
from tests.accuracy import call_recall, call_rows, checked_calls, checked_lines, drawing, packages, source_recall
from tests.accuracy.call_rows import Row
from tests.accuracy.scanned import scanned
from tests.accuracy.sources import unpacked_source
from tests.accuracy.unpacked import unpacked
from tests.bench.packages import fetched, identities
from tests.bench.packages import names as bench_names

_RELEASE = "bookworm"


def main() -> None:
    """Print the figures that docs/accuracy.md explains, or do what an option says instead."""
    arguments = _arguments()
    if arguments.draw:
        print(*drawing.drawn(arguments.work / "amd64"), sep="\n")
        return
    if arguments.draw_further:
        print(*_further_drawn(arguments.work), sep="\n")
        return
    if arguments.verify:
        result = checked_calls.verify(arguments.work)
        if arguments.lines:
            print(*checked_lines.verified(arguments.work / "checked.db", arguments.work / "sources"), sep="\n")
        sys.exit(result)
    if arguments.sample or arguments.in_source:
        print(*(_in_source(arguments) if arguments.in_source else _sample(arguments)), sep="\n")
        return
    if arguments.further:
        found = _rows(arguments.work / "further.db", _further(arguments.work), again=arguments.again)
        print(*call_rows.shares(found), "", *call_rows.reasons(found), sep="\n")
        return
    sets = {"amd64": _amd64(arguments)} | ({"arm64": _arm64(arguments)} if arguments.arm64 else {})
    if arguments.identities:
        print(*(line for debs in sets.values() for line in identities(debs)), sep="\n")
    of_sets = {name: _rows(arguments.work / f"{name}.db", debs, again=arguments.again) for name, debs in sets.items()}
    if arguments.recall:
        for name, debs in sets.items():
            print(f"\n## {name}\n", *_recall(name, debs, arguments.work), sep="\n")
        return
    print(
        f"{datetime.now(UTC):%Y-%m-%d}", *(f"{len(debs)} packages for {name}" for name, debs in sets.items()), sep=", "
    )
    drawn = set(drawing.names())
    for title, names in (("All packages", None), ("The packages that were drawn", drawn)):
        some = [one for every in of_sets.values() for one in every if names is None or one.package in names]
        print(f"\n## {title}\n", *call_rows.shares(some), "", *call_rows.reasons(some), sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.calls")
    parser.add_argument("--bench", type=Path, default=Path("bench-packages"), help="where the benchmark's packages are")
    parser.add_argument("--work", type=Path, default=Path("accuracy-files/calls"), help="where everything else is kept")
    parser.add_argument("--no-arm64", dest="arm64", action="store_false", help="without the packages for arm64")
    parser.add_argument("--again", action="store_true", help="use the databases of the last run")
    parser.add_argument("--identities", action="store_true", help="print versions and SHA-256 of all packages")
    parser.add_argument("--draw", action="store_true", help="draw the packages anew and print their names")
    parser.add_argument("--recall", action="store_true", help="look for calls that objdump shows and archscan does not")
    parser.add_argument("--further", action="store_true", help="print the figures of the further packages instead")
    parser.add_argument("--draw-further", action="store_true", help="the same for those whose sources apt hands out")
    parser.add_argument("--in-source", action="store_true", help="look for calls that stand in the source")
    parser.add_argument("--sample", type=int, default=0, help="print so many calls to be checked, less those that are")
    parser.add_argument("--outcomes", nargs="*", default=checked_calls.SURE, help="of the sample")
    parser.add_argument(
        "--of", nargs="*", default=(), help="packages that the sample is of, instead of those of calls-sampled.txt"
    )
    parser.add_argument("--seed", type=int, default=drawing.SEED, help="of the sample")
    parser.add_argument("--verify", action="store_true", help="only look whether calls-checked.tsv still holds")
    parser.add_argument("--lines", action="store_true", help="with --verify: and whether its lines call what it says")
    arguments = parser.parse_args()
    arguments.work = arguments.work.resolve()
    return arguments


def _rows(database: Path, debs: Sequence[Path], *, again: bool) -> list[Row]:
    """The calls in packages, which are scanned before, unless those of the last run are used again."""
    if not again or not database.exists():
        scanned(database.stem, debs, database)
    return call_rows.rows(database)


def _further(work: Path) -> list[Path]:
    return fetched(work / "further", drawing.further())


def _amd64(arguments: argparse.Namespace) -> list[Path]:
    drawn = fetched(arguments.work / "amd64", drawing.names())
    return [path.resolve() for path in (*fetched(arguments.bench, bench_names("packages.txt")), *drawn)]


def _arm64(arguments: argparse.Namespace) -> list[Path]:
    """The same names, as far as arm64 has them; without those of the benchmark that hold no ELF object."""
    wanted = [*packages.names(), *drawing.names()]
    return packages.fetched(arguments.work / "arm64", "arm64", wanted, release=_RELEASE, all_of=False)


def _further_drawn(work: Path) -> list[str]:
    return drawing.drawn(
        work / "further",
        before=drawing.names(),
        fits=lambda source: unpacked_source(work / "sources", source) is not None,
    )


def _databases(arguments: argparse.Namespace) -> dict[Path, list[Path]]:
    """Database → packages for amd64 in it: those that are counted, and the further ones."""
    sets = {
        arguments.work / "amd64.db": _amd64(arguments),
        arguments.work / "further.db": _further(arguments.work),
    }
    for database, debs in sets.items():
        if not arguments.again or not database.exists():
            scanned(database.stem, debs, database)
    return sets


def _sample(arguments: argparse.Namespace) -> Iterator[str]:
    """Calls to be checked, of packages whose source apt hands out, or upstream's part of it."""
    of = arguments.of or checked_calls.sampled()
    found = [one for database in _databases(arguments) for one in call_rows.rows(database) if one.package in of]
    yield from checked_calls.sample(
        found, arguments.sample, arguments.seed, arguments.outcomes, checked_calls.checked()
    )


def _in_source(arguments: argparse.Namespace) -> Iterator[str]:
    """What the sources of the packages of ``calls-in-source.txt`` call."""
    wanted = load(call_rows.RULES).index
    found: list[source_recall.Compared] = []
    for database, debs in _databases(arguments).items():
        for deb in debs:
            name = deb.name.partition("_")[0]
            if name not in source_recall.packages():
                continue
            folder = unpacked_source(arguments.work / "sources", *source_recall.source_of(database, name))
            if folder is None:
                print(f"{name}: apt does not hand out its source in that version", file=sys.stderr)
                continue
            files = unpacked([deb], arguments.work / "unpacked")
            found += source_recall.compared(database, files, folder, wanted, source_recall.packages()[name])
    yield from source_recall.table(found, source_recall.causes())


def _recall(name: str, debs: Sequence[Path], work: Path) -> Iterator[str]:
    """What objdump shows of the objects of the packages that were drawn."""
    database, wanted = work / f"{name}.db", load(call_rows.RULES).index
    drawn = [deb for deb in debs if deb.name.partition("_")[0] in drawing.names()]
    objects = call_recall.importing(database, wanted)
    files = [
        file
        for file in unpacked(drawn, work / f"{name}-unpacked")
        if (file.package.partition("_")[0], file.path) in objects
    ]
    yield from call_recall.table(list(call_recall.shown(files, name, wanted)), call_recall.with_rows(database))


if __name__ == "__main__":
    main()
