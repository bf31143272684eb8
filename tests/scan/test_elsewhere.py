"""A scan by a cluster gives the database that a serial one gives, though a worker is killed in the middle."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from archscan import scan as flow
from archscan import sources
from archscan.cli.data import rule_directories
from archscan.cli.installed import installed
from archscan.crypto.catalogue import load_all
from archscan.model import Job, Limits, PackageStatus
from archscan.pool import Cluster, readings_elsewhere
from archscan.scan.package import prepare, read_package
from tests.pool.clusters import cluster
from tests.scan.scanning import archscan, assert_sound, dumped, rows, scan


@pytest.fixture(scope="session")
def pool(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen packages of the corpus, one that is none, and one that is cut off."""
    folder = tmp_path_factory.mktemp("pool")
    for name in sorted(corpus_debs)[:16]:
        shutil.copy(corpus_debs[name], folder)
    (folder / "none.deb").write_bytes(b"no package")
    (folder / "cut.deb").write_bytes(corpus_debs[min(corpus_debs)].read_bytes()[:-1000])
    return folder


def test_a_worker_killed_in_the_middle_changes_nothing(pool: Path, tmp_path: Path) -> None:
    scan(tmp_path / "serial.db", "--jobs", "1", pool)
    db, done = tmp_path / "elsewhere.db", 0
    with cluster(tmp_path, 3) as made:

        def kill_one(_progress: flow.Progress) -> None:
            nonlocal done
            done += 1
            if done == 6:
                made.workers[1].kill()

        options = flow.Options(
            database=db, data=rule_directories(()), command="", executor=made.address, installed=installed
        )
        with Path(os.devnull).open("rb") as nothing:
            outcome = flow.scan([str(pool)], options, nothing, kill_one)
        assert made.workers[1].wait(1) != 0
    assert done > 16
    assert outcome.read == 18
    assert_sound(db)
    assert dumped(db) == dumped(tmp_path / "serial.db")
    assert rows(db, "SELECT count(*) FROM package GROUP BY sha256 HAVING count(*) > 1") == []


@pytest.mark.full
def test_the_command_asks_a_cluster_and_keeps_what_was_finished(pool: Path, tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as made:
        assert scan(tmp_path / "a.db", "--executor", made.address, pool) == 11  # two of them are no packages
        assert scan(tmp_path / "b.db", "--jobs", "2", pool) == 11
        assert dumped(tmp_path / "a.db") == dumped(tmp_path / "b.db")
        done = archscan("scan", "--executor", made.address, "--jobs", "2", pool)
        assert done.returncode == 2
        assert "--executor" in done.stderr


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.mark.full
def test_workers_fetch_what_a_job_names_by_its_url(pool: Path, tmp_path: Path) -> None:
    work = functools.partial(read_package, catalogue=load_all(rule_directories(())), exports="")
    openers = functools.partial(sources.openers, Path("/nowhere"), sources.Fetching(), frozenset(), Limits())
    with cluster(tmp_path, 2, threads=2) as made, _served(pool) as url:
        jobs = [
            Job(path=path.name, target="", url=url + path.name, size=path.stat().st_size,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest())
            for path in sorted(pool.iterdir())
        ]  # fmt: skip
        lying = msgspec.structs.replace(jobs[0], path="lying.deb", sha256="0" * 64)
        there = Cluster(address=made.address, installed=installed, openers=openers)
        arriving = readings_elsewhere([*jobs, lying], work, Limits(), there, prepare)
        found = {reading.job.path: reading for reading in arriving}
    assert [problem.kind for problem in found.pop("lying.deb").problems] == ["mismatch"]
    assert len(found) == len(jobs)
    unread = {name for name, reading in found.items() if reading.status != PackageStatus.COMPLETE}
    assert unread == {"none.deb", "cut.deb"}
    for job in jobs:
        identity = found[job.path].identity
        assert identity
        assert (identity.sha256, identity.size) == (job.sha256, job.size)
