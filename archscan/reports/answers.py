"""Answers as text: an aligned table, JSON or CSV."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from archscan.reports.cells import plain, shown, spreadsheet

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console

    from archscan.reports.queries import Answer, Cell

FORMATS = ("table", "json", "csv")
_GAP = "  "
_FOLDED = 12  # columns in which a long name can still be read when it is folded


def write(answer: Answer, stream: TextIO, form: str) -> int:
    """How many rows were written to ``stream`` in one of ``FORMATS``."""
    return {"table": write_table, "json": write_json, "csv": write_csv}[form](answer, stream)


def write_json(answer: Answer, stream: TextIO) -> int:
    """How many rows were written, as one JSON array of objects, an object a line."""
    count = 0
    for row in answer.rows:
        text = json.dumps(dict(zip(answer.columns, map(plain, row), strict=True)), ensure_ascii=False, allow_nan=False)
        stream.write(("[\n" if count == 0 else ",\n") + text)
        count += 1
    stream.write("\n]\n" if count else "[]\n")
    return count


def write_csv(answer: Answer, stream: TextIO) -> int:
    """How many rows were written after the header line; formulas are disarmed, see ``cells.spreadsheet``."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([spreadsheet(column) for column in answer.columns])
    count = 0
    for row in answer.rows:
        writer.writerow([spreadsheet(value) for value in row])
        count += 1
    return count


def write_table(answer: Answer, stream: TextIO) -> int:
    """How many rows were written: fitted to the width of a terminal, else aligned text with every cell whole.

    On a terminal that is too narrow for the columns each row is a block of lines, a column a line.
    """
    from rich.console import Console

    rows = list(answer.rows)
    if not stream.isatty():
        _write_aligned(answer.columns, rows, stream)
        return len(rows)
    console = Console(file=stream, highlight=False)
    if rows and _least(answer.columns, rows) > console.width:
        _write_blocks(answer.columns, rows, console)
    else:
        _write_fitted(answer.columns, rows, console)
    return len(rows)


def _least(columns: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> int:
    """The least width of a terminal in which the columns can be read: whole, or folded where they are wide."""
    from rich.cells import cell_len

    widest = (max(cell_len(shown(row[number])) for row in rows) for number in range(len(columns)))
    needed = (min(width, _FOLDED) for width in widest)
    return sum(max(width, cell_len(shown(column))) for width, column in zip(needed, columns, strict=True)) + (
        len(_GAP) * (len(columns) - 1)
    )


def _numeric(rows: list[tuple[Cell, ...]], column: int) -> bool:
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(isinstance(value, (int, float)) for value in values)


def _write_blocks(columns: tuple[str, ...], rows: list[tuple[Cell, ...]], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    for number, row in enumerate(rows):
        block = Table(box=None, show_header=False, pad_edge=False, padding=(0, len(_GAP), 0, 0))
        block.add_column(style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for column, value in zip(columns, row, strict=True):
            block.add_row(Text(shown(column)), Text(shown(value)))
        if number:
            console.print()
        console.print(block)


def _write_fitted(columns: tuple[str, ...], rows: list[tuple[Cell, ...]], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, len(_GAP), 0, 0))
    for number, column in enumerate(columns):
        justify = "right" if _numeric(rows, number) else "left"
        table.add_column(Text(shown(column)), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row))
    console.print(table)


def _write_aligned(columns: tuple[str, ...], rows: list[tuple[Cell, ...]], stream: TextIO) -> None:
    from rich.cells import cell_len

    lines = [[shown(column) for column in columns], *([shown(value) for value in row] for row in rows)]
    widths = [max(cell_len(line[number]) for line in lines) for number in range(len(columns))]
    right = [_numeric(rows, number) for number in range(len(columns))]
    for line in lines:
        cells = []
        for cell, width, at_right in zip(line, widths, right, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if at_right else cell + space)
        stream.write(_GAP.join(cells).rstrip() + "\n")
