"""A cluster reads packages as this machine does, whatever happens to its processes. Real ones throughout."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from archscan.errors import PoolError, UsageError
from archscan.model import Job, Limits, ProblemKind, Reading
from archscan.pool import Cluster, readings_elsewhere
from archscan.pool.cluster import checked
from tests.pool import cluster_work, clusters
from tests.pool.clusters import cluster, descendants, kept_at, soon

LIMITS = Limits(deadline=60)
NAMES = [f"fine-{number}" for number in range(60)]


def jobs(names: list[str]) -> Iterator[Job]:
    return (Job(path=name, target=name) for name in names)


def there(made: clusters.Cluster, patience: float = 60, job_patience: float = 3600) -> Cluster:
    return Cluster(
        address=made.address, installed=cluster_work.installed, openers=cluster_work.openers, patience=patience,
        job_patience=job_patience,
    )  # fmt: skip


def read(
    made: clusters.Cluster, names: list[str], limits: Limits = LIMITS, patience: float = 60
) -> Generator[Reading, None, None]:
    return readings_elsewhere(jobs(names), cluster_work.work, limits, there(made, patience))


def all_fine(found: list[Reading], names: list[str]) -> bool:
    size = Path(cluster_work.__file__).stat().st_size
    same = sorted(reading.job.path for reading in found) == sorted(names)
    return same and all(one.identity and one.identity.size == size and not one.problems for one in found)


@pytest.mark.full
def test_what_is_logged_there_is_logged_here_and_nothing_stays_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with cluster(tmp_path, 1, threads=2) as made, caplog.at_level(logging.WARNING):
        assert all_fine(list(read(made, NAMES[:8])), NAMES[:8])
        logged = {record.getMessage() for record in caplog.records}
        assert {f"{what} {name}" for what in ("opened", "read") for name in NAMES[:8]} <= logged
        assert soon(lambda: not descendants(made.workers[0].pid))


@pytest.mark.full
def test_a_worker_that_is_killed_costs_a_retry_and_its_children_end_with_it(tmp_path: Path) -> None:
    with cluster(tmp_path, 3) as made:
        found = []
        for reading in read(made, NAMES):
            found.append(reading)
            if len(found) == 10:
                left = descendants(made.workers[0].pid)
                made.workers[0].kill()
                assert left
        assert all_fine(found, NAMES)
        assert soon(lambda: not any(_lives(pid) for pid in left), 5)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.full
def test_a_spawner_that_is_killed_costs_a_retry(tmp_path: Path) -> None:
    with cluster(tmp_path, 1, threads=2) as made:
        found = []
        for reading in read(made, NAMES):
            found.append(reading)
            if len(found) == 10:
                for pid in descendants(made.workers[0].pid):
                    with suppress(ProcessLookupError):  # a child that was done
                        os.kill(pid, signal.SIGKILL)
        assert all_fine(found, NAMES)


@pytest.mark.full
def test_a_scheduler_that_restarts_costs_retries(tmp_path: Path) -> None:
    """The workers end with it, and are begun again by whatever watches over them."""
    with cluster(tmp_path, 2) as made:
        found = []
        for reading in read(made, NAMES):
            found.append(reading)
            if len(found) == 10:
                made.scheduler.kill()
                made.scheduler.wait()
                made.start_scheduler()
                for _ in range(2):
                    made.start_worker()
        assert all_fine(found, NAMES)


@pytest.mark.full
def test_a_scheduler_that_is_gone_for_good_ends_the_run_with_one_line(tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as made:
        found = []

        def follow() -> None:
            for reading in read(made, NAMES, patience=5):
                found.append(reading)
                if len(found) == 10:
                    made.scheduler.kill()

        with pytest.raises(PoolError, match=f"no scheduler of dask answers at 127.0.0.1:{made.port}"):
            follow()
        assert len(found) >= 10


@pytest.mark.full
def test_a_worker_that_stands_still_for_a_while_costs_nothing(tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as made:
        found = []
        for reading in read(made, NAMES):
            found.append(reading)
            if len(found) == 10:
                os.kill(made.workers[0].pid, signal.SIGSTOP)
                subprocess.Popen(["sh", "-c", f"sleep 6; kill -CONT {made.workers[0].pid}"]).wait()
        assert all_fine(found, NAMES)


@pytest.mark.full
def test_a_child_that_crashes_or_hangs_leaves_its_worker_alive(tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as made:
        found = {one.job.path: one for one in read(made, [*NAMES[:6], "crash", "hang"], Limits(deadline=1.5))}
        assert {problem.kind for problem in found.pop("crash").problems} == {ProblemKind.CRASH}
        assert {problem.kind for problem in found.pop("hang").problems} == {ProblemKind.TIMEOUT}
        assert all_fine(list(found.values()), NAMES[:6])
        assert all(worker.poll() is None for worker in made.workers)


@pytest.mark.full
def test_a_job_that_ends_each_worker_is_given_up_and_takes_no_other_along(tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as made:
        with kept_at(made, 2):
            found = {one.job.path: one for one in read(made, ["end-of-worker", *NAMES])}
        assert {problem.kind for problem in found.pop("end-of-worker").problems} == {ProblemKind.KILLED}
        assert all_fine(list(found.values()), NAMES)


@pytest.mark.full
def test_a_worker_with_another_catalogue_is_given_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with cluster(tmp_path, 1) as made, caplog.at_level(logging.WARNING):
        made.start_worker(environ={"TEST_CATALOGUE": "another"})
        found = []
        for reading in read(made, NAMES):
            found.append(reading)
            assert descendants(made.workers[1].pid) == set()
        assert all_fine(found, NAMES)
    said = [record.getMessage() for record in caplog.records if "takes no packages" in record.getMessage()]
    assert len(said) == 1
    assert "it has catalogue another, and where the results go it is digest-of-home" in said[0]


@pytest.mark.full
def test_where_no_worker_is_fit_the_run_ends_at_once(tmp_path: Path) -> None:
    with cluster(tmp_path, 0) as made:
        made.start_worker(environ={"TEST_CATALOGUE": "another"})
        started = time.monotonic()
        with pytest.raises(PoolError, match="it has catalogue another, and where the results go it is digest-of-home"):
            list(read(made, NAMES))
        assert time.monotonic() - started < 30


@pytest.mark.full
def test_workers_may_join_later(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as made:
        found, served = [], set[int]()
        for reading in read(made, [*NAMES, *(f"more-{number}" for number in range(120))]):
            found.append(reading)
            if len(found) == 5:
                made.start_worker()
            served |= {worker.pid for worker in made.workers if descendants(worker.pid)}
        assert len(found) == 180
        assert served == {worker.pid for worker in made.workers}


@pytest.mark.full
def test_who_wants_no_more_leaves_the_cluster_usable(tmp_path: Path) -> None:
    with cluster(tmp_path, 1, threads=2) as made:
        arriving = read(made, ["hang", "hang", *NAMES[:2]])
        begun = readings_elsewhere(jobs(["fine-0", "hang"]), cluster_work.work, LIMITS, there(made))
        next(begun)
        assert soon(lambda: bool(descendants(made.workers[0].pid)))
        begun.close()
        assert soon(lambda: not descendants(made.workers[0].pid), 5)
        assert all_fine(list(read(made, NAMES[:6])), NAMES[:6])
        arriving.close()


@pytest.mark.parametrize("address", ["dask://nowhere", "http://localhost:1", "dask://:8786", "localhost:8786"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="expected dask://HOST:PORT"):
        checked(address)


def test_without_the_extra_it_is_named() -> None:
    program = "import sys; sys.modules['distributed'] = None; from archscan.pool import cluster; cluster.checked('dask://a:1')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "pip install 'archscan[dask]'" in done.stderr
