"""Hostile packages among good ones in one run: none of the good ones is lost, each hostile one is a problem."""

from __future__ import annotations

import ctypes
import faulthandler
import functools
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import pytest

from archscan.crypto.catalogue import Catalogue, load_all
from archscan.model import Job, Limits, PackageStatus, ProblemKind
from archscan.pool import readings
from archscan.pool.frames import Send
from archscan.scan.package import prepare, read_package
from archscan.sources import opened
from corpus.debs import Entry, ar, compressed, deb, tar

LIMITS = Limits(
    deadline=5.0,
    memory_bytes=4 << 30,
    unpacked_bytes=32 << 20,
    ratio_floor=4 << 20,
    members=5_000,
    member_bytes=8 << 20,
)
CONTROL = [Entry(name=b"./control", data=b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a\n")]
# What no input makes the present libraries do is done by the work of this test, to packages whose targets say so.
HOOKED = {"segfault": ProblemKind.CRASH, "abort": ProblemKind.CRASH, "hang": ProblemKind.TIMEOUT,
          "memory": ProblemKind.MEMORY}  # fmt: skip


def _work(job: Job, file: BufferedReader, limits: Limits, send: Send, *, catalogue: Catalogue) -> None:
    faulthandler.disable()
    match job.target:
        case "segfault":
            ctypes.string_at(0)
        case "abort":
            ctypes.CDLL(None).abort()
        case "hang":
            time.sleep(600)
        case "memory":
            hoard = []
            while True:
                hoard.append(bytes(2 << 30))
    read_package(job, file, limits, send, catalogue=catalogue, exports="")


def _with_data(suffix: str, data: bytes) -> bytes:
    """A package whose data archive is these bytes."""
    control = compressed(tar(CONTROL), "gz")
    return ar([("debian-binary", b"2.0\n"), ("control.tar.gz", control), (f"data.tar{suffix}", data)])


def _sparse() -> bytes:
    """GNU's old form: a header that says one terabyte, in base 256."""
    block = bytearray(tar([Entry(name=b"./huge")]))
    block[156:157] = b"S"
    block[124:136] = b"\x80" + (1 << 40).to_bytes(11, "big")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


def hostile() -> dict[str, bytes]:
    """One package of each sort that is hostile by its bytes alone."""
    zeros = tar([Entry(name=b"./usr/bin/zeros", data=bytes(48 << 20))])
    many = tar(Entry(name=b"./usr/bin/%d" % number) for number in range(10_000))
    loops = [Entry(name=b"./usr/bin/l%d" % n, kind="symlink", link=b"l%d" % (n + 1)) for n in range(6_000)]
    long = tar([Entry(name=b"./" + b"d/" * 600_000 + b"f")])
    broken = bytearray(tar([Entry(name=b"./usr/bin/x", data=b"x" * 4000)]))
    broken[124:136] = b"\xff" * 12  # a size below nothing
    return {
        "bomb-xz": _with_data(".xz", compressed(zeros, "xz")),
        "bomb-zst": _with_data(".zst", compressed(zeros, "zst")),
        "bomb-gz": _with_data(".gz", compressed(zeros, "gz")),
        "members": _with_data(".gz", compressed(many, "gz")),
        "sparse": _with_data("", _sparse()),
        "links": _with_data(".gz", compressed(tar(loops), "gz")),
        "long-name": _with_data(".gz", compressed(long, "gz")),
        "header": _with_data("", bytes(broken)),
        "no-deb": b"!<arch>\n" + b"\xff" * 4000,
        "cut": deb(CONTROL, [Entry(name=b"./usr/bin/x", data=bytes(range(256)) * 400)])[:-200],
    }


def _run(count: int, good: int, debs: dict[str, Path], folder: Path, workers: int) -> None:
    work = functools.partial(_work, catalogue=load_all([Path("rules")]))
    sorts = hostile()
    for name, content in sorts.items():
        (folder / name).write_bytes(content)
    honest = [debs[name] for name in ("hardened", "links", "md5-import")]

    def jobs() -> Iterator[Job]:
        kinds = [*sorts, *HOOKED]
        for number in range(count):
            kind = kinds[number % len(kinds)]
            path = folder / kind if kind in sorts else honest[0]
            yield Job(path=str(path), target=kind)
            if number % max(1, count // good) == 0:
                yield Job(path=str(honest[number % len(honest)]), target="good")

    seen = dict.fromkeys((*sorts, *HOOKED, "good"), 0)
    allowed, started = 0.0, time.monotonic()
    for reading in readings(jobs(), work, LIMITS, workers, opened, prepare):
        kind = reading.job.target
        seen[kind] += 1
        if kind == "good":
            assert reading.status == PackageStatus.COMPLETE, reading.problems
            continue
        assert reading.problems, kind
        assert ProblemKind.INTERNAL not in {one.kind for one in reading.problems}, (kind, reading.problems)
        if kind in HOOKED:
            assert [one.kind for one in reading.problems] == [HOOKED[kind]], (kind, reading.problems)
        assert reading.seconds < 1.5 * LIMITS.deadline + 3, (kind, reading.seconds)  # both attempts, on a busy machine
        allowed += 1.5 * LIMITS.deadline
    assert sum(seen.values()) - seen["good"] == count
    assert seen["good"] >= good
    assert time.monotonic() - started < allowed / workers + 0.5 * seen["good"] + 20


def test_some_hostile_packages_cost_the_others_nothing(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    _run(28, 8, corpus_debs, tmp_path, 2)


@pytest.mark.full
@pytest.mark.parametrize("workers", [1, 2])
def test_a_thousand_hostile_packages(corpus_debs: dict[str, Path], tmp_path: Path, workers: int) -> None:
    _run(1_000, 100, corpus_debs, tmp_path, workers)
