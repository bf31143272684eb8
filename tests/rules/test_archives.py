"""What a suite publishes decides what is current, fixed or removed, and which release a package is of."""

import hashlib
import json

import msgspec
import pytest
import sqlite_utils

from archscan import store
from archscan.cli.data import rule_directories
from archscan.model import Index, Published
from archscan.rules.apply import Applied, apply
from archscan.rules.load import load
from archscan.rules.releases import recognised
from tests.rules.facts import Object, Pack, book, database, put, rule, states
from tests.rules.test_expectations import DEBIAN, UBUNTU

BAD = Object(columns={"kind": "executable", "pie": "no"})
PLACE = "no-pie usr/bin/tool pie"


class Archive:
    """A database, its scans, and the suites that it hears of."""

    def __init__(self) -> None:
        self.connection = database()
        self.scan = 0

    def publishes(self, *packs: Pack, suite: str = "bookworm", origin: str = "Debian") -> None:
        self.scan += 1
        rows = [
            Published(name=pack.name, version=pack.version, architecture=pack.architecture, section=None, priority=None,
                      source=pack.name, source_version=pack.version, filename="pool/x.deb", size=1,
                      sha256=self._digest(pack))
            for pack in packs
        ]  # fmt: skip
        index = Index(origin=origin, suite=suite, component="main", architecture="amd64", base="file:/x", date=None,
                      valid_until=None, signed_by=None, sha256=f"{self.scan:064x}")  # fmt: skip
        store.publish(sqlite_utils.Database(self.connection), index, iter(rows), self.scan)

    def _digest(self, pack: Pack) -> str:
        return hashlib.sha256(f"{pack.name}\0{pack.version}\0{pack.architecture}".encode()).hexdigest()

    def reads(self, *packs: Pack) -> None:
        for pack in packs:
            put(self.connection, pack)
            values = [self._digest(pack)]
            self.connection.execute(
                "UPDATE publication SET package_id = (SELECT id FROM package p WHERE p.sha256 = publication.sha256) "
                "WHERE sha256 = ?", values
            )  # fmt: skip
            self.connection.commit()

    def judged(self, *, whole: bool = False) -> Applied:
        self.scan += 1
        return apply(self.connection, book(rule()), self.scan, changed_only=not whole)

    def states(self) -> dict[str, str]:
        return states(self.connection)


@pytest.fixture
def archive() -> Archive:
    return Archive()


OLD, NEW = Pack(objects=(BAD,)), Pack(version="1.0-2")


def _opened(archive: Archive) -> None:
    archive.publishes(OLD)
    archive.reads(OLD)
    archive.judged()
    assert archive.states() == {PLACE: "open"}


@pytest.mark.parametrize("whole", [False, True])
def test_what_left_the_suite_is_removed(archive: Archive, whole: bool) -> None:
    _opened(archive)
    archive.publishes()
    assert archive.judged(whole=whole).removed == 1
    assert archive.states() == {PLACE: "removed"}
    archive.publishes(OLD)
    assert len(archive.judged(whole=whole).reopened_ids) == 1
    assert archive.states() == {PLACE: "open"}


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_superseded_is_unchecked_until_the_newer_one_is_read(archive: Archive, whole: bool) -> None:
    _opened(archive)
    archive.publishes(NEW)
    assert archive.judged(whole=whole).unchecked == 1
    assert archive.states() == {PLACE: "unchecked"}
    archive.reads(NEW)
    assert archive.judged(whole=whole).fixed == 1
    assert archive.states() == {PLACE: "fixed"}


def test_what_the_newer_one_still_has_stays_open(archive: Archive) -> None:
    _opened(archive)
    newer = Pack(version="1.0-2", objects=(BAD,))
    archive.publishes(newer)
    archive.reads(newer)
    archive.judged()
    assert archive.states() == {PLACE: "open"}
    assert archive.connection.execute("SELECT version FROM open_finding").fetchall() == [("1.0-2",)]


def test_a_newer_one_that_cannot_be_read_leaves_it_unchecked(archive: Archive) -> None:
    _opened(archive)
    archive.publishes(NEW)
    archive.reads(Pack(version="1.0-2", status="unreadable", objects=()))
    archive.connection.execute("UPDATE package SET name = NULL WHERE status = 'unreadable'")
    archive.connection.commit()
    archive.judged()
    assert archive.states() == {PLACE: "unchecked"}


def test_another_suite_keeps_it_open(archive: Archive) -> None:
    _opened(archive)
    archive.publishes(OLD, suite="trixie")
    archive.publishes(NEW)
    archive.reads(NEW)
    archive.judged()
    assert archive.states() == {PLACE: "open"}
    archive.publishes(NEW, suite="trixie")
    archive.judged()
    assert archive.states() == {PLACE: "fixed"}


def test_one_package_that_is_mended_says_more_than_one_that_left(archive: Archive) -> None:
    other = Pack(name="tool-extra", source="tool", objects=(BAD,))
    archive.publishes(OLD, other)
    archive.reads(OLD, other)
    archive.judged()
    archive.publishes(NEW)
    archive.reads(NEW)
    archive.judged()
    assert archive.states() == {PLACE: "fixed"}


def test_what_no_index_names_goes_by_the_newest_of_all(archive: Archive) -> None:
    archive.reads(OLD)
    archive.judged()
    archive.publishes(Pack(name="other"))
    archive.judged()
    assert archive.states() == {PLACE: "open"}
    archive.reads(NEW)
    archive.judged()
    assert archive.states() == {PLACE: "fixed"}


@pytest.mark.parametrize(
    ("origin", "suite", "expected"),
    [
        ("Debian", "bookworm", ("debian", "bookworm", "publication")),
        ("Debian", "bookworm-security", ("debian", "bookworm", "publication")),
        ("Debian Backports", "bookworm-backports", ("debian", "bookworm", "publication")),
        ("Debian", "stretch/updates", ("debian", "stretch", "publication")),
        ("Ubuntu", "noble-proposed", ("ubuntu", "noble", "publication")),
        ("Ubuntu", "bookworm", ("debian", None, "default")),
        ("My Company", "noble", ("ubuntu", "noble", "publication")),
        ("", "trixie", ("debian", "trixie", "publication")),
        ("Debian", "bookwormish", ("debian", None, "default")),
    ],
)
def test_origin_and_suite_tell_the_release(origin: str, suite: str, expected: tuple[str | None, ...]) -> None:
    suites = json.dumps([f"{origin}\n{suite}"])
    assert recognised((DEBIAN, UBUNTU), "1.0-1", {"Maintainer": "A <a@x.org>", "Origin": None}, suites) == expected


def test_the_release_follows_when_a_package_that_was_read_is_published(archive: Archive) -> None:
    real = load(rule_directories(()))
    packed = msgspec.structs.replace(book(rule()), distributions=real.distributions, promises="1")
    archive.reads(OLD)
    apply(archive.connection, packed, 1, changed_only=True)
    said = "SELECT distribution, release, said FROM package_release"
    assert archive.connection.execute(said).fetchall() == [("debian", None, "default")]
    archive.publishes(OLD)
    apply(archive.connection, packed, 2, changed_only=True)
    assert archive.connection.execute(said).fetchall() == [("debian", "bookworm", "publication")]
