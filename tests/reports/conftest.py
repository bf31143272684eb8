"""Databases for the reports: an empty one, and one whose every name tries to break out of its place."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlite_utils import Database

from archscan.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = "<script>alert('x')</script>"
QUOTES = "\"'><img src=x onerror=alert(1)>"
CLOSING = "</script><!-- </style> ]]> {{ 7 * 7 }} ${x}"
FORMULA = "=cmd|' /C calc'!A0"
BIDI = "\u202egnp.exe"  # another program may have written the database: names need not be escaped
HOSTILE = (SCRIPT, QUOTES, CLOSING, FORMULA, BIDI)

_VERDICTS = {
    "pie": "yes", "relro": "full", "bind_now": "yes", "stack_protector": "unknown", "fortify": "partial", "nx": "yes",
    "stack_clash": "unknown", "ibt_marked": "yes", "ibt_compiled": "unknown", "shstk_marked": "yes",
    "bti_marked": "n/a", "bti_compiled": "n/a", "pac_marked": "n/a", "pac_compiled": "n/a",
    "separate_code": "no", "clang_cfi": "n/a", "safe_stack": "n/a", "glibcxx_assertions": "unknown",
}  # fmt: skip


def insert(connection: sqlite3.Connection, table: str, **values: Any) -> int:
    names = ", ".join(values)
    places = ", ".join("?" for _ in values)
    cursor = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(values.values()))
    return cursor.lastrowid or 0


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def add_package(connection: sqlite3.Connection, name: str | None, status: str = "complete", **more: Any) -> int:
    values = {
        "sha256": sha256(f"{name}{status}{sorted(more.items())}"), "name": name, "version": "1.0-1",
        "version_key": "1.0-1", "architecture": "amd64", "source": name, "source_version": "1.0-1", "size": 1000,
        "filename": f"pool/{name}_1.0-1_amd64.deb", "control": "{}", "extractor": "1", "facts": "elf",
        "status": status, "elf_count": 1, **more,
    }  # fmt: skip
    return insert(connection, "package", **values)


def add_elf(connection: sqlite3.Connection, package: int, path: str, **more: Any) -> int:
    privilege = more.pop("privilege", None)
    file = insert(
        connection, "file", package_id=package, path=path, path_key=path, mode=0o4755, owner="root", grp="root",
        size=10, kind="elf", privilege=privilege, privilege_source="tar" if privilege else None,
    )  # fmt: skip
    unknown = {"code": "not-measured", "text": "machine code is not looked at"}
    reasons = {name: unknown for name, verdict in {**_VERDICTS, **more}.items() if verdict == "unknown"}
    values = {
        "package_id": package, "file_id": file, "path": path, "path_key": path, "sha256": sha256(path), "size": 10,
        "kind": "pie", "machine": "x86-64", "bits": 64, "endian": "little", "language": "c", "stripped": 1,
        **_VERDICTS, "textrel": 0, "wx_segments": 0, "fortified_calls": 1, "fortifiable_calls": 2,
        "reasons": json.dumps(reasons), **more,
    }  # fmt: skip
    return insert(connection, "elf", **values)


def add_rule(connection: sqlite3.Connection, name: str, severity: str, title: str = "Lacks something") -> None:
    insert(
        connection, "rule", id=name, family=name, title=title, category="hardening", severity=severity,
        confidence="likely", scope="object", supersedes="[]", query="SELECT 1", message="m", why=f"why {title}",
        fix=f"fix {title}", fix_for=json.dumps({"rebuild": f"rebuild for {title}"}), refs='["CWE-1"]', digest="d",
    )  # fmt: skip


def add_finding(connection: sqlite3.Connection, rule: str, package: int, elf: int | None, **more: Any) -> None:
    name, severity = connection.execute(
        "SELECT p.source, r.severity FROM package p, rule r WHERE p.id = ? AND r.id = ?", (package, rule)
    ).fetchone()
    row = connection.execute("SELECT path FROM elf WHERE id = ?", (elf,)).fetchone()
    path, subject = row[0] if row else None, more.get("subject", "pie")
    scan, override = more.get("scan", 1), more.get("override", {})
    overridden = int(bool(override) and not override["ignored"])
    finding = insert(
        connection, "finding", fingerprint=sha256(f"{rule}{name}{path}{subject}"), rule_id=rule, source=name,
        path_key=path or "", subject=subject, severity=severity, confidence="likely", state=more.get("state", "open"),
        first_scan=scan, last_change=scan, overridden=overridden, fix_where=more.get("fix_where"),
    )  # fmt: skip
    insert(
        connection, "occurrence", finding_id=finding, package_id=package, elf_id=elf, rule_id=rule, path=path,
        severity=severity, confidence="likely", message=more.get("message", f"{path} lacks something"),
        evidence=json.dumps({"sites": [{"function": SCRIPT}], "count": 1, "truncated": False, **_word(override)}),
        first_scan=scan, last_scan=scan, overridden=overridden, fix_where=more.get("fix_where"),
    )  # fmt: skip


def _word(override: dict[str, Any]) -> dict[str, Any]:
    return {"override": override} if override else {}


def add_debug_info(connection: sqlite3.Connection, build_id: str, name: str) -> None:
    debug = insert(
        connection, "debug_info", build_id=build_id, machine="x86-64", bits=64, filename=name, path=name,
        sha256=sha256(name), units=1,
    )  # fmt: skip
    producer = insert(connection, "producer", text=f"GNU C17 {name}")
    insert(
        connection, "compile_unit", debug_id=debug, position=0, name=name, comp_dir=name, producer_id=producer,
        language="c", origin="package", code=1, lto=0, stack_protector="off",
    )  # fmt: skip
    insert(
        connection, "confirmation", debug_id=debug, feature="stack_protector", verdict="no", units_with=0,
        units_without=1, units_unknown=0, flag="-fstack-protector-strong", units=json.dumps([name]),
    )  # fmt: skip


def fill(connection: sqlite3.Connection) -> None:
    for number in (1, 2):
        insert(
            connection, "scan", id=number, started=f"2026-05-0{number}T10:00:00Z",
            finished=f"2026-05-0{number}T10:01:05Z", version="0.1.0", extractor="1", rules_digest="d",
            command=f"archscan scan {SCRIPT}", state="finished",
        )  # fmt: skip
    insert(connection, "metric", scan_id=2, scope="scan", name="packages", value=7)
    insert(connection, "metric", scan_id=2, scope="scan", name="known", value=2)
    for scope in ("all", SCRIPT.replace("/", "")):
        for scan in (1, 2):
            for name in ("packages", "objects", "stack_protector yes", "weak md5", "ok md5"):
                insert(connection, "metric", scan_id=scan, scope=scope, name=name, value=scan)
    insert(
        connection, "expectation", feature="pie", distribution="debian", release="stretch", architecture="amd64",
        language="c", kind="program", since="2016-10-18", value="yes", source="gcc-6", machine="x86-64",
    )  # fmt: skip
    insert(connection, "algorithm", name="md5", family="md5", strength="weak")
    for name, severity in (("no-pie", "high"), ("not-fortified", "low"), (SCRIPT, "medium")):
        add_rule(connection, name, severity, QUOTES if name == SCRIPT else f"Rule {name}")
    for number, name in enumerate((*HOSTILE, "sudo")):
        _fill_package(connection, name, number)
    _decide(connection)
    broken = add_package(connection, None, "unreadable", version=None, version_key=None, source=None)
    for package, path in ((broken, None), (1, f"usr/bin/{BIDI}")):
        insert(
            connection, "problem", scan_id=2, package_id=package, target=f"./{SCRIPT}.deb", path=path, stage="deb",
            kind="truncated", message=f"ends early {CLOSING}",
        )  # fmt: skip


def _decide(connection: sqlite3.Connection) -> None:
    # One that has expired, so that everything is still to be looked at, and one that means nothing that is there.
    (name,) = connection.execute("SELECT fingerprint FROM finding WHERE rule_id = 'no-pie' ORDER BY id").fetchone()
    insert(connection, "decision", fingerprint=name, state="needed", reason=SCRIPT, authority=FORMULA,
           made="2020-01-01", until="2020-02-01", about=BIDI)  # fmt: skip
    insert(connection, "decision", selector=json.dumps({"rule": "nothing", "path": SCRIPT}), state="waiver",
           reason=CLOSING, authority=QUOTES, made="2020-01-01", release="sid")  # fmt: skip


def _fill_package(connection: sqlite3.Connection, name: str, number: int) -> None:
    package = add_package(connection, name, "partial" if number == 1 else "complete", maintainer=name,
                              unread="no-more-candidates" if number == 2 else None)  # fmt: skip
    elf = add_elf(connection, package, f"usr/bin/{name}", pie="no", soname=name, privilege="setuid", rpath=name,
                  build_id=sha256(name)[:40])  # fmt: skip
    add_debug_info(connection, sha256(name)[:40], name)
    add_elf(connection, package, f"usr/lib/{name}.so", kind="plugin", language="c++", relro="none")
    insert(connection, "package_release", package_id=package, distribution="debian", said="default")
    insert(connection, "file", package_id=package, path=f"{name}.jar", path_key=name, size=5, kind="archive")
    insert(connection, "relation", package_id=package, kind="depends", name=name, op=">=", version="1")
    insert(connection, "component", elf_id=elf, ecosystem="go", name=name, version="v1", evidence="buildinfo")
    insert(connection, "needed", elf_id=elf, position=0, soname="libc.so.6")
    symbol = insert(connection, "symbol", name=f"MD5_{name}")
    insert(connection, "import", elf_id=elf, symbol_id=symbol, library="libcrypto.so.3")
    insert(connection, "export", elf_id=elf, symbol_id=symbol)
    for _ in range(2):
        use = insert(
            connection, "crypto_use", elf_id=elf, algorithm="md5", strength="weak", role="hash", library=name,
            symbol=f"MD5_{name}", evidence="import", confidence="possible",
        )  # fmt: skip
        insert(connection, "crypto_context", use_id=use, context="checksum", confidence="possible")
    insert(connection, "call_site", elf_id=elf, address="0x1000", function=name, library=name, symbol=f"open_{name}",
           outcome="unknown", reason="field")  # fmt: skip
    for address in ("0x2000", "0x10000"):
        site = insert(connection, "call_site", elf_id=elf, address=address, function=name, library=name,
                      symbol=f"open_{name}", outcome="value", value=name)  # fmt: skip
        insert(
            connection, "crypto_use", elf_id=elf, call_site_id=site, algorithm="sha1", strength="weak", role="hash",
            library=name, symbol=f"open_{name}", evidence="call", confidence="certain", function=name,
            address=address, argument=name,
        )  # fmt: skip
    _fill_services(connection, package, name)
    where = "rebuild" if number % 2 else "toolchain"
    add_finding(connection, "no-pie", package, elf, message=name, scan=1 + number % 2, fix_where=where)
    add_finding(connection, SCRIPT, package, None, message=name, subject=name)
    for subject, ignored in (("overridden", None), ("ignored", "privileged")):
        word = {"tag": "hardening-no-fortify-functions", "context": name, "comment": f"Comment {name}", "line": 1}
        override = {**word, "severity": "low", "ignored": ignored}
        add_finding(connection, "not-fortified", package, elf, subject=subject, override=override)
    add_finding(connection, "not-fortified", package, elf, subject="fortify", state="fixed" if number % 2 else "open")


def _fill_services(connection: sqlite3.Connection, package: int, name: str) -> None:
    """A daemon of root with its socket, and a file of each kind that gives or limits rights."""
    files = {
        what: insert(connection, "file", package_id=package, path=f"etc/{what}/{name}", path_key=f"etc/{what}/{name}",
                     kind="regular", what=what)
        for what in ("unit", "dbus-policy", "polkit-action", "sudoers", "apparmor")
    }  # fmt: skip
    told = {"package_id": package, "file_id": files["unit"], "scope": "system", "dynamic": 0, "line": 0}
    service = insert(connection, "service", name=f"{name}.service", kind="service", **told)
    insert(connection, "service_program", service_id=service, position=0, directive="ExecStart", arguments=name,
           path=f"/usr/bin/{name}", flags="")  # fmt: skip
    socket = insert(connection, "service", name=f"{name}.socket", kind="socket", activates=f"{name}.service", **told)
    insert(connection, "listener", service_id=socket, position=0, kind="stream", family="inet", port=22)
    for what, section, directive in (
        ("dbus-policy", "default", "allow"), ("polkit-action", name, "allow_any"), ("sudoers", name, "NOPASSWD"),
    ):  # fmt: skip
        insert(connection, "directive", file_id=files[what], position=0, line=1, section=section, name=directive,
               value=name)  # fmt: skip
    insert(connection, "profile", file_id=files["apparmor"], position=0, kind="apparmor", name=name,
           attachment=f"/usr/bin/{name}", mode="complain", line=1)  # fmt: skip


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(new_database(tmp_path / "empty.db")) as connection:
        yield connection


@pytest.fixture
def filled_path(tmp_path: Path) -> Path:
    path = tmp_path / "filled ?#%.db"
    with closing(new_database(path)) as connection:
        fill(connection)
        connection.commit()
    return path


@pytest.fixture
def filled(filled_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(filled_path)) as connection:
        yield connection


def new_database(path: Path) -> sqlite3.Connection:
    database = Database(path)
    migrate(database)
    assert isinstance(database.conn, sqlite3.Connection)
    return database.conn


@pytest.fixture
def asked(filled: sqlite3.Connection) -> sqlite3.Connection:
    from tests.reports.asked import add_asked

    add_asked(filled)
    filled.commit()
    return filled
