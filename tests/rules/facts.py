"""Facts put into a database by hand, as a writer would: enough of a package for rules to judge."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlite_utils

from archscan.rules.load import Example, Rule, RuleBook
from archscan.store.schema import migrate

HARDENED: dict[str, Any] = {
    "kind": "pie",
    "machine": "x86_64",
    "bits": 64,
    "endian": "little",
    "language": "c",
    "stripped": 1,
    **dict.fromkeys(("pie", "bind_now", "stack_protector", "fortify", "nx"), "yes"),
    **dict.fromkeys(("stack_clash", "ibt_compiled", "bti_compiled", "pac_compiled"), "unknown"),
    **dict.fromkeys(("ibt_marked", "shstk_marked", "bti_marked", "pac_marked"), "n/a"),
    **dict.fromkeys(("separate_code", "clang_cfi", "safe_stack", "glibcxx_assertions"), "n/a"),
    "relro": "full",
    "textrel": 0,
    "wx_segments": 0,
    "fortified_calls": 1,
    "fortifiable_calls": 0,
    "reasons": "{}",
}


class Object(msgspec.Struct, frozen=True, kw_only=True):
    path: str = "usr/bin/tool"
    path_key: str | None = None
    columns: Mapping[str, Any] = {}
    needed: tuple[str, ...] = ("libc.so.6",)
    imports: tuple[str, ...] = ()
    uses: tuple[tuple[str, str], ...] = ()  # algorithm, symbol
    calls: tuple[Mapping[str, Any], ...] = ()  # columns of uses that calls show
    copies: tuple[tuple[str, str], ...] = ()  # algorithm and role of implementations inside
    privilege: str | None = None
    hardlinks: tuple[tuple[str, str | None], ...] = ()  # path, privilege


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    name: str = "tool"
    version: str = "1.0-1"
    architecture: str = "amd64"
    source: str | None = None
    status: str = "complete"
    unread: str | None = None
    built: str | None = "2023-11-14T22:13:20+00:00"
    maintainer: str = "Corpus <corpus@example.org>"
    objects: tuple[Object, ...] = (Object(),)
    overrides: tuple[tuple[str, str], ...] = ()  # tag, context


class Forgotten(sqlite3.Connection):
    """Closed when nobody holds it any more, for tests that make databases by the dozen."""

    def __del__(self) -> None:
        self.close()


def database() -> sqlite3.Connection:
    # Where a cycle holds it, garbage collection closes it, in whatever thread that runs (that of logging, here).
    connection = sqlite3.connect(":memory:", factory=Forgotten, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(sqlite_utils.Database(connection))
    algorithms = {"md5": "md5", "sha1": "sha1", "md4": "md4", "ripemd160": "ripemd", "des": "des", "3des": "3des"}
    algorithms |= {"rc4": "rc4", "rc2": "rc2", "blowfish": "64-bit-block", "tls1.0": "tls-legacy"}
    algorithms |= {"crypt-des": "password", "null": "no-protection", "anon": "no-protection"}
    connection.executemany("INSERT INTO algorithm VALUES (?, ?, 'weak', NULL)", algorithms.items())
    for scan in range(1, 100):
        connection.execute(
            "INSERT INTO scan VALUES (?, '2026-01-01T00:00:00Z', NULL, '0', '0', '', 'scan', 'running')", (scan,)
        )
    connection.commit()
    return connection


def put(connection: sqlite3.Connection, pack: Pack) -> int:
    """The id of the package: stored, or its facts replaced, and marked unjudged, in one transaction."""
    sha256 = hashlib.sha256(f"{pack.name}\0{pack.version}\0{pack.architecture}".encode()).hexdigest()
    with connection:
        (package,) = connection.execute(
            "INSERT INTO package (sha256, name, version, version_key, architecture, source, size, filename, extractor, "
            "facts, status, unread, elf_count, built, control) "
            "VALUES (?, ?, ?, ?, ?, ?, 1, 'x.deb', '1', 'elf', ?, ?, ?, ?, ?) "
            "ON CONFLICT (sha256) DO UPDATE SET "
            "status = excluded.status, unread = excluded.unread, built = excluded.built RETURNING id",
            (
                *(sha256, pack.name, pack.version, pack.version, pack.architecture, pack.source or pack.name),
                *(pack.status, pack.unread, len(pack.objects), pack.built, json.dumps({"Maintainer": pack.maintainer})),
            ),
        ).fetchone()
        connection.execute("DELETE FROM elf WHERE package_id = ?", (package,))
        connection.execute("DELETE FROM file WHERE package_id = ?", (package,))
        connection.execute("DELETE FROM lintian_override WHERE package_id = ?", (package,))
        connection.executemany(
            "INSERT INTO lintian_override VALUES (?, ?, ?, ?, 'because', '', 1)",
            ((package, line, *row) for line, row in enumerate(pack.overrides, 1)),
        )
        for item in pack.objects:
            _put_object(connection, package, item)
        connection.execute("INSERT OR IGNORE INTO unjudged VALUES (?)", (package,))
    return int(package)


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int:
    marks = ", ".join("?" * len(row))
    cursor = connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _put_object(connection: sqlite3.Connection, package: int, item: Object) -> None:
    key = item.path_key or item.path
    place = {"package_id": package, "path": item.path, "path_key": key}
    source = "tar" if item.privilege else None
    privilege = {"privilege": item.privilege, "privilege_source": source}
    file = _insert(connection, "file", {**place, **privilege, "mode": 0o755, "kind": "elf"})
    for path, granted in item.hardlinks:
        given = {"privilege": granted, "privilege_source": "tar" if granted else None}
        link = {"path": path, "path_key": path, "link": item.path, "kind": "hardlink", "mode": 0o755}
        _insert(connection, "file", {"package_id": package, **link, **given})
    row = {**place, "file_id": file, "sha256": "0" * 64, "size": 1, **HARDENED, **item.columns}
    elf = _insert(connection, "elf", row)
    connection.executemany(
        "INSERT INTO needed VALUES (?, ?, ?)", ((elf, place, name) for place, name in enumerate(item.needed))
    )
    for name in item.imports:
        connection.execute("INSERT OR IGNORE INTO symbol (name) VALUES (?)", (name,))
        connection.execute("INSERT INTO import SELECT ?, id, NULL, NULL FROM symbol WHERE name = ?", (elf, name))
    for algorithm, symbol in item.uses:
        use = {"elf_id": elf, "algorithm": algorithm, "strength": "weak", "role": "hash", "library": "libcrypto.so.3"}
        _insert(connection, "crypto_use", {**use, "symbol": symbol, "evidence": "import", "confidence": "likely"})
    for changes in item.calls:
        call = {"elf_id": elf, "algorithm": "md5", "strength": "weak", "role": "hash", "library": "libcrypto.so.3",
                "symbol": "EVP_Digest", "evidence": "call", "confidence": "certain", "function": "main",
                "address": "0x1000"}  # fmt: skip
        _insert(connection, "crypto_use", {**call, **changes})
    for algorithm, role in item.copies:
        use = {"elf_id": elf, "algorithm": algorithm, "strength": "weak", "role": role, "evidence": "constant"}
        seen = {"function": "sub_1000", "argument": "a table"}
        _insert(connection, "crypto_use", {**use, **seen, "confidence": "certain"})


def rule(name: str = "no-pie", **changes: Any) -> Rule:
    """A rule that finds objects whose ``pie`` is ``no``, with the given changes."""
    plain: dict[str, Any] = {
        "id": name,
        "family": name,
        "title": "Has no PIE",
        "category": "hardening",
        "severity": "medium",
        "confidence": "certain",
        "scope": "object",
        "supersedes": (),
        "formerly": (),
        "query": "SELECT e.id AS elf_id, 'pie' AS subject FROM elf e WHERE e.pie = 'no'",
        "message": "{path} of {package} is no PIE",
        "why": "w" * 50,
        "fix": "f" * 50,
        "references": ("CWE-119",),
        "examples": (Example("no-pie", ("usr/bin/no-pie",)), Example("hardened", ())),
        "origin": f"rules/hardening/{name}.toml",
    }
    plain |= changes
    digest = hashlib.sha256(json.dumps(plain, default=str).encode()).hexdigest()
    return Rule(**plain, digest=digest)


def book(*rules: Rule) -> RuleBook:
    """A rule book of these rules."""
    return RuleBook(rules=tuple(sorted(rules, key=lambda one: one.id)), digest="".join(one.digest for one in rules))


def judgement(connection: sqlite3.Connection, *, withdrawn: bool = True) -> list[tuple[Any, ...]]:
    """Findings and occurrences by natural keys, without scans: what two databases are compared by."""
    return connection.execute(
        "SELECT f.fingerprint, f.rule_id, f.source, f.path_key, f.subject, f.severity, f.confidence, f.state, "
        "f.fix_where, p.name, p.version, p.architecture, o.path, o.rule_id, o.severity, o.confidence, o.message, "
        "o.evidence, o.unchecked, o.elf_id IS NOT NULL, f.overridden, o.overridden FROM finding f "
        "LEFT JOIN occurrence o ON o.finding_id = f.id LEFT JOIN package p ON p.id = o.package_id "
        "WHERE ? OR f.state <> 'withdrawn' ORDER BY f.fingerprint, p.name, p.version, p.architecture, o.path",
        (withdrawn,),
    ).fetchall()


def states(connection: sqlite3.Connection) -> dict[str, str]:
    """The state of each finding, by rule, path key and subject."""
    rows: Iterable[Sequence[str]] = connection.execute("SELECT rule_id, path_key, subject, state FROM finding")
    return {f"{name} {key} {subject}": state for name, key, subject, state in rows}
