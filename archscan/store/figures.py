"""Figures of all objects at once, as SQL: an index that holds every verdict, and the view that counts from it.

Rows of ``elf`` are kilobytes long, mostly of reasons, so whoever counts verdicts must not read them.
"""

from __future__ import annotations

from archscan.store.columns import LATER
from archscan.store.views import PROTECTIONS

_ALL = (*PROTECTIONS, "relro", *LATER)
_COUNTED = "\nUNION ALL\n".join(
    f"SELECT '{name}' AS feature, architecture, {name} AS verdict, sum(objects) AS objects FROM alike "
    f"GROUP BY architecture, {name}"
    for name in _ALL
)

# Few objects have any, so whoever asks for them need not look at the others.
_UNKNOWN = "\n".join(f"CREATE INDEX elf_unknown_{name} ON elf (id) WHERE {name} = 'unknown';" for name in _ALL)

FIGURES = f"""
CREATE INDEX elf_verdicts ON elf (package_id, {", ".join(_ALL)});
{_UNKNOWN}

-- Objects with the same verdicts are counted together first; there are some hundred kinds of them.
DROP VIEW hardening_summary;
CREATE VIEW hardening_summary AS
WITH alike AS MATERIALIZED (
    SELECT p.architecture, {", ".join(f"e.{name}" for name in _ALL)}, count(*) AS objects
    FROM current_package p CROSS JOIN elf e INDEXED BY elf_verdicts ON e.package_id = p.id
    GROUP BY p.architecture, {", ".join(f"e.{name}" for name in _ALL)}
)
{_COUNTED};
"""
