"""The packages that are audited, and how much of them was read."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Collection, Iterator, Sequence

import msgspec

from archscan.errors import NoTargetError, UsageError

_LONGEST_UNPACKED = 256 << 20  # bytes of the list of a package's paths; 500,000 members are the limit of a scan
# What loads code by a name that only its caller knows: its imports are not all that it may call.
_LOADERS = ("dlopen", "dlmopen", "g_module_open", "g_module_open_full", "lt_dlopen", "lt_dlopenext")
# What may open sockets and start processes without an object of the package importing anything: by what was read of
# it, or by its name alone. Maintainer scripts and init scripts are asked about by themselves.
_LANGUAGES = "('python', 'perl', 'php', 'ruby', 'java')"
_BY_NAME = ("*.py", "*.pl", "*.pm", "*.rb", "*.php", "*.js", "*.jar", "*.tcl", "*.lua")
_SCRIPTS = f"""
CREATE TEMP VIEW IF NOT EXISTS audited_script AS
WITH read AS (
    SELECT f.package_id, f.path, coalesce(f.interpreter, f.what) AS interpreter
    FROM temp.audited a JOIN main.file f ON f.package_id = a.package_id
    WHERE f.interpreter IS NOT NULL AND f.what NOT IN ('maintainer-script', 'init') OR f.what IN {_LANGUAGES}
)
SELECT package_id, path, interpreter FROM read
UNION
SELECT t.package_id, t.path, '' FROM temp.audited_path t
WHERE ({" OR ".join(f"t.path GLOB '{pattern}'" for pattern in _BY_NAME)}) AND t.path NOT GLOB 'usr/share/doc/*'
  AND NOT EXISTS (SELECT 1 FROM read r WHERE r.package_id = t.package_id AND r.path = t.path)
"""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A package that is audited."""

    id: int
    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    filename: str
    homepage: str


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is audited, and what "none" rests on.

    ``members`` of the archives, ELF ``objects``, of which ``loading`` load code by name, ``raw`` ask the kernel by
    number, and ``untold`` import nothing though they call something (static, Go); ``scripts`` that are no maintainer
    scripts, ``control_scripts`` that are. ``missing`` are sentences about what was not read, ``siblings`` packages of
    the same version that these depend on and that were not read, ``no_files`` whether what files say was not asked for.
    """

    packages: tuple[Known, ...]
    held: tuple[str, ...]
    members: int
    objects: int
    loading: int
    raw: int
    untold: int
    scripts: int
    control_scripts: int
    missing: tuple[str, ...]
    siblings: tuple[str, ...]
    no_files: bool

    @property
    def source(self) -> str:
        """The source package, or several with commas."""
        return ", ".join(dict.fromkeys(one.source for one in self.packages))

    @property
    def version(self) -> str:
        """Its version, or several with commas."""
        return ", ".join(dict.fromkeys(one.source_version for one in self.packages))


def chosen(connection: sqlite3.Connection, ids: Collection[int], promoted: Sequence[str] = ()) -> Subject:
    """The packages with these numbers, or those of them that are ``promoted``.

    Fills what questions ask: ``audited``, ``audited_path`` and ``audited_script``, all of the schema ``temp``. Raises
    NoTargetError where there is none, UsageError for a promoted one that is not among them.
    """
    found = list(_known(connection, ids))
    if not found:
        raise NoTargetError("no package to audit: nothing that was named could be read as one")
    names = sorted({one.name for one in found})
    if unknown := sorted({*promoted} - {*names}):
        raise UsageError(f"--promote {unknown[0]}: not among the binaries that were read: {', '.join(names)}")
    packages = tuple(one for one in found if not promoted or one.name in promoted)
    held = tuple(name for name in names if promoted and name not in promoted)
    _fill(connection, packages)
    return _measured(connection, packages, held)


def _known(connection: sqlite3.Connection, ids: Collection[int]) -> Iterator[Known]:
    marks = ", ".join("?" for _ in ids)
    sql = (
        "SELECT id, coalesce(name, filename), coalesce(version, ''), coalesce(architecture, ''), "
        "coalesce(source, name, ''), coalesce(source_version, version, ''), filename, "
        "coalesce(json_extract(control, '$.Homepage'), 'TBD') "
        f"FROM package WHERE id IN ({marks}) ORDER BY source, name, architecture, version_key"
    )
    for row in connection.execute(sql, tuple(ids)):
        yield Known(**dict(zip(Known.__struct_fields__, row, strict=True)))


def _fill(connection: sqlite3.Connection, packages: Sequence[Known]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS audited (package_id INTEGER PRIMARY KEY)")
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS audited_path (package_id INTEGER NOT NULL, path TEXT NOT NULL, "
        "PRIMARY KEY (package_id, path)) WITHOUT ROWID"
    )
    connection.execute(_SCRIPTS)
    connection.execute("DELETE FROM temp.audited")
    connection.execute("DELETE FROM temp.audited_path")
    for one in packages:
        connection.execute("INSERT INTO temp.audited VALUES (?)", (one.id,))
        row = connection.execute("SELECT paths FROM contents WHERE package_id = ?", (one.id,)).fetchone()
        paths = zlib.decompressobj().decompress(row[0], _LONGEST_UNPACKED).decode("utf-8", "replace") if row else ""
        connection.executemany(
            "INSERT OR IGNORE INTO temp.audited_path VALUES (?, ?)",
            ((one.id, path) for path in paths.split("\n") if path),
        )


def _measured(connection: sqlite3.Connection, packages: tuple[Known, ...], held: tuple[str, ...]) -> Subject:
    def count(sql: str) -> int:
        return int(connection.execute(sql).fetchone()[0] or 0)

    loaders = ", ".join(f"'{name}'" for name in _LOADERS)
    objects = "temp.audited a JOIN elf e ON e.package_id = a.package_id AND e.kind NOT IN ('debug', 'core')"
    importing = (
        f"SELECT count(*) FROM {objects} WHERE EXISTS (SELECT 1 FROM imported i "
        "JOIN symbol s ON s.id = i.symbol_id WHERE i.elf_id = e.id AND s.name IN ({}))"
    )
    return Subject(
        packages=packages,
        held=held,
        members=count("SELECT sum(members) FROM contents WHERE package_id IN temp.audited"),
        objects=count(f"SELECT count(*) FROM {objects}"),
        loading=count(importing.format(loaders)),
        raw=count(importing.format("'syscall'")),
        untold=count(
            f"SELECT count(*) FROM {objects} "
            "WHERE e.kind IN ('static-executable', 'static-pie', 'firmware') OR e.language = 'go'"
        ),
        scripts=count("SELECT count(*) FROM (SELECT DISTINCT package_id, path FROM temp.audited_script)"),
        control_scripts=count("SELECT count(*) FROM maintainer_script WHERE package_id IN temp.audited"),
        missing=tuple(_missing(connection)),
        siblings=tuple(_siblings(connection)),
        no_files=count("SELECT count(*) FROM package WHERE id IN temp.audited AND facts NOT LIKE '%files%'") > 0,
    )


def _missing(connection: sqlite3.Connection) -> Iterator[str]:
    """A sentence for each package of which something was not read."""
    sql = (
        "SELECT coalesce(p.name, p.filename), p.status, p.unread, "
        "(SELECT group_concat(coalesce(r.path || ': ', '') || r.message, '; ') FROM (SELECT * FROM problem "
        "WHERE package_id = p.id ORDER BY id DESC LIMIT 3) r) FROM package p WHERE p.id IN temp.audited ORDER BY 1"
    )
    for name, status, unread, problems in connection.execute(sql):
        if status in ("partial", "unreadable"):
            yield f"{name} was not read whole: {problems or status}"
        elif unread is not None:
            yield f"{name} was not unpacked whole ({unread}): scan it with --thorough"


def _siblings(connection: sqlite3.Connection) -> Iterator[str]:
    """Packages that the audited ones depend on in exactly their own version: parts of the same source."""
    sql = (
        "SELECT DISTINCT r.name FROM temp.audited a JOIN package p ON p.id = a.package_id "
        "JOIN relation r ON r.package_id = p.id AND r.kind IN ('depends', 'pre-depends') AND r.op = '=' "
        "AND r.version = p.version WHERE r.name NOT IN (SELECT q.name FROM temp.audited b "
        "JOIN package q ON q.id = b.package_id) ORDER BY 1"
    )
    yield from (name for (name,) in connection.execute(sql))
