"""What is printed after a confirmation: each object with what its compile units say, beside what it shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from typing import TextIO

_OBJECTS = """
SELECT o.elf_id, coalesce(p.name, p.filename) AS package, p.version, p.architecture, o.path, o.units, o.debug_file
FROM json_each(?) j
JOIN built_object o ON o.build_id = j.value
JOIN package p ON p.id = o.package_id
ORDER BY package, p.version_key, p.architecture, o.path, p.sha256
"""
_STANDINGS = """
SELECT feature, found, built, standing, units_with, units_without, units_unknown, flag, unit FROM confirmed
WHERE elf_id = ? AND built <> 'n/a' ORDER BY feature
"""
_CALLS = """
SELECT count(*), count(w.line) FROM call_site c JOIN call_place w ON w.call_site_id = c.id WHERE c.elf_id = ?
"""


def write_standings(connection: sqlite3.Connection, build_ids: Sequence[str], out: TextIO) -> None:
    """Print, for each object with one of ``build_ids``, what its units say, and how many calls have lines."""
    for elf_id, package, version, architecture, path, units, file in connection.execute(
        _OBJECTS, (json.dumps(build_ids),)
    ):
        out.write(f"{package} {version} {architecture}: {path}, {units} units in {file}\n")
        out.writelines(f"  {_line(*row)}\n" for row in connection.execute(_STANDINGS, (elf_id,)))
        calls, known = connection.execute(_CALLS, (elf_id,)).fetchone()
        if calls:
            out.write(f"  {'calls':16} {known} of {calls} have a source line: archscan query package-crypto\n")


def _line(
    feature: str, found: str, built: str, standing: str, having: int, without: int, unknown: int, flag: str | None,
    unit: str | None,
) -> str:  # fmt: skip
    total = having + without + unknown
    if without:
        text = f"{without} of {total} units without {flag}" + (f", such as {unit}" if unit else "")
        text += f"; of {unknown} nothing is known" if unknown else ""
    elif unknown:
        text = f"{having} of {total} units with {flag}, of the others nothing is known"
    else:
        text = f"all {total} units with {flag}"
    mark = f" ({standing})" if standing != "open" else ""
    return f"{feature:16} shows {found:8} built {built:8}{mark}: {text}"
