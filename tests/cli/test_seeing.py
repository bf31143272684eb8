"""What a person, a log and other programs see of a scan while it runs. The real command throughout."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import msgspec
import pytest

from archscan.scan import progress_file
from archscan.scan.progress_file import Standing
from tests.scan.scanning import ARCHSCAN, archscan, rows

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/progress.schema.json").read_text())
LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) (\w+)[-\d]*\[(\d+)\] (\S+) ([\w.]+): (.*)$")


@pytest.fixture(scope="module")
def pool(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    for name in sorted(corpus_debs)[:5]:
        shutil.copy(corpus_debs[name], folder)
    (folder / "broken_1_all.deb").write_bytes(b"!<arch>\nnothing")
    return folder


def _standing(path: Path) -> Standing:
    """What a progress file says, which is what the schema promises."""
    text = path.read_bytes()
    jsonschema.validate(json.loads(text), SCHEMA)
    return msgspec.json.decode(text, type=Standing)


def test_the_progress_file_says_how_it_ended(pool: Path, tmp_path: Path) -> None:
    db, file = tmp_path / "a.db", tmp_path / "progress.json"
    done = archscan("scan", "-q", "--db", db, "--progress-file", file, pool)
    assert done.returncode == 11
    said = _standing(file)
    assert (said.state, said.phase, said.scan) == ("finished", "done", 1)
    assert said.packages_done == said.packages_total == len(list(pool.iterdir()))
    assert said.bytes_done == said.bytes_total == sum(path.stat().st_size for path in pool.iterdir())
    assert said.problems > 0
    assert rows(db, "SELECT count(*) FROM problem") == [(said.problems,)]
    assert said.database == str(db)
    assert [path.name for path in tmp_path.iterdir() if "progress" in path.name] == ["progress.json"]
    assert not progress_file.is_alive(said, datetime.now(UTC))


def test_a_scan_that_fails_says_why(pool: Path, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all")
    done = archscan("scan", "--db", tmp_path / "a.db", "--progress-file", tmp_path / "p.json", pool)
    assert done.returncode == 1
    said = _standing(tmp_path / "p.json")
    assert (said.state, said.scan, said.packages_total) == ("failed", None, None)
    assert "no SQLite database" in (said.message or "")


def _soon(true: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not (holds := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return holds


def _spawner(pid: int) -> int | None:
    """The child that forks those which read, once it holds nothing but its socket; others come and go."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            held = [str(link.readlink()) for link in Path(f"/proc/{child}/fd").iterdir()]
            if any(link.startswith("socket:") for link in held) and not any(".db" in link for link in held):
                return int(child)
    return None


@pytest.fixture
def running(pool: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path, int]]:
    """A scan that reads packages and was held up: its process, its progress file, and what to let go on."""
    file = tmp_path / "p.json"
    command = [
        *ARCHSCAN,
        "scan",
        "--db",
        str(tmp_path / "a.db"),
        "--jobs",
        "1",
        "--progress-file",
        str(file),
        str(pool),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        assert _soon(lambda: file.exists() and _spawner(process.pid) is not None)
        spawner = _spawner(process.pid)
        assert spawner is not None
        os.kill(spawner, signal.SIGSTOP)
        yield process, file, spawner
    finally:
        process.kill()
        process.communicate()


def test_a_scan_that_waits_says_that_it_is_alive(running: tuple[subprocess.Popen[bytes], Path, int]) -> None:
    process, file, spawner = running
    time.sleep(1.2)  # the package that was under way is done
    before = _standing(file)
    assert (before.state, before.scan, before.pid) == ("running", 1, process.pid)
    assert _soon(lambda: _standing(file).updated > before.updated, 5)
    after = _standing(file)
    assert after.packages_done == before.packages_done < (after.packages_total or 0)
    assert progress_file.is_alive(after, datetime.now(UTC))
    assert not progress_file.is_alive(after, datetime.now(UTC) + timedelta(minutes=10))
    os.kill(spawner, signal.SIGCONT)
    assert process.wait(60) == 11
    assert _standing(file).state == "finished"


def test_a_scan_that_was_killed_is_known_to_be_dead(running: tuple[subprocess.Popen[bytes], Path, int]) -> None:
    process, file, _ = running
    process.kill()
    process.wait()
    said = _standing(file)
    assert said.state == "running"  # it could not say more
    assert not progress_file.is_alive(said, datetime.now(UTC))
    elsewhere = msgspec.structs.replace(said, host="another")
    assert progress_file.is_alive(elsewhere, datetime.now(UTC))  # who can tell


def test_an_interruption_is_said(running: tuple[subprocess.Popen[bytes], Path, int]) -> None:
    process, file, _ = running
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"Traceback" not in errors
    said = _standing(file)
    assert (said.state, said.eta) == ("interrupted", None)


def test_every_state_of_the_file_is_a_whole_one(pool: Path, tmp_path: Path) -> None:
    """Whoever reads it as fast as it can meets no half of it."""
    file = tmp_path / "p.json"
    command = [*ARCHSCAN, "scan", "-q", "--db", str(tmp_path / "a.db"), "--progress-file", str(file), str(pool)]
    process = subprocess.Popen(command)
    seen = set()
    while process.poll() is None:
        if file.exists():
            said = _standing(file)
            seen.add((said.phase, said.updated))
    assert len(seen) > 2
    assert {"preparing", "reading"} <= {phase for phase, _ in seen}


def test_the_log_file_has_a_line_for_each_package_and_problem(pool: Path, tmp_path: Path) -> None:
    for jobs in ("1", "2"):
        log, db = tmp_path / f"{jobs}.log", tmp_path / f"{jobs}.db"
        assert (
            archscan("scan", "-q", "--db", db, "--jobs", jobs, "--log-file", log, pool, "missing.deb").returncode == 11
        )
        lines = [match.groups() for match in map(LINE.match, log.read_text().splitlines()) if match]
        assert len(lines) == len(log.read_text().splitlines())
        told = sorted(package for level, *_, package, name, _ in lines if (level, name) == ("INFO", "archscan.package"))
        assert told == sorted([*(path.name for path in pool.iterdir()), "missing.deb"])
        sizes = [int(size) for *_, text in lines for size in re.findall(r"^\w+: bytes=(\d+)", text)][1:]
        assert jobs != "1" or sizes == sorted(sizes, reverse=True)  # the largest first; what is missing before all
        problems = sum(level == "WARNING" for level, *_ in lines)
        assert problems >= 2
        assert rows(db, "SELECT count(*) FROM problem") == [(problems,)]
    again = tmp_path / "again.log"
    assert archscan("scan", "-q", "--db", db, "--log-file", again, pool).returncode == 11
    assert again.read_text() == ""  # nothing was read


def test_problems_stay_out_of_the_way_of_the_summary(pool: Path, tmp_path: Path) -> None:
    done = archscan("scan", "--db", tmp_path / "a.db", "--log-file", tmp_path / "a.log", pool / "broken_1_all.deb")
    assert done.stderr == ""
    assert "WARNING" in (tmp_path / "a.log").read_text()
    done = archscan("scan", "-v", "--db", tmp_path / "b.db", pool / "broken_1_all.deb")
    assert "WARNING archscan.package: " in done.stderr


@pytest.mark.parametrize("option", ["--log-file", "--progress-file"])
def test_a_file_that_cannot_be_written_is_wrong_usage_before_anything_begins(
    option: str, pool: Path, tmp_path: Path
) -> None:
    places = [tmp_path / "no" / "such" / "folder", tmp_path]
    places += [Path("/dev/null")] if option == "--progress-file" else []
    for place in places:
        done = archscan("scan", "--db", tmp_path / "a.db", option, place, pool)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr
        assert str(place) in done.stderr
        assert not (tmp_path / "a.db").exists()
    assert Path("/dev/null").is_char_device()


def test_a_log_on_a_full_disk_ends_no_scan(pool: Path, tmp_path: Path) -> None:
    done = archscan("scan", "-q", "--db", tmp_path / "a.db", "--log-file", "/dev/full", pool)
    assert done.returncode == 11
    assert done.stderr.splitlines() == ["archscan: the log file /dev/full cannot be written: No space left on device"]


def test_a_terminal_has_a_bar_and_keeps_nothing_of_it(pool: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    command = [*ARCHSCAN, "scan", "--db", str(tmp_path / "a.db"), str(pool)]
    process = subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    shown = b""
    while process.poll() is None or select.select([ours], [], [], 0)[0]:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                shown += os.read(ours, 1 << 16)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    assert process.wait() == 11
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    total = len(list(pool.iterdir()))
    assert f"{total}/{total}" in text
    assert "1 problem" in text
    assert "for 0 s" in text  # before it is known how fast it goes
    assert "Traceback" not in text
    assert max(map(len, re.split("[\r\n]", text))) <= 100
    assert shown.endswith(b"\x1b[2K")  # the line is wiped
