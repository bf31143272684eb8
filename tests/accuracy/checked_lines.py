"""Whether the lines of the source that ``calls-checked.tsv`` names call what the table says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.accuracy.checked_calls import Checked, checked
from tests.accuracy.source_recall import source_of
from tests.accuracy.sources import unpacked_source

_BY = re.compile(r"by (\w+)(?:;|$)")  # at the beginning of a note: the macro that the line has instead of the function
_INNER = ("", "nss")  # where in the source the tree begins


def verified(database: Path, root: Path) -> Iterator[str]:
    """What does not hold, a line each, and how much does.

    The packages of the table are in the database, and their sources below the root, or apt is asked for them.
    """
    counted = Counter[str]()
    known = checked()
    for package in sorted({one.package for one in known}):
        folder = unpacked_source(root, *source_of(database, package))
        for one in (one for one in known if one.package == package):
            found = "no source" if folder is None else state(one, folder)
            counted[found] += 1
            if found not in ("called", "no source"):
                yield f"{one.package} {one.source} {one.symbol}: {found}"
    yield f"{counted.total()} lines: {', '.join(f'{count} {found}' for found, count in counted.most_common())}"


def state(one: Checked, folder: Path) -> str:
    """``called`` if the line of the source calls the function, or a macro that does as the note says; else why not."""
    name, _, number = one.source.rpartition(":")
    files = [file for inner in _INNER if (file := folder / inner / name).is_file()]
    if not files:
        return "no such file"
    lines = files[0].read_text(encoding="utf-8", errors="replace").split("\n")  # not at form feeds
    if int(number) > len(lines):
        return "no such line"
    return "called" if set(re.findall(r"\w+", lines[int(number) - 1])) & set(names_of(one)) else "not called there"


def names_of(one: Checked) -> Sequence[str]:
    """The names under which a line may call a function: its own, before a header changes it, or of a class of C++."""
    names = [one.symbol, one.symbol.removeprefix("nettle_"), one.symbol.removesuffix("_Util")]
    if scope := re.match(r"_ZNK?(\d+)", one.symbol):
        names.append(one.symbol[scope.end() :][: int(scope[1])])
    if by := _BY.match(one.note):
        names.append(by[1])
    return names
