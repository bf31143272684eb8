"""Lines that fit a width: columns beside each other, and a heading beside wrapped text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

_GAP = "  "


def columns(rows: Sequence[Sequence[Text]], right: Iterable[int], width: int, indent: int) -> Iterator[Text]:
    """The rows as aligned lines of at most ``width`` columns, without trailing blanks.

    Columns in ``right`` are aligned to the right. The widest columns give way first, ending in ``…``.
    """
    at_right = set(right)
    natural = [max(cell_len(row[number].plain) for row in rows) for number in range(len(rows[0]))]
    widths = _fitted(natural, width - indent - len(_GAP) * (len(natural) - 1))
    for row in rows:
        line = Text(" " * indent)
        for number, (cell, space) in enumerate(zip(row, widths, strict=True)):
            fitted = cell.copy()
            fitted.truncate(space, overflow="ellipsis")
            blank = " " * (space - cell_len(fitted.plain))
            line.append(_GAP if number else "")
            line.append_text(Text(blank) + fitted if number in at_right else fitted + Text(blank))
        line.rstrip()
        yield line


def _fitted(natural: Sequence[int], available: int) -> list[int]:
    widths = list(natural)
    while sum(widths) > max(available, len(widths)) and max(widths) > 1:
        # The last of the widest: what stands at the end is explanation, what stands before it are names.
        widest = max(range(len(widths)), key=lambda number: (widths[number], number))
        widths[widest] -= 1
    return widths


def section(console: Console, heading: str, lines: Iterable[Text], width: int, indent: int) -> Iterator[Text]:
    """The lines, wrapped to ``width`` behind ``indent`` columns, with the heading before the first."""
    lead = Text(f"{heading:{indent}}", style="bold")
    for line in lines:
        for part in line.wrap(console, max(20, width - indent)):
            part.rstrip()
            yield Text.assemble(lead, part)
            lead = Text(" " * indent)
