"""Records of every process arrive, one line each, whoever is killed meanwhile. Real processes throughout."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import pytest

from archscan.model import End, Job, Limits, Log, ProblemKind
from archscan.pool import readings
from archscan.pool.frames import Send
from archscan.pool.logs import emit, shared_logging
from archscan.scan.log_file import opened as log_file

LIMITS = Limits(deadline=60.0, memory_bytes=3 << 30)
RECORDS = 90  # of each package: a hundred are passed on
LINE = re.compile(
    r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([A-Z]+) ([a-z]+(?:-\d+)?\[\d+\]) (\S+) ([\w.\\-]+): (.*)$"
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log file that the root logger writes to, and nothing else."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = [log_file(tmp_path / "scan.log", logging.INFO)]
    root.setLevel(logging.INFO)
    yield tmp_path / "scan.log"
    root.handlers[0].close()
    root.handlers, root.level = handlers, level


def _parsed(path: Path) -> list[tuple[str, ...]]:
    """Time, level, process, package, logger and text of each line; any other line fails the test."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        match = LINE.match(line)
        assert match, line
        found.append(match.groups())
    return found


def opened(one: Job) -> tuple[Job, int]:
    """Any file: nobody looks into it."""
    return one, os.open(__file__, os.O_RDONLY | os.O_CLOEXEC)


def _job(name: str) -> Job:
    return Job(path=f"pool/{name}", target="x")


def _talkative(job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    for number in range(RECORDS):
        logging.getLogger("tests.pool").info("record %d", number)
        if job.path.endswith("doomed") and number == RECORDS // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if job.path.endswith("worker-killer") and number == RECORDS // 2 and not _mark(job).exists():
            _mark(job).touch()
            os.kill(_parent(os.getppid()), signal.SIGKILL)
            signal.pause()
    send(End())


def _mark(job: Job) -> Path:
    return Path(job.target)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.usefixtures("helpless")
@pytest.mark.parametrize("workers", [1, 3])
def test_fifty_killed_children_silence_nobody(workers: int, log: Path) -> None:
    names = [f"{number}-{way}" for number in range(50) for way in ("fine", "doomed")]
    found = {reading.job.path: reading for reading in readings(map(_job, names), _talkative, LIMITS, workers, opened)}
    assert len(found) == len(names)
    killed = [name for name in found if found[name].problems]
    assert len(killed) == 50
    assert {found[name].problems[0].kind for name in killed} == {ProblemKind.KILLED}
    lines = _parsed(log)
    for name in names:
        ours = [line for line in lines if (line[1], *line[3:5]) == ("INFO", name, "tests.pool")]
        assert all(process.startswith("child[") for _, _, process, *_ in ours)
        texts = [line[5] for line in ours]
        if name.endswith("fine"):
            assert texts == [f"record {number}" for number in range(RECORDS)]
        else:  # what it had said before its end, in both attempts, is there as far as it had left its hands
            again = texts.index("record 0", 1) if "record 0" in texts[1:] else len(texts)
            for attempt in (texts[:again], texts[again:]):
                assert attempt == [f"record {number}" for number in range(len(attempt))]


@pytest.mark.usefixtures("helpless")
def test_a_killed_worker_silences_nobody(log: Path, tmp_path: Path) -> None:
    names = [f"{number}-fine" for number in range(40)]
    killers = [Job(path=f"pool/{number}-worker-killer", target=str(tmp_path / str(number))) for number in range(2)]
    jobs = [_job(name) for name in names]
    jobs[10:10], jobs[30:30] = killers[:1], killers[1:]
    found = [reading.job.path for reading in readings(jobs, _talkative, LIMITS, 3, opened)]
    assert sorted(found) == sorted(job.path for job in jobs)
    lines = _parsed(log)
    assert sum("a worker was killed from outside" in text for *_, text in lines) == 2
    for name in found:  # what is read again may say it again
        texts = {text for *_, package, _, text in lines if package == name.rpartition("/")[2]}
        assert texts >= {f"record {number}" for number in range(RECORDS)}, name


def test_what_workers_log_themselves_arrives(log: Path) -> None:
    def work() -> None:
        for number in range(RECORDS):
            logging.getLogger("tests.pool").warning("mine %d", number, extra={"package": "pool/x.deb"})

    with shared_logging():
        workers = [multiprocessing.get_context("fork").Process(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        logging.getLogger("tests.pool").warning("ours")
    lines = _parsed(log)
    assert len(lines) == 3 * RECORDS + 1
    assert {(process, package) for _, _, process, package, _, text in lines if text.startswith("mine")} == {
        (f"worker-{worker.name.partition('-')[2]}[{worker.pid}]", "x.deb") for worker in workers
    }
    assert [process for _, _, process, _, _, text in lines if text == "ours"] == [f"main[{os.getpid()}]"]


def test_what_a_process_says_cannot_forge_a_line(log: Path) -> None:
    def hostile(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
        logging.getLogger("tests\n.pool").warning("one\nERROR two\r\x1b[31m \u202e\u2028\x85 \\n %s", "\udcff")
        forged = "2026-01-01T00:00:00.000Z ERROR main[1] x y: forged\n"
        send(Log(level=50, logger="a\nb\x1b", message=forged * 2, created=float("nan"), process=-5))
        send(Log(level=50, logger="later", message="later", created=1e18))
        send(End())

    job = Job(path="pool/a b\\x0ac", target="x")
    assert len(list(readings([job], hostile, LIMITS, 1, opened))) == 1
    lines = _parsed(log)
    assert [level for _, level, *_ in lines] == ["WARNING", "CRITICAL", "CRITICAL"]
    assert {package for *_, package, _, _ in lines} == {"a\\x20b\\x0ac"}
    assert lines[0][4:] == (
        "tests\\x0a.pool",
        r"one\nERROR two\n\x1b[31m \xe2\x80\xae\n\n \\n \xff",
    )
    assert lines[1][4] == "a\\x0ab\\x1b"
    assert lines[2][0] < "2100"


def test_a_traceback_is_one_line(log: Path) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("tests.pool").exception("it failed")
    (line,) = _parsed(log)
    assert line[2].startswith("main[")
    assert line[3] == "-"
    assert "it failed\\nTraceback" in line[5]
    assert line[5].endswith("ValueError: first\\nsecond")


def test_a_file_that_was_moved_away_is_made_anew(log: Path) -> None:
    """As logrotate does it, without a word to anybody."""
    logging.getLogger().info("before")
    log.rename(log.with_suffix(".1"))
    logging.getLogger().info("after")
    assert _parsed(log)[0][5] == "after"
    assert _parsed(log.with_suffix(".1"))[0][5] == "before"


def test_a_file_that_was_cut_goes_on_at_its_beginning(log: Path) -> None:
    """As logrotate does it with ``copytruncate``."""
    logging.getLogger().info("before")
    os.truncate(log, 0)
    logging.getLogger().info("after")
    assert [line[5] for line in _parsed(log)] == ["after"]


def test_a_log_that_cannot_be_written_any_more_is_said_once(log: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = log.parent / "gone"
    folder.mkdir()
    handler = log_file(folder / "a.log", logging.INFO)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    for _ in range(3):
        handler.handle(logging.LogRecord("x", logging.INFO, "", 0, "text", (), None))
    handler.close()
    assert capfd.readouterr().err.splitlines() == [
        f"archscan: the log file {folder / 'a.log'} cannot be written: No such file or directory"
    ]


def test_levels_that_nobody_listens_to_are_not_made(log: Path) -> None:
    emit(Log(level=logging.DEBUG, logger="x", message="x"), "p")
    assert log.read_text() == ""
