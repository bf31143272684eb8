"""The parts of a bug that are never wrapped: the table of places, and the commands that show them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from archscan.bugs.checks import LONGEST_LINE
from archscan.reports.binutils import quoted
from archscan.reports.cells import shown
from archscan.reports.explanation import Shown, extraction, other_commands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from archscan.bugs.material import Found
    from archscan.bugs.places import Place
    from archscan.reports.content import Row

_COLUMNS = ("path", "function", "line", "symbol", "what", "in")
_WIDEST = 120  # characters of a cell
_OBJECTS = 3  # whose commands are shown
_HOST = "x86_64"  # whose commands are shown; others have the same tools under longer names


def cut(value: object, most: int = _WIDEST) -> str:
    """The value as one line that is safe on any screen and in any mail, with a mark where it was too long."""
    text = shown(str(value)[: 4 * most] if isinstance(value, str) else value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def table(found: Sequence[Found]) -> tuple[str, list[str]]:
    """The heading and the rows of all places, each once, whatever the number of packages that have it."""
    where: dict[tuple[str, ...], set[tuple[str, str]]] = defaultdict(set)
    for place in (place for one in found for place in one.places):
        where[_key(place)].add((place.package, place.architecture))
    cells = [(*key, _packages(seen)) for key, seen in sorted(where.items())]
    used = [number for number in range(len(_COLUMNS)) if any(row[number] for row in cells)]
    widths = {number: max(len(row[number]) for row in [_COLUMNS, *cells]) for number in used}
    lines = [_line([row[number] for number in used], [widths[number] for number in used]) for row in [_COLUMNS, *cells]]
    return lines[0], lines[1:]


def _key(place: Place) -> tuple[str, ...]:
    line = f"/{place.line}".removeprefix(f"{place.path}:").removeprefix("/")  # of the file itself: the number says it
    return tuple(cut(value) for value in (place.path, place.function, line, place.symbol, place.what))


def _packages(seen: set[tuple[str, str]]) -> str:
    by_name: dict[str, list[str]] = defaultdict(list)
    for package, architecture in sorted(seen):
        by_name[package].append(architecture)
    return cut(", ".join(f"{name} ({' '.join(all_of)})" for name, all_of in by_name.items()))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    line = "  ".join(f"{cell or '-':{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
    while len(line.encode()) > LONGEST_LINE:
        line = f"{line[: len(line) * 9 // 10]}…"
    return line


def commands(found: Iterable[Found]) -> list[str]:
    """The commands that show the first objects to a reader without archscan; too long ones are left out."""
    lines: dict[str, None] = {}
    seen: set[object] = set()
    for one in found:
        for occurrence in one.occurrences:
            if len(seen) >= _OBJECTS or occurrence["path"] in seen or not occurrence["package"]:
                continue
            seen.add(occurrence["path"])
            lines |= dict.fromkeys(line for line in _of(one.finding, occurrence) if len(line.encode()) <= LONGEST_LINE)
    return list(lines)


def _of(finding: Row, occurrence: Row) -> Iterator[str]:
    package, version, architecture = (str(occurrence[key] or "") for key in ("package", "version", "architecture"))
    file = f"{package}_{version.replace(':', '%3a')}_{architecture}.deb"
    found = Shown(occurrence=occurrence, file=file)
    yield 'cd "$(mktemp -d)"'
    yield f"apt-get download {quoted(f'{package}:{architecture}={version}')}"
    yield from (line for line in extraction(found) if not line.startswith("cd "))
    yield from other_commands(finding, found, _HOST)
