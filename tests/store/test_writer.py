"""What is written stands whole or not at all, and what cannot be written costs one package."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database

from archscan import store
from archscan.model import (
    File,
    FileKind,
    Identity,
    Job,
    Package,
    PackageStatus,
    Problem,
    ProblemKind,
    Reading,
    Relation,
    Stage,
)
from archscan.store import Extraction, met_again, open_store, start_scan, write
from tests.scan.scanning import assert_sound

EXTRACTION = Extraction("1-test", ("elf",))
PACKAGE = Package(
    name="thing", version="1", version_key="1", architecture="amd64", variant=None, source="thing",
    source_version="1", control_section=None, control_priority=None, essential=False, maintainer=None,
    installed_size=None, control="{}", relations=(Relation("depends", "libc6", ">=", "2.36"),),
)  # fmt: skip
FILE = File(path="usr/bin/x", path_key="usr/bin/x", mode=0o755, kind=FileKind.REGULAR)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_store(tmp_path / "a.db") as opened:
        yield opened
    assert_sound(tmp_path / "a.db")


def _started(db: Database) -> int:
    return start_scan(db, started="now", version="1", extraction=EXTRACTION, rules_digest="", command="test")


def _reading(number: int = 0, package: Package = PACKAGE, files: tuple[File, ...] = (FILE,)) -> Reading:
    identity = Identity(sha256=f"{number:064x}", size=1, known=False)
    return Reading(job=Job(path=f"/x/{number}.deb", target="x"), identity=identity, package=package, files=files,
                   objects=(), problems=(), built=None, status=PackageStatus.COMPLETE)  # fmt: skip


MISFITS = {
    "an operator that does not exist": _reading(package=msgspec.structs.replace(
        PACKAGE, relations=(Relation("depends", "x", "~", "1"),))),
    "a control file that is no JSON": _reading(package=msgspec.structs.replace(PACKAGE, control="{")),
    "a mode beyond 63 bits": _reading(files=(msgspec.structs.replace(FILE, mode=2**64 - 1),)),
    "a privilege from nowhere": _reading(files=(msgspec.structs.replace(FILE, privilege="setuid"),)),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_facts_that_fit_no_column_cost_their_package_alone(name: str, db: Database) -> None:
    scan_id = _started(db)
    assert not write(db, MISFITS[name], scan_id=scan_id, extraction=EXTRACTION)
    assert write(db, _reading(1), scan_id=scan_id, extraction=EXTRACTION)
    assert db.execute("SELECT status FROM package ORDER BY sha256").fetchall() == [("unreadable",), ("complete",)]
    assert db.execute("SELECT stage, kind FROM problem").fetchall() == [("store", "internal")]
    assert db.execute("SELECT count(*) FROM relation").fetchone()[0] == 1
    assert db.execute("SELECT count(*) FROM file").fetchone()[0] == 1


def test_a_misfit_leaves_what_was_known_before(db: Database) -> None:
    scan_id = _started(db)
    write(db, _reading(), scan_id=scan_id, extraction=EXTRACTION)
    assert not write(db, next(iter(MISFITS.values())), scan_id=scan_id, extraction=EXTRACTION)
    assert db.execute("SELECT status, name FROM package").fetchall() == [("complete", "thing")]
    assert db.execute("SELECT count(*) FROM relation").fetchone()[0] == 1


def test_writing_goes_on_after_another_process_wrote(db: Database, tmp_path: Path) -> None:
    scan_id = _started(db)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    for number in range(5):
        other.execute("INSERT INTO symbol (name) VALUES (?)", [str(number)])
        assert write(db, _reading(number), scan_id=scan_id, extraction=EXTRACTION)
    other.close()


def test_of_the_names_of_a_package_the_first_is_kept(db: Database) -> None:
    scan_id = _started(db)
    for name in ("m", "z", "b", "c"):
        reading = msgspec.structs.replace(_reading(), job=Job(path=f"/{name}.deb", target="x"))
        if name == "m":
            write(db, reading, scan_id=scan_id, extraction=EXTRACTION)
        else:
            met_again(db, reading)
    assert db.execute("SELECT filename FROM package").fetchall() == [("b.deb",)]


def test_what_is_stored_twice_in_a_scan_tells_its_problems_once(db: Database) -> None:
    """An interruption may come between the commit of what was read and the line that forgets it."""
    told = (Problem(stage=Stage.SOURCE, kind=ProblemKind.MISSING, message="not there"),)
    unknown = msgspec.structs.replace(_reading(), identity=None, package=None, files=(), problems=told,
                                      status=PackageStatus.UNREADABLE)  # fmt: skip
    partial = msgspec.structs.replace(_reading(1), problems=told, status=PackageStatus.PARTIAL)
    for scan_id in (_started(db), _started(db)):
        for _ in range(2):
            store.write_all(db, [unknown, partial], scan_id=scan_id, extraction=EXTRACTION)
    assert db.execute("SELECT scan_id, package_id FROM problem ORDER BY 2, 1").fetchall() == [
        (1, None), (2, None), (2, 1)]  # fmt: skip
