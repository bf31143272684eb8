"""What files say comes back from the database as it was said, is replaced whole, and travels with dump and merge."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from sqlite_utils import Database

from archscan.model import (
    Command,
    Confidence,
    Contents,
    CryptoUse,
    Directive,
    Endpoint,
    File,
    FileFacts,
    FileKind,
    Identity,
    Job,
    Key,
    Listener,
    Package,
    PackageStatus,
    Profile,
    Reading,
    Script,
    Service,
    ServiceKind,
    Started,
    Strength,
)
from archscan.store import Extraction, dump, open_readonly, open_store, start_scan, write
from archscan.store.merging import merge
from archscan.store.schema import migrate
from tests.scan.scanning import assert_sound

EXTRACTION = Extraction("1-test", ("elf", "files"))
PACKAGE = Package(
    name="thing", version="1", version_key="1", architecture="amd64", variant=None, source="thing",
    source_version="1", control_section=None, control_priority=None, essential=False, maintainer=None,
    installed_size=None, control="{}", relations=(),
)  # fmt: skip
SERVICE = Service(
    name="x.service", kind=ServiceKind.SERVICE, scope="system", user="daemon", dynamic=True, activates="y.service",
    schedule="daily", line=3, programs=(Started("ExecStart", "/x", "-d", "+"), Started("ExecStop", "/a", "", "")),
    listens=(Listener("stream", "inet", None, 22),),
)  # fmt: skip
USE = CryptoUse(
    algorithm="md5", strength=Strength.WEAK, role="hash", library="hashlib", symbol="md5", evidence="script",
    confidence=Confidence.CERTAIN, function="etag", line=7, context_evidence='{"texts":["etag"]}',
)  # fmt: skip
SCRIPT = Script(name="postinst", interpreter="/bin/sh", lines=9, own_lines=1, tools=("dh_installinit",),
                sha256="a" * 64, own_sha256="b" * 64, own="chmod 777 /x")  # fmt: skip
EVERYTHING = FileFacts(
    path="etc/x", what="unit", interpreter="/bin/sh",
    directives=(Directive(1, "Unit", "User", "x"), Directive(2, None, "a", "")),
    services=(SERVICE, msgspec.structs.replace(SERVICE, name="z", programs=(), listens=())),
    profiles=(Profile("apparmor", "p", "/usr/bin/x", "complain", 4),),
    commands=(Command(5, "chmod", "chmod", "chmod 777 /"),),
    uses=(USE,), endpoints=(Endpoint(6, "http://example.org/"),), keys=(Key(8, "private-key", None),), script=SCRIPT,
)  # fmt: skip
TABLES = ("directive", "service", "service_program", "listener", "profile", "script_call", "endpoint", "key_material",
          "maintainer_script", "crypto_use", "contents")  # fmt: skip


def _file(path: str) -> File:
    return File(path=path, path_key=path, kind=FileKind.REGULAR)


def _reading(
    *facts: FileFacts, number: int = 0, files: Sequence[str] = ("etc/x",), paths: Sequence[str] = ()
) -> Reading:
    return Reading(
        job=Job(path=f"/x/{number}.deb", target="x"), identity=Identity(sha256=f"{number:064x}", size=1, known=False),
        package=PACKAGE, files=tuple(map(_file, files)), objects=(), problems=(), built=None,
        status=PackageStatus.COMPLETE, file_facts=facts, contents=Contents(members=len(paths), paths=tuple(paths)),
    )  # fmt: skip


def _stored(path: Path, *readings: Reading) -> None:
    with open_store(path) as db:
        scan_id = start_scan(db, started="now", version="1", extraction=EXTRACTION, rules_digest="", command="test")
        for reading in readings:
            assert write(db, reading, scan_id=scan_id, extraction=EXTRACTION)
    assert_sound(path)


def _counts(path: Path) -> dict[str, int]:
    with open_readonly(path) as connection:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}


def _dumped(path: Path) -> list[str]:
    with open_readonly(path) as connection:
        return list(dump(connection))


def test_what_a_file_says_stands_in_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    _stored(path, _reading(EVERYTHING, paths=("etc/x", "etc", "usr/b")))
    with open_readonly(path) as connection:
        connection.row_factory = sqlite3.Row

        def rows(sql: str) -> list[tuple[object, ...]]:
            return sorted((tuple(row) for row in connection.execute(sql)), key=repr)

        assert rows("SELECT what, interpreter FROM file") == [("unit", "/bin/sh")]
        assert rows("SELECT position, line, section, name, value FROM directive") == [
            (0, 1, "Unit", "User", "x"), (1, 2, None, "a", "")]  # fmt: skip
        assert rows("SELECT name, kind, scope, user, grp, dynamic, schedule, activates, line FROM service") == [
            (name, "service", "system", "daemon", None, 1, "daily", "y.service", 3) for name in ("x.service", "z")
        ]
        assert rows("SELECT s.name, p.position, p.directive, p.path, p.arguments, p.flags FROM service_program p "
                    "JOIN service s ON s.id = p.service_id") == [
            ("x.service", 0, "ExecStart", "/x", "-d", "+"), ("x.service", 1, "ExecStop", "/a", "", "")]  # fmt: skip
        assert rows("SELECT kind, family, address, port FROM listener") == [("stream", "inet", None, 22)]
        assert rows("SELECT kind, name, attachment, mode, line FROM profile") == [
            ("apparmor", "p", "/usr/bin/x", "complain", 4)]  # fmt: skip
        assert rows("SELECT line, what, name, text FROM script_call") == [(5, "chmod", "chmod", "chmod 777 /")]
        assert rows("SELECT line, url FROM endpoint") == [(6, "http://example.org/")]
        assert rows("SELECT line, kind, detail FROM key_material") == [(8, "private-key", None)]
        columns = "name, interpreter, lines, own_lines, tools, sha256, own_sha256, own"
        assert rows(f"SELECT {columns} FROM maintainer_script") == [
            ("postinst", "/bin/sh", 9, 1, '["dh_installinit"]', "a" * 64, "b" * 64, "chmod 777 /x")]  # fmt: skip
        assert rows("SELECT u.algorithm, u.line, u.evidence, u.function, u.elf_id, f.path FROM weak_use u "
                    "JOIN file f ON f.id = u.file_id") == [("md5", 7, "script", "etag", None, "etc/x")]  # fmt: skip
        members, packed = rows("SELECT members, paths FROM contents")[0]
        assert (members, zlib.decompress(packed).decode()) == (3, "etc\netc/x\nusr/b")  # type: ignore[arg-type]


def test_a_package_read_again_has_what_was_said_last(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    _stored(path, _reading(EVERYTHING), _reading())
    assert _counts(path) == dict.fromkeys(TABLES, 0) | {"contents": 1}
    _stored(path, _reading(EVERYTHING))
    assert _counts(path)["directive"] == 2


def test_of_a_file_that_is_there_twice_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    last = FileFacts(path="etc/x", what="cron", directives=(Directive(9, None, "last", ""),))
    _stored(path, _reading(EVERYTHING, last, files=("etc/x", "etc/x")))
    assert _counts(path) == dict.fromkeys(TABLES, 0) | {"directive": 1, "contents": 1}


def test_facts_of_a_file_that_has_no_row_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    _stored(path, _reading(EVERYTHING, files=("etc/y",)))
    assert _counts(path) == dict.fromkeys(TABLES, 0) | {"contents": 1}


def test_merged_databases_say_what_one_would(tmp_path: Path) -> None:
    other = msgspec.structs.replace(EVERYTHING, path="etc/y")
    first, second = _reading(EVERYTHING, paths=("a",)), _reading(other, number=1, files=("etc/y",), paths=("b", "c"))
    _stored(tmp_path / "a.db", first)
    _stored(tmp_path / "b.db", second, first)
    _stored(tmp_path / "both.db", first, second)
    with closing(sqlite3.connect(f"file:{tmp_path / 'merged.db'}", uri=True)) as connection:
        migrate(Database(connection, execute_plugins=False))
        connection.commit()
        merge(connection, (tmp_path / "a.db", tmp_path / "b.db"))
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert _dumped(tmp_path / "merged.db") == _dumped(tmp_path / "both.db")
    kinds = {line.split('"')[1] for line in _dumped(tmp_path / "both.db")}
    assert set(TABLES) <= kinds
