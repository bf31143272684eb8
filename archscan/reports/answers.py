"""Answers as text: an aligned table, JSON or CSV."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from archscan.reports.cells import plain, shown, spreadsheet

if TYPE_CHECKING:
    from typing import TextIO

    from archscan.reports.queries import Answer, Cell

FORMATS = ("table", "json", "csv")


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
    """How many rows were written: fitted to the width of a terminal, else aligned text with every cell whole."""
    rows = list(answer.rows)
    if stream.isatty():
        _write_fitted(answer.columns, rows, stream)
    else:
        _write_aligned(answer.columns, rows, stream)
    return len(rows)


def _numeric(rows: list[tuple[Cell, ...]], column: int) -> bool:
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(isinstance(value, (int, float)) for value in values)


def _write_fitted(columns: tuple[str, ...], rows: list[tuple[Cell, ...]], stream: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        justify = "right" if _numeric(rows, number) else "left"
        table.add_column(Text(shown(column)), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row))
    Console(file=stream, highlight=False).print(table)


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
        stream.write("  ".join(cells).rstrip() + "\n")
