"""What a cluster costs beside this machine's own processes: the same packages, as many processes, in turns.

    python -m tests.bench.elsewhere FOLDER [--workers 2] [--turns 3] [--trivial 2000]

CPU is that of all processes: the workers, their spawners and children, home, and the scheduler, which is also shown
by itself. `--trivial N` sends N jobs with nothing to read, which shows how many a scheduler and home can take.
"""

from __future__ import annotations

import argparse
import functools
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from archscan import sources
from archscan.cli.data import rule_directories
from archscan.cli.installed import installed
from archscan.crypto.catalogue import load_all
from archscan.model import Job, Limits, Reading
from archscan.pool import Cluster, readings, readings_elsewhere
from archscan.scan.package import prepare, read_package
from tests.pool import cluster_work, clusters

_TICK = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> float:
    """Seconds of CPU of a living process and of the children that it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK


def own() -> float:
    """Seconds of CPU of this process and of the children that it waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def measured(what: str, made: clusters.Cluster, begin: Callable[[], Iterable[Reading]]) -> None:
    """Print what the readings cost."""
    others = [made.scheduler.pid, *(worker.pid for worker in made.workers)]
    before, home, started = {pid: used(pid) for pid in others}, own(), time.monotonic()
    first, count, problems = 0.0, 0, 0
    for reading in begin():
        first = first or time.monotonic() - started
        count += 1
        problems += bool(reading.problems)
    seconds, at_home = time.monotonic() - started, own() - home
    after = {pid: used(pid) - before[pid] for pid in others}
    scheduler = after[made.scheduler.pid]
    total = at_home + sum(after.values())
    print(
        f"{what:8} {count} packages ({problems} with problems): {seconds:.1f} s, the first after {first:.1f} s;",
        end=" ",
    )
    print(f"CPU {total:.1f} s ({1000 * total / count:.1f} ms each): home {at_home:.1f} s, scheduler {scheduler:.1f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--trivial", type=int, default=0)
    chosen = parser.parse_args()
    catalogue = load_all(rule_directories(()))
    work = functools.partial(read_package, catalogue=catalogue, exports="")
    jobs = [Job(path=str(path), target="") for path in sorted(chosen.folder.resolve().glob("*.deb"))]
    openers = functools.partial(sources.openers, Path.cwd(), sources.Fetching(), frozenset(), Limits())
    opened = functools.partial(sources.identified, known=frozenset(), limits=Limits())
    with tempfile.TemporaryDirectory() as folder, clusters.cluster(Path(folder), chosen.workers) as made:
        there = Cluster(address=made.address, installed=installed, openers=openers)
        list(readings_elsewhere(jobs[:4], work, Limits(), there, prepare))  # the workers have begun
        for _ in range(chosen.turns):
            local = functools.partial(readings, jobs, work, Limits(), chosen.workers, opened, prepare)
            measured("here", made, local)
            measured("cluster", made, lambda: readings_elsewhere(jobs, work, Limits(), there, prepare))
        if chosen.trivial:
            nothing = [Job(path=f"{number}", target="") for number in range(chosen.trivial)]
            quick = Cluster(address=made.address, installed=installed, openers=cluster_work.quiet_openers)
            empty = cluster_work.quiet_openers()()
            idle = functools.partial(readings, nothing, cluster_work.trivial, Limits(), chosen.workers, empty)
            for _ in range(chosen.turns):
                measured("here", made, idle)
                measured("cluster", made, lambda: readings_elsewhere(nothing, cluster_work.trivial, Limits(), quick))


if __name__ == "__main__":
    main()
