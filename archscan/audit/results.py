"""The questions of an audit, asked of a database."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from archscan.audit.answer import Answer, Result, Table
from archscan.audit.data import Calls, Forms, Libraries
from archscan.audit.subject import Subject

_MOST_SIBLINGS = 6
MOST_ROWS = 2_000  # of evidence for one question
_CALLS = """
SELECT p.name AS package, e.path, group_concat(c.name, ' ') AS calls FROM (
    SELECT DISTINCT i.elf_id, s.name FROM symbol s JOIN imported i ON i.symbol_id = s.id
    WHERE s.name IN ({names})
      AND i.elf_id IN (SELECT e.id FROM elf e JOIN temp.audited a ON a.package_id = e.package_id)
    ORDER BY 1, 2) c
JOIN elf e ON e.id = c.elf_id AND e.kind NOT IN ('debug', 'core') JOIN package p ON p.id = e.package_id
GROUP BY e.id ORDER BY 1, 2"""
_LIBRARIES = """
SELECT p.name AS package, e.path, group_concat(DISTINCT n.soname) AS needs
FROM temp.audited a JOIN package p ON p.id = a.package_id JOIN elf e ON e.package_id = p.id
JOIN needed n ON n.elf_id = e.id JOIN temp.audit_library l ON l.id = ? AND n.soname GLOB l.pattern
GROUP BY e.id ORDER BY 1, 2"""


def results(connection: sqlite3.Connection, subject: Subject, forms: Forms) -> dict[str, Result]:
    """The answer to each question by its name, for the packages that ``subject.chosen`` chose.

    Libraries of a question that is asked of functions, too, are ``NAME-libraries``.
    """
    _fill_libraries(connection, forms.libraries)
    found: dict[str, Result] = {}
    for item in forms.items:
        table = _table(subject, connection.execute(item.query))
        limits = [*filter(None, [item.limits]), *_left_open(found.get(item.doubt))]
        found[item.id] = _result(subject, item.id, item.basis, table, "; ".join(limits))
    for calls in forms.calls:
        names = calls.names()
        sql = _CALLS.format(names=", ".join("?" for _ in names))
        table = _table(subject, connection.execute(sql, names))
        basis = "native" if calls.native else "imports"
        found[calls.id] = _result(subject, calls.id, basis, table, _doubt(connection, calls))
    for libraries in forms.libraries:
        name = f"{libraries.id}-libraries" if libraries.id in found else libraries.id
        table = _table(subject, connection.execute(_LIBRARIES, (libraries.id,)))
        found[name] = _result(subject, name, "needed", table)
    return found


def answered(item: str, answer: Answer, said: str, table: Table) -> Result:
    """A result with its digest."""
    text = "\x1e".join([answer, *("\x1f".join(row) for row in table.rows), str(table.total)])
    return Result(
        item=item,
        answer=answer,
        said=said,
        table=table,
        digest=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16],
    )


def _doubt(connection: sqlite3.Connection, calls: Calls) -> str:
    """What leaves it open whether an object does the same by another way; empty where nothing does."""
    names = calls.doubt.split()
    if not names:
        return ""
    sql = _CALLS.format(names=", ".join("?" for _ in names))
    objects = len(connection.execute(sql, names).fetchall())
    return f"{counted(objects, 'object')} can do it by {' or '.join(names)}" if objects else ""


def _left_open(doubted: Result | None) -> Iterator[str]:
    """What the answer to another question leaves open: the calls it names."""
    if doubted and doubted.table.total:
        called = doubted.table.columns.index("calls")
        names = ", ".join(sorted({row[called] for row in doubted.table.rows})[:_MOST_SIBLINGS])
        yield f"{counted(doubted.table.total, 'call')} may choose one, which nothing here shows ({names})"


def _fill_libraries(connection: sqlite3.Connection, libraries: Iterable[Libraries]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS audit_library (id TEXT NOT NULL, pattern TEXT NOT NULL)")
    connection.execute("DELETE FROM temp.audit_library")
    rows = [(one.id, pattern) for one in libraries for pattern in one.sonames.split()]
    connection.executemany("INSERT INTO temp.audit_library VALUES (?, ?)", rows)


def _table(subject: Subject, cursor: sqlite3.Cursor) -> Table:
    """The rows as text, without the package where there is only one."""
    columns = [name for name, *_ in cursor.description]
    skip = 1 if columns[0] == "package" and len(subject.packages) == 1 else 0
    rows: list[tuple[str, ...]] = []
    total = 0
    for row in cursor:
        total += 1
        if len(rows) < MOST_ROWS:
            rows.append(tuple("" if cell is None else str(cell) for cell in row[skip:]))
    return Table(columns=tuple(columns[skip:]), rows=tuple(rows), total=total)


def _result(subject: Subject, item: str, basis: str, table: Table, limits: str = "") -> Result:
    if table.total:
        return answered(item, Answer.YES, "yes", table)
    because = [*_because(subject, basis), *filter(None, [limits])]
    said = _none(subject, basis)
    if because:
        return answered(item, Answer.UNDECIDED, f"not decidable here: {said}; {'; '.join(because)}", table)
    return answered(item, Answer.NONE, said, table)


def _none(subject: Subject, basis: str) -> str:
    """What "none" rests on."""
    loading = f"{subject.loading} {_verb(subject.loading, 'use')} dlopen"
    loading += f", {subject.raw} {_verb(subject.raw, 'use')} syscall" if subject.raw else ""
    objects = counted(subject.objects, "object")
    match basis:
        case "members" | "files":
            return f"none shipped ({counted(subject.members, 'member')} read)"
        case "scripts":
            return f"none in {counted(subject.control_scripts, 'maintainer script')} read"
        case "objects":
            return f"none in {objects} and {counted(subject.members, 'member')} read"
        case "imports" | "native":
            return f"none seen in the imports of {objects} ({loading})"
        case "needed":
            return f"none seen in the NEEDED of {objects} ({loading})"
    return f"none in the control fields of {counted(len(subject.packages), 'package')}"


def _because(subject: Subject, basis: str) -> Iterator[str]:
    """Why "none" would say more than is known."""
    if basis == "control":
        return
    yield from subject.missing
    if basis in ("files", "scripts") and subject.no_files:
        yield "what files say was not read: scan with --facts elf,files"
    if basis in ("imports", "native", "needed") and subject.untold:
        untold = counted(subject.untold, "object")
        yield f"{untold} of Go or without dynamic linking {_verb(subject.untold, 'tell')} nothing so"
    if basis in ("imports", "needed") and subject.siblings:
        names = ", ".join(subject.siblings[:_MOST_SIBLINGS])
        yield f"{names} of the same version may do it and {'was' if len(subject.siblings) == 1 else 'were'} not read"
    if basis in ("imports", "needed") and subject.scripts:
        yield f"{counted(subject.scripts, 'script')} {_verb(subject.scripts, 'tell')} nothing so"


def counted(number: int, what: str) -> str:
    """The number with its noun: ``1 object``, ``1,414 members``."""
    return f"{number:,} {_plural(number, what)}"


def _plural(number: int, what: str) -> str:
    return what if number == 1 else f"{what}s"


def _verb(number: int, what: str) -> str:
    return f"{what}s" if number == 1 else what


def joined(found: Sequence[Result]) -> tuple[Answer, str]:
    """One answer of several: yes where one says so, none where all do."""
    answers = {one.answer for one in found}
    if Answer.YES in answers:
        return Answer.YES, found[0].said if len(found) == 1 else "yes"
    if Answer.UNDECIDED in answers:
        return Answer.UNDECIDED, next(one.said for one in found if one.answer == Answer.UNDECIDED)
    return Answer.NONE, "; ".join(dict.fromkeys(one.said for one in found))


def of(found: Mapping[str, Result], names: Iterable[str]) -> list[Result]:
    """The results by their names. KeyError for a name that no item has: the data is wrong, and a test says so."""
    return [found[name] for name in names]
