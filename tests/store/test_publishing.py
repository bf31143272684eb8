"""What indices say of packages, from scan to scan, and what is to be read because of it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database

from archscan import store
from archscan.errors import SourceError
from archscan.model import Identity, Index, Job, Package, PackageStatus, Published, Reading, SourceEntry
from archscan.model.version import version_key
from archscan.store import Extraction, open_store, publish, queue, start_scan
from tests.scan.scanning import assert_sound

EXTRACTION = Extraction("1-test", ("elf",))
MAIN = Index(origin="Debian", suite="bookworm", component="main", architecture="amd64", base="http://a.example/debian",
             date=None, valid_until=None, signed_by=None, sha256="0" * 64)  # fmt: skip


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_store(tmp_path / "a.db") as opened:
        yield opened
    assert_sound(tmp_path / "a.db")


def started(db: Database) -> int:
    return start_scan(db, started="now", version="1", extraction=EXTRACTION, rules_digest="", command="test")


def digest(name: str, version: str) -> str:
    return hashlib.sha256(f"{name} {version}".encode()).hexdigest()


def row(name: str, version: str = "1", *, size: int = 100, architecture: str = "amd64") -> Published:
    return Published(name=name, version=version, architecture=architecture, section="libs", priority="optional",
                     source=name, source_version=version, filename=f"pool/{name}_{version}.deb", size=size,
                     sha256=digest(name, version))  # fmt: skip


def met(db: Database, rows: Iterable[Published], **changes: str) -> int:
    """The id of an index that a new scan publishes."""
    return publish(db, msgspec.structs.replace(MAIN, **changes), iter(rows), started(db))


def put(db: Database, name: str, version: str = "1", status: str = "complete", **columns: str) -> None:
    """The package as a scan would have read it."""
    package = Package(
        name=name, version=version, version_key=version_key(version), architecture="amd64", variant=None, source=name,
        source_version=version, control_section=None, control_priority=None, essential=False, maintainer=None,
        installed_size=None, control="{}", relations=(),
    )  # fmt: skip
    identity = Identity(sha256=digest(name, version), size=1, known=False)
    reading = Reading(job=Job(path=f"{name}.deb", target="x"), identity=identity,
                      package=package, files=(), objects=(), problems=(), built=None,
                      status=PackageStatus(status))  # fmt: skip
    store.write(db, reading, scan_id=started(db), extraction=EXTRACTION)
    for column, value in columns.items():
        db.execute(f"UPDATE package SET {column} = ? WHERE sha256 = ?", [value, digest(name, version)])
    db.conn.commit()


def standings(db: Database) -> dict[tuple[str, str, str], str]:
    return {row[:3]: row[3] for row in db.execute("SELECT suite, name, version, standing FROM publication")}


def current(db: Database) -> list[tuple[str, str]]:
    return db.execute("SELECT name, version FROM current_package ORDER BY 1, 2").fetchall()


def queued(db: Database, *ids: int, **how: object) -> list[str]:
    return [one.name for one in queue(db, ids, EXTRACTION, **how)]  # type: ignore[arg-type]


def test_another_version_is_another_row_and_the_old_one_is_gone(db: Database) -> None:
    first = met(db, [row("a"), row("b")])
    assert met(db, [row("a", "2"), row("b")], sha256="1" * 64) == first
    assert standings(db) == {
        ("bookworm", "a", "1"): "gone", ("bookworm", "a", "2"): "current", ("bookworm", "b", "1"): "current",
    }  # fmt: skip
    seen = db.execute("SELECT name, version, first_scan, last_scan FROM publication ORDER BY 1, 2").fetchall()
    assert seen == [("a", "1", 1, 1), ("a", "2", 2, 2), ("b", "1", 1, 2)]
    assert db.execute("SELECT packages, bytes FROM archive_index").fetchall() == [(2, 200)]
    assert db.execute("SELECT name, version, since, until FROM published WHERE until NOT NULL").fetchall() == [
        ("a", "1", "now", "now")
    ]


def test_what_comes_back_is_current_again(db: Database) -> None:
    met(db, [row("a"), row("b")])
    met(db, [row("b")], sha256="1" * 64)
    assert standings(db)["bookworm", "a", "1"] == "gone"
    met(db, [row("a"), row("b")], sha256="2" * 64)
    assert set(standings(db).values()) == {"current"}
    met(db, [row("a", "2"), row("a"), row("b")], sha256="3" * 64)
    assert standings(db)["bookworm", "a", "1"] == "superseded"
    met(db, [row("a", "2"), row("b")], sha256="4" * 64)
    assert standings(db)["bookworm", "a", "1"] == "gone"
    met(db, [row("a", "2"), row("a"), row("b")], sha256="5" * 64)
    assert standings(db)["bookworm", "a", "1"] == "superseded"


@pytest.mark.parametrize("older", ["1~rc1", "1-1", "1.9", "0:1.9.1"])
def test_a_suite_supersedes_by_versions_as_dpkg_compares_them(older: str, db: Database) -> None:
    met(db, [row("a", older), row("a", "1.10")])
    met(db, [row("a", older)], suite="trixie")
    assert standings(db) == {
        ("bookworm", "a", older): "superseded", ("bookworm", "a", "1.10"): "current", ("trixie", "a", older): "current",
    }  # fmt: skip


def test_a_component_supersedes_what_another_still_has(db: Database) -> None:
    met(db, [row("a")], component="contrib")
    met(db, [row("a", "2")])
    assert standings(db)["bookworm", "a", "1"] == "superseded"
    met(db, [row("b")], sha256="1" * 64)
    assert standings(db)["bookworm", "a", "1"] == "current"
    assert standings(db)["bookworm", "a", "2"] == "gone"


def test_section_and_place_in_the_pool_may_change_without_another_row(db: Database) -> None:
    met(db, [row("a")])
    met(db, [msgspec.structs.replace(row("a"), section="oldlibs", filename="pool/o/a.deb")], sha256="1" * 64)
    assert db.execute("SELECT section, filename, first_scan, last_scan FROM publication").fetchall() == [
        ("oldlibs", "pool/o/a.deb", 1, 2)
    ]


def test_an_unchanged_index_only_moves_the_last_scan(db: Database) -> None:
    met(db, [row("a"), row("b")])
    index_id = met(db, [row("b")], sha256="1" * 64)
    again = msgspec.structs.replace(MAIN, sha256="1" * 64, date="2026-01-02T00:00:00Z")
    assert store.unchanged(db, again)
    assert not store.unchanged(db, MAIN)
    assert not store.unchanged(db, msgspec.structs.replace(again, suite="trixie"))
    before = standings(db)
    assert store.met_index_again(db, again, started(db)) == index_id
    assert standings(db) == before
    assert db.execute("SELECT name, last_scan FROM publication ORDER BY 1").fetchall() == [("a", 1), ("b", 3)]
    assert db.execute("SELECT date, last_scan FROM archive_index").fetchall() == [("2026-01-02T00:00:00Z", 3)]


def test_a_damaged_index_changes_nothing(db: Database) -> None:
    def rows() -> Iterator[Published]:
        yield row("b", "2")
        raise SourceError("corrupt", "the index ends in the middle")

    met(db, [row("a")])
    before = list(store.dump(db.conn))
    with pytest.raises(SourceError):
        met(db, rows(), sha256="1" * 64)
    assert list(store.dump(db.conn)) == before
    assert met(db, [row("b")], sha256="1" * 64)


def test_packages_are_linked_whichever_comes_first(db: Database) -> None:
    put(db, "a")
    met(db, [row("a"), row("b")])
    put(db, "b")
    assert db.execute("SELECT name, status FROM published ORDER BY 1").fetchall() == [
        ("a", "complete"), ("b", "complete"),
    ]  # fmt: skip


def test_current_is_the_newest_of_each_suite(db: Database) -> None:
    for name, version in [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "1"), ("c", "2")]:
        put(db, name, version)
    assert current(db) == [("a", "3"), ("b", "1"), ("c", "2")]
    met(db, [row("a"), row("b")])
    met(db, [row("a", "2")], suite="trixie")
    assert current(db) == [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "2")]
    met(db, [row("a", "2")], sha256="1" * 64)
    assert current(db) == [("a", "2"), ("a", "3"), ("c", "2")]


def test_what_moved_is_judged_again(db: Database) -> None:
    for name, version in [("a", "1"), ("b", "1"), ("c", "1")]:
        put(db, name, version)
    met(db, [row("a"), row("b"), row("c")])
    db.execute("DELETE FROM unjudged")
    db.conn.commit()
    met(db, [row("a", "2"), row("c")], sha256="1" * 64)
    names = "SELECT p.name FROM unjudged u JOIN package p ON p.id = u.package_id ORDER BY 1"
    assert db.execute(names).fetchall() == [("a",), ("b",)]


def test_the_queue_holds_each_package_once_the_largest_first(db: Database) -> None:
    one = met(db, [row("a", size=5), row("b", size=9), row("c", size=7)])
    two = met(db, [row("a", size=5), row("d", size=8)], suite="trixie", base="http://b.example")
    assert queued(db, one) == ["b", "c", "a"]
    assert queued(db, one, two) == ["b", "d", "c", "a"]
    assert queued(db, two) == ["d", "a"]
    assert [(q.base, q.filename, q.size, q.sha256) for q in queue(db, [two], EXTRACTION)][1] == (
        "http://b.example", "pool/a_1.deb", 5, digest("a", "1"),
    )  # fmt: skip


def test_done_is_the_extractor_and_the_kinds_of_facts(db: Database) -> None:
    index = met(db, [row("a"), row("b"), row("c"), row("d"), row("e"), row("f")])
    put(db, "a")
    put(db, "b", extractor="0-old")
    put(db, "c", facts="elf,exports")
    put(db, "d", status="partial")
    put(db, "e", status="unreadable")
    put(db, "f", status="skipped", unread="no-candidates")
    assert sorted(queued(db, index)) == ["b"]
    assert sorted(queued(db, index, retry=True)) == ["b", "d", "e"]
    assert sorted(queued(db, index, thorough=True)) == ["b", "f"]
    more = queue(db, [index], Extraction("1-test", ("elf", "exports")))
    assert sorted(one.name for one in more) == ["a", "b", "d", "e", "f"]
    known = store.known_packages(db, EXTRACTION, retry=True)
    assert known == {digest(name, "1") for name in "acf"}
    assert store.known_packages(db, EXTRACTION, thorough=True) == {digest(name, "1") for name in "acde"}


def test_what_is_gone_is_not_queued_and_what_is_superseded_is(db: Database) -> None:
    index = met(db, [row("a"), row("b")])
    met(db, [row("b"), row("b", "2")], sha256="1" * 64)
    assert queued(db, index) == ["b", "b"]


def test_shards_are_parts_of_the_whole(db: Database) -> None:
    index = met(db, [row(f"p{number}") for number in range(200)])
    parts = [queued(db, index, shard=(part, 7)) for part in range(1, 8)]
    assert sorted(itertools.chain(*parts)) == sorted(queued(db, index))
    assert all(10 < len(part) < 60 for part in parts)


def test_what_could_not_be_fetched_is_remembered(db: Database) -> None:
    index = met(db, [row("a")])
    job = Job(path="pool/a_1.deb", target="http://a.example/debian", sha256=digest("a", "1"), size=100)
    missing = Reading(job=job, identity=None, package=None, files=(), objects=(), problems=(), built=None,
                      status=PackageStatus.UNREADABLE)  # fmt: skip
    store.write(db, missing, scan_id=started(db), extraction=EXTRACTION)
    assert queued(db, index) == []
    assert queued(db, index, retry=True) == ["a"]
    assert db.execute("SELECT name, status FROM published").fetchall() == [("a", "unreadable")]
    put(db, "a")
    assert db.execute("SELECT name, status FROM published").fetchall() == [("a", "complete")]


def test_sources_are_met_and_go(db: Database) -> None:
    index = msgspec.structs.replace(MAIN, architecture="source")
    entry = SourceEntry(name="a", version="1", maintainer="A <a@example.org>", uploaders=None, vcs_browser=None,
                        vcs="Git https://a.example")  # fmt: skip
    other = msgspec.structs.replace(entry, name="b")
    store.publish_sources(db, index, iter([entry, other]), started(db))
    store.publish_sources(db, msgspec.structs.replace(index, sha256="1" * 64), iter([entry]), started(db))
    again = msgspec.structs.replace(index, sha256="1" * 64)
    assert store.unchanged(db, again)
    store.met_index_again(db, again, started(db))
    assert db.execute("SELECT name, first_scan, last_scan FROM source_package").fetchall() == [("a", 1, 3), ("b", 1, 1)]
    assert db.execute("SELECT packages FROM archive_index").fetchall() == [(1,)]
