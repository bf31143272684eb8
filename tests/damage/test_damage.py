"""Seeded damage: whatever happens to a package or an object, it is read, or said to be unreadable. Never silence.

A child that crashes is no fault of ours only where LIEF is what crashes; then the same bytes are tried with LIEF alone.
"""

from __future__ import annotations

import functools
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from archscan.crypto.catalogue import Catalogue, load_all
from archscan.model import Job, Limits, PackageStatus, ProblemKind, Reading
from archscan.pool import readings
from archscan.scan.inspection import read_file
from archscan.scan.package import prepare, read_package
from archscan.sources import opened
from corpus.debs import Entry, ar, compressed, deb
from tests.damage.structures import misled

LIMITS = Limits(deadline=20.0, memory_bytes=2 << 30, unpacked_bytes=64 << 20, member_bytes=16 << 20)
Damage = Callable[[bytes, random.Random], bytes]

PACKAGES = ("hardened", "links", "names", "archives", "privileged-postinst", "md5-import")
OBJECTS = (
    ("hardened", "usr/bin/hardened"),
    ("hardened", "usr/lib/{triplet}/libhardened.so.1"),
    ("3des-import", "usr/bin/3des"),
    ("static", "usr/bin/static-pie"),
    ("no-stack-protector", "usr/bin/no-stack-protector"),
    ("stack-clash", "usr/bin/unprobed"),
    ("relocatable", "usr/lib/{triplet}/relocatable/marked.o"),
    ("languages", "usr/bin/go-with-c"),
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_all([Path("rules")])


def damaged(data: bytes, chance: random.Random) -> bytes:
    """``data`` after one to four accidents; the first kilobytes, where headers are, are hit more often."""
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not broken:
            break
        end = len(broken) if chance.random() < 0.5 else min(len(broken), 4096)
        at = chance.randrange(end)
        size = min(chance.choice((1, 2, 4, 8, 64, 512)), len(broken) - at)
        match chance.choice(("flip", "flip", "set", "cut", "insert", "zero", "ones", "swap", "drop")):
            case "flip":
                broken[at] ^= 1 << chance.randrange(8)
            case "set":
                broken[at : at + size] = chance.randbytes(size)
            case "cut":
                del broken[chance.randrange(len(broken)) :]
            case "insert":
                broken[at:at] = chance.randbytes(size)
            case "zero":
                broken[at : at + size] = bytes(size)
            case "ones":
                broken[at : at + size] = b"\xff" * size
            case "swap":
                other = chance.randrange(len(broken) - size + 1)
                one, two = broken[at : at + size], broken[other : other + size]
                broken[at : at + size], broken[other : other + size] = two, one
            case "drop":
                del broken[at : at + size]
    return bytes(broken)


def _unpacked(objects: dict[str, dict[str, Path]]) -> bytes:
    """A package without compression, whose checksums would keep damage from what is inside."""
    program = objects["hardened"]["usr/bin/hardened"].read_bytes()
    control = [
        Entry(name=b"./control", data=b"Package: plain\nVersion: 1:2-3\nSource: x (1)\nDepends: a (>= 1) | b, c:any\n"),
        Entry(name=b"./postinst", data=b"#!/bin/sh\nfor i in a b; do setcap cap_net_raw+ep /usr/bin/$i; done\n"),
    ]
    members = [
        Entry(name=b"./usr/bin/a", data=program, mode=0o4755),
        Entry(name=b"./usr/bin/b", kind="hardlink", link=b"./usr/bin/a"),
        Entry(name=b"./usr/bin/" + b"c" * 200, data=program, pax={"SCHILY.xattr.security.capability": bytes(20)}),
        Entry(name=b"./usr/lib/l.a", data=ar([("one.o/", program), ("#1/8", b"name.o\0\0" + program)])),
        Entry(name=b"./lib/m.ko.zst", data=compressed(program, "zst")),
    ]
    return deb(control, members, control_compression="none", data_compression="none")


def _mutants(data: bytes, name: str, count: int, folder: Path, ways: Sequence[Damage] = (damaged,)) -> Iterator[Job]:
    """Files that are damaged in these ways in turn."""
    chance = random.Random(name)
    for number in range(count):
        path = folder / f"{name.replace('/', '_')}-{number}"
        path.write_bytes(ways[number % len(ways)](data, chance))
        yield Job(path=str(path), target=name)


def _check(reading: Reading) -> None:
    """Complete, or one problem at least; none of them our own bug, and no crash but LIEF's."""
    kinds = {problem.kind for problem in reading.problems}
    assert ProblemKind.INTERNAL not in kinds, (reading.job.path, reading.problems)
    assert ProblemKind.TIMEOUT not in kinds, (reading.job.path, reading.problems)
    if ProblemKind.CRASH in kinds:
        assert _lief_crashes(Path(reading.job.path)), (reading.job.path, reading.problems)


def _lief_crashes(path: Path) -> bool:
    program = "import lief, sys; lief.logging.disable(); lief.ELF.parse(sys.argv[1])"
    return subprocess.run([sys.executable, "-c", program, str(path)], check=False).returncode < 0


def packages_survive(debs: dict[str, bytes], count: int, catalogue: Catalogue, folder: Path) -> None:
    work = functools.partial(read_package, catalogue=catalogue, exports="libraries")
    for name, content in debs.items():
        jobs = _mutants(content, name, count, folder)
        done = 0
        for reading in readings(jobs, work, LIMITS, 2, opened, prepare):
            _check(reading)
            assert reading.problems or reading.status == PackageStatus.COMPLETE
            Path(reading.job.path).unlink()
            done += 1
        assert done == count


def objects_survive(objects: dict[str, dict[str, Path]], count: int, catalogue: Catalogue, folder: Path) -> None:
    work = functools.partial(read_file, catalogue=catalogue)
    for recipe, path in OBJECTS:
        jobs = _mutants(objects[recipe][path].read_bytes(), path, count, folder, (damaged, misled))
        done = 0
        for reading in readings(jobs, work, LIMITS, 2, opened, prepare):
            _check(reading)
            assert reading.problems or len(reading.objects) == 1
            Path(reading.job.path).unlink()
            done += 1
        assert done == count


@pytest.fixture(scope="module")
def packages(corpus_debs: dict[str, Path], corpus_objects: dict[str, dict[str, Path]]) -> dict[str, bytes]:
    return {"plain": _unpacked(corpus_objects), **{name: corpus_debs[name].read_bytes() for name in PACKAGES}}


def test_damaged_packages_are_read_or_refused(packages: dict[str, bytes], catalogue: Catalogue, tmp_path: Path) -> None:
    packages_survive(packages, 200, catalogue, tmp_path)


def test_damaged_objects_are_read_or_refused(
    corpus_objects: dict[str, dict[str, Path]], catalogue: Catalogue, tmp_path: Path
) -> None:
    objects_survive(corpus_objects, 300, catalogue, tmp_path)


@pytest.mark.full
def test_much_damage(
    packages: dict[str, bytes], corpus_objects: dict[str, dict[str, Path]], catalogue: Catalogue, tmp_path: Path
) -> None:
    packages_survive(packages, 2_000, catalogue, tmp_path)
    objects_survive(corpus_objects, 5_000, catalogue, tmp_path)
