"""The SHA-256 of a report in a file beside it, in the form of sha256sum(1)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from archscan.errors import ArchscanError
from archscan.reports.output import replaced

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(r"(?P<escaped>\\)?(?P<sha256>[0-9a-f]{64}) [ *](?P<name>.+)")
_LARGEST = 1 << 20  # bytes of a file beside a report


def beside(path: Path) -> Path:
    """Where the hash of the report at ``path`` is kept."""
    return path.with_name(f"{path.name}.sha256")


def write_manifest(path: Path) -> None:
    """Write the hash of the file at ``path`` beside it."""
    name = path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    lead = "\\" if escaped != name else ""
    with replaced(beside(path)) as stream:
        stream.write(f"{lead}{sha256_of(path)}  {escaped}\n")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in hex digits. Raises ArchscanError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArchscanError(f"{path}: cannot be read: {error.strerror}") from error


def fault(path: Path) -> str | None:
    """What is wrong with the report by the file beside it: empty for nothing, None where there is no such file."""
    kept = beside(path)
    if not kept.is_file():
        return None
    if kept.stat().st_size > _LARGEST:
        return f"{kept.name} is too large to be one"
    match = _LINE.match(kept.read_text(encoding="utf-8", errors="replace"))
    if match is None:
        return f"{kept.name}: expected a line of sha256sum: 64 hexadecimal digits, two blanks, a name"
    found = sha256_of(path)
    return "" if found == match["sha256"] else f"{kept.name} says SHA-256 {match['sha256']}, but it is {found}"
