"""From packages to findings: however a scan is run, the database is the same."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from corpus.debs import Entry, deb
from tests.scan.scanning import ARCHSCAN, archscan, assert_sound, dumped, rows, scan


@pytest.fixture(scope="session")
def pool(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    for path in corpus_debs.values():
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def whole(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    db = tmp_path_factory.mktemp("whole") / "serial.db"
    assert scan(db, "--jobs", "1", pool) in (0, 11)
    return db


@pytest.mark.parametrize("jobs", ["2", "4"])
def test_the_number_of_workers_changes_nothing(jobs: str, pool: Path, whole: Path, tmp_path: Path) -> None:
    scan(tmp_path / "a.db", "--jobs", jobs, pool)
    assert dumped(tmp_path / "a.db") == dumped(whole)


def test_a_second_scan_adds_nothing(pool: Path, whole: Path, tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    shutil.copy(whole, db)
    before = dumped(db)
    first = scan(db, pool)
    assert dumped(db) == before
    assert first == scan(db, pool)
    assert rows(db, "SELECT DISTINCT value FROM metric WHERE name = 'packages read' AND scan_id > 1") == [(0.0,)]


def test_every_object_hangs_on_a_file_and_every_finding_on_an_occurrence(whole: Path) -> None:
    assert_sound(whole)
    assert rows(whole, "SELECT path FROM elf WHERE file_id IS NULL") == []
    assert rows(whole, "SELECT id FROM finding WHERE id NOT IN (SELECT finding_id FROM occurrence)") == []
    assert rows(whole, "SELECT count(*) FROM elf")[0][0] != 0


def test_another_extractor_replaces_the_facts(
    pool: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archscan import scan as flow

    db = tmp_path / "a.db"
    shutil.copy(whole, db)
    before = dumped(db)
    monkeypatch.setattr(flow, "EXTRACTOR", "other")
    options = flow.Options(database=db, data=(Path("rules"),), command="test")
    with Path(os.devnull).open("rb") as nothing:
        outcome = flow.scan([str(pool)], options, nothing)
    assert outcome.known == 0
    assert_sound(db)
    changed = dumped(db)
    assert [line for line in changed if not line.startswith('["package"')] == [
        line for line in before if not line.startswith('["package"')
    ]
    assert len(changed) == len(before)
    assert changed != before


def test_a_scan_killed_at_any_instant_is_completed_by_the_next(pool: Path, whole: Path, tmp_path: Path) -> None:
    wanted = dumped(whole)
    instants = random.Random(7)
    for number in range(4):
        db = tmp_path / f"{number}.db"
        command = [*ARCHSCAN, "scan", "-q", "--db", str(db), "--jobs", "2", str(pool)]
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(instants.uniform(0.4, 1.6))
        running.kill()
        running.wait()
        if db.exists():
            assert_sound(db)
        scan(db, pool)
        assert dumped(db) == wanted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupted_scan_keeps_what_it_finished(
    number: signal.Signals, jobs: str, pool: Path, whole: Path, tmp_path: Path
) -> None:
    db = tmp_path / "a.db"
    command = [*ARCHSCAN, "scan", "--db", str(db), "--jobs", jobs, str(pool)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    end = time.monotonic() + 20
    while time.monotonic() < end and not _packages(db):
        time.sleep(0.005)
    sent = time.monotonic()
    os.killpg(running.pid, number) if jobs == "2" else running.send_signal(number)
    _, errors = running.communicate(timeout=20)
    assert time.monotonic() - sent < 5
    assert b"Traceback" not in errors
    assert_sound(db)
    if running.returncode == 1:  # it was not done before the signal came
        assert b"interrupted" in errors
        assert rows(db, "SELECT state FROM scan") == [("interrupted",)]
    assert _packages(db)
    scan(db, pool)
    assert dumped(db) == dumped(whole)


def _packages(db: Path) -> int:
    try:
        return int(str(rows(db, "SELECT count(*) FROM package")[0][0]))
    except Exception:  # noqa: BLE001  # no database yet, or no tables in it
        return 0


def _package(folder: Path, version: str, objects: dict[str, bytes], *, cut: int = 0) -> Path:
    control = f"Package: thing\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n".encode()
    data = [Entry(name=f"./{name}".encode(), data=content, mode=0o755) for name, content in objects.items()]
    path = folder / f"thing_{version}_amd64.deb"
    built = deb([Entry(name=b"./control", data=control)], data, control_compression="gz", data_compression="none")
    path.write_bytes(built[: len(built) - cut] if cut else built)
    return path


def test_findings_open_and_close_with_versions(corpus_objects: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    bad = corpus_objects["no-pie"]["usr/bin/no-pie"].read_bytes()
    good = corpus_objects["hardened"]["usr/bin/hardened"].read_bytes()
    db = tmp_path / "a.db"

    def state() -> object:
        return rows(db, "SELECT state FROM finding WHERE rule_id = 'no-pie'")[0][0]

    scan(db, _package(tmp_path, "1", {"usr/bin/thing": bad}))
    assert state() == "open"
    broken = good[:200]  # the newer version cannot be read whole: that closes nothing
    assert scan(db, _package(tmp_path, "2", {"usr/bin/thing": broken})) == 11
    assert state() == "unchecked"
    scan(db, _package(tmp_path, "3", {"usr/bin/thing": good}))
    assert state() == "fixed"
    scan(db, _package(tmp_path, "4", {"usr/bin/thing": bad}))
    assert state() == "open"
    assert rows(db, "SELECT count(*) FROM finding WHERE rule_id = 'no-pie'") == [(1,)]


def test_links_count_an_object_once(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    scan(db, corpus_debs["links"])
    (objects,) = rows(db, "SELECT count(*), count(DISTINCT sha256) FROM elf")
    assert objects[0] == objects[1]
    kinds = {kind for (kind,) in rows(db, "SELECT DISTINCT kind FROM file")}
    assert {"elf", "hardlink", "symlink"} <= kinds


def test_exports_are_filled_on_request(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    scan(db, corpus_debs["hardened"])
    assert rows(db, "SELECT count(*) FROM export") == [(0,)]
    scan(db, "--exports", "libraries", corpus_debs["hardened"])
    assert rows(db, "SELECT count(*) > 0 FROM export") == [(1,)]
    assert rows(db, "SELECT DISTINCT facts FROM package") == [("elf,exports,files",)]


def test_a_user_adds_rules_and_libraries(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "house"
    mine.mkdir(parents=True)
    (mine / "has-interpreter.toml").write_text(
        'id = "has-interpreter"\ntitle = "Has an interpreter"\ncategory = "house"\nseverity = "high"\n'
        'confidence = "certain"\nscope = "object"\nmessage = "{path} is run by {interpreter}"\n'
        "query = \"SELECT id AS elf_id, 'x' AS subject, interpreter FROM elf WHERE interpreter IS NOT NULL\"\n"
        'why = "A rule of this house, for the sake of a test."\nfix = "Nothing needs to be done about it."\n'
        'references = ["none"]\n[[example]]\ncorpus = "hardened"\nfindings = ["usr/bin/hardened"]\n'
    )
    db = tmp_path / "a.db"
    assert scan(db, "--rules", tmp_path / "mine", "--fail-on", "high", corpus_debs["hardened"]) == 10
    assert rows(db, "SELECT severity, state FROM finding WHERE rule_id = 'has-interpreter'") == [("high", "open")]
    assert scan(db, "--rules", tmp_path / "mine", "--fail-on", "high", corpus_debs["hardened"]) == 0
    assert scan(db, "--rules", tmp_path / "mine", "--fail-on", "high", "--all", corpus_debs["hardened"]) == 10


def test_a_gate_and_an_unreadable_package_together_say_both(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    junk = tmp_path / "junk.deb"
    junk.write_bytes(b"no archive")
    done = archscan("scan", "--db", tmp_path / "a.db", "--fail-on", "medium", corpus_debs["no-pie"], junk)
    assert done.returncode == 10
    assert "could not be read whole" in done.stderr


def test_one_package_under_two_names_is_one_row_whatever_comes_first(
    corpus_debs: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("a.deb", "b.deb"):
        shutil.copy(corpus_debs["no-pie"], tmp_path / name)
    orders = (["a.deb", "b.deb"], ["b.deb", "a.deb"], ["b.deb"])
    for number, names in enumerate(orders):
        assert scan(tmp_path / f"{number}.db", "--jobs", "1", *(tmp_path / name for name in names)) == 0
    assert scan(tmp_path / "2.db", tmp_path / "a.deb") == 0  # known by now
    dumps = [dumped(tmp_path / f"{number}.db") for number in range(3)]
    assert dumps[0] == dumps[1] == dumps[2]
    assert rows(tmp_path / "0.db", "SELECT filename FROM package") == [("a.deb",)]
