"""Runs that are killed while they publish, read and store: the next one goes on, and nothing is lost or twice there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scan.scanning import assert_sound, dumped, rows

_RUN = """
import hashlib, itertools, pathlib, sys
from archscan import store
from archscan.model import Identity, Index, Job, Package, PackageStatus, Published, Reading
from archscan.model.version import version_key

EXTRACTION = store.Extraction("1-x", ("elf",))
TOGETHER = int(sys.argv[2])

def row(suite, number):
    version = f"1.{number % 7}" if suite == "b" and number % 3 == 0 else "1"
    name = f"p{number}"
    return Published(name, version, "amd64", "libs", None, name, version, f"pool/{name}.deb", 10 + number,
                     hashlib.sha256(f"{name} {version}".encode()).hexdigest())

def reading(one):
    package = Package(name=one.name, version=one.version, version_key=version_key(one.version), architecture="amd64",
                      variant=None, source=one.name, source_version=one.version, control_section=None,
                      control_priority=None, essential=False, maintainer=None, installed_size=None, control="{}",
                      relations=())
    return Reading(job=Job(path=one.filename, target="x", sha256=one.sha256, size=one.size),
                   identity=Identity(sha256=one.sha256, size=one.size, known=False), package=package, files=(),
                   objects=(), problems=(), built=None, status=PackageStatus.COMPLETE)

with store.open_store(pathlib.Path(sys.argv[1])) as db:
    print("begun", flush=True)
    scan = store.start_scan(db, started="now", version="1", extraction=EXTRACTION, rules_digest="", command="x")
    ids = []
    for suite in "abc":
        index = Index(origin="O", suite=suite, component="main", architecture="amd64", base="http://x", date=None,
                      valid_until=None, signed_by=None, sha256=suite * 64)
        if store.unchanged(db, index):
            ids.append(store.met_index_again(db, index, scan))
        else:
            ids.append(store.publish(db, index, (row(suite, number) for number in range(1500)), scan))
    queue = iter(store.queue(db, ids, EXTRACTION))
    while several := [reading(one) for one in itertools.islice(queue, TOGETHER)]:
        store.write_all(db, several, scan_id=scan, extraction=EXTRACTION)
    store.finish_scan(db, scan, finished="now", state="finished", metrics={})
"""


def _run(db: Path, together: int) -> None:
    subprocess.run(
        [sys.executable, "-c", _RUN, str(db), str(together)], check=True, stdout=subprocess.DEVNULL, timeout=300
    )


@pytest.mark.parametrize("together", [1, 16])
def test_a_run_that_is_killed_at_any_instant_is_completed_by_the_next(tmp_path: Path, together: int) -> None:
    whole, db = tmp_path / "whole.db", tmp_path / "a.db"
    before = time.monotonic()
    _run(whole, together)
    longest = time.monotonic() - before
    rng = random.Random(5)
    unfinished = 0
    for _ in range(12):
        with subprocess.Popen([sys.executable, "-c", _RUN, str(db), str(together)], stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            running.stdout.readline()
            time.sleep(rng.uniform(0, longest / 6))
            os.kill(running.pid, signal.SIGKILL)
        assert_sound(db)
        indices = (
            "SELECT packages = 1500, (SELECT count(*) FROM publication b WHERE b.index_id = i.id) FROM archive_index i"
        )
        assert set(rows(db, indices)) <= {(1, 1500)}
        assert rows(db, "SELECT count(*) FROM package p WHERE NOT EXISTS (SELECT 1 FROM publication b "
                        "WHERE b.package_id = p.id)") == [(0,)]  # fmt: skip
        unfinished += rows(db, "SELECT count(*) FROM scan WHERE state = 'finished'") == [(0,)]
    assert unfinished > 1
    _run(db, together)
    assert dumped(db) == dumped(whole)
    assert rows(db, "SELECT count(*) FROM publication WHERE standing <> 'current'") == [(0,)]
