"""Whether a CSV file is what ``archscan report csv`` writes."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING

from archscan.reports import content
from archscan.reports.cells import spreadsheet as disarmed
from archscan.reports.spreadsheet import COLUMNS
from archscan.reports.verify.content import Faults, Said, check_fingerprint

if TYPE_CHECKING:
    from pathlib import Path

_SHOWN = re.compile(r"\\x[0-9a-f]{2}")
_LARGEST_CELL = 1 << 28


def check(data: bytes, faults: Faults, docs: Path) -> Said:  # noqa: ARG001 - the same for all formats
    """What the rows say; their faults are added to ``faults``."""
    said = Said(fingerprints=set(), occurrences=Counter())
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        faults.add("", f"is not UTF-8 at byte {error.start}")
        return said
    before = csv.field_size_limit(_LARGEST_CELL)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, [])
        if tuple(header[: len(COLUMNS)]) != COLUMNS:
            faults.add("line 1", f"the columns are not {', '.join(COLUMNS)}")
            return said
        for row in reader:
            _check_row(f"line {reader.line_num}", header, row, faults, said)
    except csv.Error as error:
        faults.add(f"line {reader.line_num}", f"is no CSV: {error}")
    finally:
        csv.field_size_limit(before)
    assert said.occurrences is not None
    assert said.fingerprints is not None
    said.checked += [
        "has the columns of archscan, and no cell that a spreadsheet would run",
        f"{said.occurrences.total()} occurrences of {len(said.fingerprints)} findings",
    ]
    return said


def _check_row(place: str, header: list[str], row: list[str], faults: Faults, said: Said) -> None:
    if len(row) != len(header):
        faults.add(place, f"has {len(row)} cells instead of {len(header)}")
        return
    for name, cell in zip(header, row, strict=True):
        if disarmed(cell) != cell:
            faults.add(place, f"{name}: a spreadsheet would run this, or a terminal act on it: {cell[:80]!r}")
    cells = {name: _as_it_was(cell) for name, cell in zip(header, row, strict=True)}
    if cells["severity"] not in content.SEVERITIES:
        faults.add(place, f"{cells['severity']!r} is no severity")
        return
    parts = (cells["family"], cells["source"], cells["path_key"], cells["subject"])
    # What no terminal should get was made visible, and cannot be told from a name that is written so.
    own = Faults() if any(_SHOWN.search(part) for part in parts) else faults
    found = check_fingerprint(place, cells["fingerprint"], parts, own)
    if found and said.fingerprints is not None and said.occurrences is not None:
        said.fingerprints.add(found)
        said.occurrences[cells["severity"]] += 1


def _as_it_was(cell: str) -> str:
    """The text of a cell without the mark before what would be a formula."""
    return cell[1:] if cell.startswith("'") and disarmed(cell[1:]) == cell else cell
