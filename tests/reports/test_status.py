"""What was read of what archives publish: the counts, the words and the exit codes that cron sees."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from archscan import store
from archscan.model import Index, Job, Problem, ProblemKind, Published, Reading, Stage
from archscan.model import PackageStatus as Word
from archscan.reports.status import as_json, status
from archscan.reports.status_screen import write
from archscan.store import Extraction, open_store
from tests.scan.scanning import archscan

NOW = datetime(2026, 6, 10, tzinfo=UTC)
NEW, OLD = Extraction("2-x", ("elf",)), Extraction("1-x", ("elf",))
NAMES = ("whole", "short", "text", "gone404", "docs", "old", "unread", "dropped")


def _published(name: str) -> Published:
    return Published(name=name, version="1", architecture="all" if name == "docs" else "amd64", section=None,
                     priority=None, source=name, source_version="1", filename=f"pool/{name}.deb", size=1_000_000,
                     sha256=name.encode().hex().rjust(64, "0"))  # fmt: skip


def _read(name: str, word: str, kind: str | None = None) -> Reading:
    problems = (Problem(stage=Stage.DEB, kind=ProblemKind(kind), message="x"),) if kind else ()
    job = Job(path=f"{name}.deb", target="x", sha256=_published(name).sha256, size=1_000_000)
    return Reading(job=job, identity=None, package=None, files=(), objects=(), problems=problems, built=None,
                   status=Word(word))  # fmt: skip


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    index = Index(origin="Debian", suite="trixie", component="main", architecture="amd64", base="http://x", date="2026",
                  valid_until=None, signed_by="A" * 40, sha256="0" * 64)  # fmt: skip
    i386 = msgspec.structs.replace(index, architecture="i386", signed_by=None)
    with open_store(path) as opened:
        for number, extraction in enumerate((OLD, NEW)):
            started = (NOW - timedelta(days=5 - number)).isoformat()
            scan = store.start_scan(opened, started=started, version="1", extraction=extraction, rules_digest="",
                                    command="x")  # fmt: skip
            rows = [_published(name) for name in NAMES if number == 0 or name != "dropped"]
            store.publish(opened, index if number == 0 else msgspec.structs.replace(index, sha256="1" * 64), rows, scan)
            store.publish(opened, i386, [_published("docs")], scan)
            if number == 0:
                for name in ("old", "dropped"):
                    store.write(opened, _read(name, "complete"), scan_id=scan, extraction=OLD)
            else:
                for reading in (_read("whole", "complete"), _read("short", "partial", "truncated"),
                                _read("text", "unreadable", "not-a-deb"), _read("docs", "skipped"),
                                _read("gone404", "unreadable", "missing"), _read("local", "complete")):  # fmt: skip
                    store.write(opened, reading, scan_id=scan, extraction=NEW)
                opened.execute("UPDATE package SET unread = 'no-candidates' WHERE status = 'skipped'")
            store.finish_scan(opened, scan, finished=started, state="finished", metrics={})
    return path


def _changed(db: Path, *statements: str) -> None:
    with closing(sqlite3.connect(db)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def _screen(db: Path, width: int = 120) -> str:
    stream = io.StringIO()
    with store.open_readonly(db) as connection:
        write(status(connection, NOW), stream, width)
    return stream.getvalue()


def test_every_package_is_counted_in_one_state(db: Path) -> None:
    with store.open_readonly(db) as connection:
        one = status(connection, NOW)
    each = {"complete": 1, "skipped": 1, "partial": 1, "failed": 2, "stale": 1, "waiting": 1}
    expected = {state: (number, number * 1_000_000) for state, number in each.items()}
    assert one.archives[0]["states"] == expected
    assert one.archives[0]["packages"] == sum(each.values())
    assert one.archives[1]["states"] == {"skipped": (1, 1_000_000)}
    assert one.total == one.archives[0]["states"]  # the package in both indices counts once
    assert one.no_index == {"complete": (1, 1_000_000)}
    assert one.left == 1
    assert one.failed == {"missing": 1, "not-a-deb": 1}
    assert one.partial == {"truncated": 1}
    assert one.unread == {"no-candidates": 1}
    assert one.age == pytest.approx(4.0)
    assert not one.complete


def test_the_document_says_the_same(db: Path) -> None:
    with store.open_readonly(db) as connection:
        document = json.loads(as_json(status(connection, NOW, confinement=("no network",))))
    assert "id" not in document["archives"][0]
    assert document["total"]["waiting"] == {"packages": 1, "bytes": 1_000_000}
    assert document["archives"][1]["states"]["failed"] == {"packages": 0, "bytes": 0}
    assert (document["age_days"], document["confinement"]) == (4.0, ["no network"])


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_screen_names_what_is_wrong_within_the_width(db: Path, width: int) -> None:
    text = _screen(db, width)
    assert all(len(line) <= width for line in text.splitlines())
    words = " ".join(text.split())
    for part in ("signed by AAAA", "not checked", "1 missing, 1 not-a-deb", "1 no-candidates",
                 "1 package of 1.0 MB not",
                 "of no index: 1 complete", "1 package in the database left", "4.0 days ago"):  # fmt: skip
        assert part in words


def test_a_scan_that_was_killed_is_not_said_to_run(db: Path) -> None:
    _changed(db, "UPDATE scan SET state = 'running', finished = NULL WHERE id = 2")
    assert "ended without a word" in _screen(db)
    with open_store(db):
        done = archscan("status", "--db", db)
    assert "running, process" in done.stdout
    assert done.returncode == 11


def test_exit_codes_for_cron(db: Path, tmp_path: Path) -> None:
    assert archscan("status", "--db", db).returncode == 11
    now = datetime.now(UTC)
    _changed(db, "DELETE FROM publication", "DELETE FROM package WHERE status NOT IN ('complete', 'skipped')",
             "UPDATE package SET extractor = '2-x'")  # fmt: skip
    for days, limit, code in ((0.5, 1, 0), (1.5, 1, 0), (2.5, 1, 1), (2.5, 3, 0)):
        _changed(db, f"UPDATE scan SET finished = '{(now - timedelta(days=days)).isoformat()}'")
        done = archscan("status", "--db", db, "--max-age", str(limit))
        assert done.returncode == code, done.stdout
        assert ("days old" in done.stderr) == (days > limit)
        assert archscan("status", "--db", db).returncode == 0
    _changed(db, "UPDATE scan SET state = 'interrupted', finished = NULL")
    assert archscan("status", "--db", db).returncode == 11
    assert archscan("status", "--db", db, "--max-age", "1").returncode == 1
    assert archscan("status", "--db", tmp_path / "none.db").returncode == 1
