"""``archscan report --verify``: whether a report that was written is what it should be.

Its form is held against the schema of the format, its references against what they name, its fingerprints against what
they are made of, its totals against its content, its SHA-256 against the file beside it, and with a database its
content against that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.errors import ArchscanError, UsageError
from archscan.reports import manifest
from archscan.reports.verify import bill, document, junit, sarif, spreadsheet
from archscan.reports.verify.content import Faults, Said
from archscan.reports.verify.reading import json_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archscan.reports.selection import Selection

LARGEST = 2 << 30  # bytes of a report; it is held in memory as a whole, three to ten times as large
_CHECKS: dict[str, Callable[[bytes, Faults, Path], Said]] = {
    "json": document.check,
    "jsonl": document.check_lines,
    "csv": spreadsheet.check,
    "sarif": sarif.check,
    "junit": junit.check,
    "cyclonedx": bill.check,
}


class Verified(msgspec.Struct, frozen=True):
    """What was found: nothing wrong where ``faults`` is empty; ``checked`` says what that is worth."""

    form: str
    faults: tuple[str, ...]
    checked: tuple[str, ...]


def verified(path: Path, db: Path | None, selection: Selection, docs: Path) -> Verified:
    """What is wrong with the report at ``path``, each fault with its place.

    ``selection`` is for reports that do not say what they were narrowed to; ``docs`` holds our own schemas. Raises
    ArchscanError where the file cannot be read or its format is not known, UsageError where packages for checking it
    are missing.
    """
    data = _read(path)
    form = _form(path, data)
    if form not in _CHECKS:
        raise UsageError(f"{path}: {form} is for people; --verify reads {', '.join(_CHECKS)}")
    faults = Faults()
    said = _CHECKS[form](data, faults, docs)
    checked = list(said.checked)
    hashed = manifest.fault(path)
    if hashed:
        faults.add("", hashed)
    checked.append("SHA-256 agrees" if hashed is not None else f"no {manifest.beside(path).name}")
    if db is not None and not faults.any:
        from archscan.reports.verify.against import compare

        checked.append(compare(db, said, selection, faults))
    return Verified(form, faults.told(), tuple(checked))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise ArchscanError(f"{path}: is larger than {LARGEST >> 30} GiB; verify parts of it (--source, --package)")
        return path.read_bytes()
    except OSError as error:
        raise ArchscanError(f"{path}: cannot be read: {error.strerror}") from error


def _form(path: Path, data: bytes) -> str:
    """The format of a report, by how it begins."""
    start = data[:4096].lstrip()
    if start.startswith(b"<"):
        return "html" if b"<!DOCTYPE html" in start[:100] else "junit"
    if start.startswith(b"severity,"):
        return "csv"
    if start.startswith(b"{"):
        if b'"bomFormat"' in start:
            return "cyclonedx"
        if b'"archscan-report/' in start:
            return "json"
        if b'"fingerprint":' in start.partition(b"\n")[0] or b'"severity":' in start[:20]:
            return "jsonl"
        whole = json_value(data, Faults())
        if isinstance(whole, dict):
            return "cyclonedx" if "bomFormat" in whole else "sarif" if "runs" in whole else "json"
    if not start and path.suffix in (".jsonl", ".ndjson"):
        return "jsonl"
    if not start:
        raise ArchscanError(
            f"{path}: is empty; only a file that ends in .jsonl may be, and says that nothing was found"
        )
    raise ArchscanError(f"{path}: is no report of archscan that can be checked: {', '.join(_CHECKS)}")
