"""The lines of a baseline as a database gives them now: facet, package, path, and what is said."""

from __future__ import annotations

import fnmatch
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from archscan.compare import FACETS as COMPARED
from archscan.compare import state
from archscan.errors import NoTargetError
from archscan.model import inert
from archscan.store.views import PROTECTIONS

NO_PATH = "-"
_MOST_TEXT = 4_000  # characters of what is said; more is told by its beginning, its length and its SHA-256
_SHOWN_OF_LONG = 400


class Fact(msgspec.Struct, frozen=True, order=True):
    """One line: ``text`` is what it says of ``path`` in ``package``. ``findings`` are those that it stands for."""

    facet: str
    package: str
    path: str
    text: str
    findings: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The line as the file has it: four words with a blank between; only the last may hold blanks."""
        return f"{self.facet} {self.package} {self.path} {self.text}"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which packages a baseline is about, and what of them: globs on names, of which one must fit where there are any.

    ``facets`` in the order of ``FACETS``; without ``versions``, those of packages are left out.
    """

    suite: str | None = None
    packages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    versions: bool = True


def _compared(name: str) -> tuple[str, ...]:
    """What ``archscan compare`` reads for a facet, as one text of subject and value."""
    return tuple(
        f"SELECT package_id, path_key, subject || iif(value = '', '', ': ' || value), NULL FROM ({_named(facet.sql)})"
        for facet in COMPARED
        if facet.name == name
    )


def _named(sql: str) -> str:
    return f"WITH told (package_id, path_key, subject, value) AS ({sql}) SELECT * FROM told"


# What is less than protected; an object that has everything has no line.
_LACKING = "\nUNION ALL\n".join(
    f"SELECT c.package_id, e.path_key, '{name}: ' || e.{name}, NULL FROM temp.chosen c JOIN elf e USING (package_id)"
    f" WHERE e.{name} IN ('no', 'none', 'partial')"
    for name in (*PROTECTIONS, "relro")
)
_DEFECTS = "\nUNION ALL\n".join(
    f"SELECT c.package_id, e.path_key, '{name}', NULL FROM temp.chosen c JOIN elf e USING (package_id)"
    f" WHERE e.{name} > 0"
    for name in ("textrel", "wx_segments")
)
_USE = "u.algorithm || ' ' || u.role || ' for ' || u.context"

FACETS: Mapping[str, tuple[str, ...]] = {
    "packages": (
        "SELECT c.package_id, NULL, 'package', NULL FROM temp.chosen c",
        # What was not looked at lacks lines for that reason alone: the reviewer has to know.
        """SELECT c.package_id, NULL, 'not read whole: ' || p.status, NULL
        FROM temp.chosen c JOIN package p ON p.id = c.package_id WHERE p.status NOT IN ('complete', 'skipped')""",
        """SELECT c.package_id, NULL, 'not read: ' || k.value, NULL
        FROM temp.chosen c JOIN package p ON p.id = c.package_id JOIN json_each('["elf", "files"]') k
        WHERE NOT instr(',' || p.facts || ',', ',' || k.value || ',')""",
    ),
    "versions": (
        "SELECT c.package_id, NULL, p.version, NULL FROM temp.chosen c JOIN package p ON p.id = c.package_id",
    ),
    # By its own path: two programs whose names differ in a version are two.
    "privileged": (
        """SELECT c.package_id, f.path, f.privilege || coalesce(', of ' || f.owner || ':' || f.grp, '')
        || coalesce(', mode ' || printf('%04o', f.mode & 4095), '')
        || iif(f.privilege_source = 'postinst', ', by the postinst', ''), NULL
        FROM temp.chosen c JOIN file f ON f.package_id = c.package_id WHERE f.privilege IS NOT NULL""",
    ),
    "services": _compared("services"),
    "listeners": _compared("listeners"),
    "sandbox": _compared("sandbox"),
    "confinement": _compared("confinement"),
    "policies": _compared("policies"),
    "settings": _compared("settings"),
    # With the whole digest, unlike what `archscan compare` shows: here nothing else tells two scripts apart.
    "scripts": (
        """SELECT c.package_id, f.path_key, 'hand-written part: ' || iif(m.own_sha256 IS NULL, 'none',
        m.own_lines || ' lines, SHA-256 ' || m.own_sha256), NULL FROM temp.chosen c
        JOIN maintainer_script m ON m.package_id = c.package_id JOIN file f ON f.id = m.file_id""",
    ),
    "keys": (
        """SELECT c.package_id, f.path_key, k.kind || coalesce(': ' || k.detail, ''), NULL
        FROM temp.chosen c JOIN file f ON f.package_id = c.package_id JOIN key_material k ON k.file_id = f.id""",
    ),
    "hardening": (_LACKING, _DEFECTS),
    "crypto": (
        f"""SELECT c.package_id, e.path_key, {_USE}, NULL FROM temp.chosen c
        JOIN elf e ON e.package_id = c.package_id JOIN weak_use u ON u.elf_id = e.id GROUP BY e.id, 3""",
        f"""SELECT c.package_id, f.path_key, {_USE}, NULL FROM temp.chosen c
        JOIN file f ON f.package_id = c.package_id JOIN weak_use u ON u.file_id = f.id GROUP BY f.id, 3""",
    ),
    "components": (
        """SELECT c.package_id, e.path_key, t.ecosystem || ' ' || t.name, NULL FROM temp.chosen c
        JOIN elf e ON e.package_id = c.package_id JOIN component t ON t.elf_id = e.id GROUP BY e.id, 3""",
    ),
    "findings": (
        """SELECT c.package_id, coalesce(e.path_key, f.path_key, o.path), o.severity || ' ' || o.rule_id
        || coalesce(': ' || nullif(g.subject, ''), ''), g.fingerprint
        FROM temp.chosen c JOIN occurrence o ON o.package_id = c.package_id AND NOT o.unchecked
        JOIN finding g ON g.id = o.finding_id
        LEFT JOIN elf e ON e.id = o.elf_id LEFT JOIN file f ON f.id = o.file_id""",
    ),
}
"""What a reviewer wants to see of packages, and the SQL that reads it from the packages of ``temp.chosen``.

A row is a package, a path or NULL, what is said, and the fingerprint of a finding.
"""


def facts(connection: sqlite3.Connection, name: str, selection: Selection) -> tuple[Fact, ...]:
    """The lines of the packages chosen, sorted, each once; what is there more than once says how often.

    ``name`` is that of the database, for errors. Raises NoTargetError where no package is chosen.
    """
    names = dict(_chosen(connection, name, selection))
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (package_id INTEGER PRIMARY KEY)")
    # What `archscan compare` reads is read of the same packages.
    connection.execute("CREATE TEMP VIEW IF NOT EXISTS compared AS SELECT package_id FROM chosen")
    connection.execute("DELETE FROM temp.chosen")
    connection.executemany("INSERT INTO temp.chosen VALUES (?)", [(one,) for one in names])
    wanted = [facet for facet in selection.facets if selection.versions or facet != "versions"]
    return tuple(sorted(line for facet in wanted for line in _lines(facet, _rows(connection, facet), names)))


def _chosen(connection: sqlite3.Connection, name: str, selection: Selection) -> Iterator[tuple[int, str]]:
    """The newest version of each package that fits, with its name as lines have it."""
    sources = dict(connection.execute("SELECT id, source FROM package"))
    found = 0
    for (package, architecture), known in state(connection, name, selection.suite).packages.items():
        if _fits(package, selection.packages) and _fits(sources[known.id] or package, selection.sources):
            found += 1
            yield known.id, _word(":".join(filter(None, (package, architecture))))
    if not found:
        raise NoTargetError(f"{name}: no package is chosen; archscan query packages lists those that were read")


def _fits(name: str, globs: Sequence[str]) -> bool:
    return not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def _rows(connection: sqlite3.Connection, facet: str) -> Iterator[tuple[int, str | None, str, str | None]]:
    for sql in FACETS[facet]:
        yield from connection.execute(sql)


def _lines(
    facet: str, rows: Iterable[tuple[int, str | None, str, str | None]], names: Mapping[int, str]
) -> Iterator[Fact]:
    seen: dict[tuple[str, str, str], list[str | None]] = defaultdict(list)
    for package, path, text, fingerprint in rows:
        seen[names[package], _word(path or NO_PATH), _said(text)].append(fingerprint)
    for (package_name, where, text), marks in seen.items():
        # Paths of lines have no version: a second program at another one must not stand behind the first.
        times = f" ({len(marks)} times)" if len(marks) > 1 else ""
        findings = tuple(sorted({mark for mark in marks if mark is not None}))
        yield Fact(facet, package_name, where, text + times, findings)


def _word(stored: str) -> str:
    r"""A name as a word of the line: blanks are ``\x20``, as in ``model.text``."""
    return inert(stored).replace(" ", r"\x20")


def _said(stored: str) -> str:
    """What is said, to the end of the line; editors remove blanks there."""
    text = inert(str(stored))
    if len(text) > _MOST_TEXT:
        import hashlib

        digest = hashlib.sha256(text.encode()).hexdigest()
        text = f"{text[:_SHOWN_OF_LONG]}… ({len(text)} characters, SHA-256 {digest})"
    if text.endswith(" "):
        text = text[:-1] + r"\x20"
    return r"\x20" + text[1:] if text.startswith(" ") else text
