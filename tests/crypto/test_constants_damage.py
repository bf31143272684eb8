"""Objects that are cut off, made by chance or made to take long: looked at for constants all the same."""

from __future__ import annotations

import random
import struct
import subprocess
import time
from pathlib import Path

import pytest

from archscan.crypto.constants import constant_uses
from archscan.crypto.constants.languages import language_uses
from archscan.elf import read
from archscan.elf.language.go_functions import go_functions
from archscan.errors import ElfError
from archscan.model import Elf
from tests.crypto import ciphers, implementations
from tests.crypto.test_constants import BOOK, built, facts

MACHINES = {"amd64": 62, "i386": 3, "arm64": 183, "arm": 40, "ppc64": 21, "riscv": 243, "s390x": 22}
SECONDS = 20  # more than ten times what the slowest takes


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("carrier")
    (folder / "a.c").write_text(implementations.md5(table=False))
    (folder / "b.c").write_text(ciphers.des().replace("main", "other").replace("static", "static inline"))
    subprocess.run(["gcc", "-w", "-O2", "-o", folder / "x", folder / "a.c"], check=True)
    return (folder / "x").read_bytes()


def looked(data: bytes) -> Elf | None:
    try:
        return facts(data)
    except ElfError:
        return None


def test_a_truncated_object_is_refused_or_read(carrier: bytes) -> None:
    for size in range(0, len(carrier), len(carrier) // 60):
        looked(carrier[:size])


def test_changed_bytes_raise_nothing(carrier: bytes) -> None:
    chance = random.Random(5)
    for _ in range(60):
        data = bytearray(carrier)
        for _ in range(30):
            data[chance.randrange(len(data))] = chance.randrange(256)
        looked(bytes(data))


def _raw(machine: int, content: bytes) -> bytes:
    """An object of one segment that is mapped executable, without sections."""
    wide, order = machine not in (3, 40), ">" if machine == 22 else "<"
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if order == ">" else 1, 1]) + bytes(9)
    if wide:
        header = struct.pack(order + "HHIQQQIHHHHHH", 3, machine, 1, 0x1000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
        size = 64 + 56 + len(content)
        segment = struct.pack(order + "IIQQQQQQ", 1, 5, 0, 0x1000, 0x1000, size, size, 0x1000)
    else:
        header = struct.pack(order + "HHIIIIIHHHHHH", 3, machine, 1, 0x1000, 52, 0, 0, 52, 32, 1, 40, 0, 0)
        size = 52 + 32 + len(content)
        segment = struct.pack(order + "IIIIIIII", 1, 0, 0x1000, 0x1000, size, size, 5, 0x1000)
    return ident + header + segment + content


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_bytes_by_chance_hold_no_algorithm_and_take_no_time(machine: int) -> None:
    data = _raw(machine, random.Random(machine).randbytes(4 << 20))
    before = time.process_time()
    assert facts(data).crypto == ()
    assert time.process_time() - before < SECONDS


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_a_file_full_of_constants_takes_no_time(machine: int) -> None:
    order = ">" if machine == 22 else "<"
    words = [0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6, 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    data = _raw(machine, struct.pack(f"{order}8I", *words) * (8 << 20 >> 5))
    image, found = read(data), facts(_raw(machine, b""))
    before = time.process_time()
    uses = constant_uses(BOOK, image, found)
    assert {use.algorithm for use in uses} == {"sha1"}
    assert len(uses) <= 17
    assert time.process_time() - before < SECONDS


@pytest.mark.parametrize(
    ("machine", "word"),
    [(183, 0x72B94C40), (21, 0x3C005A82), (243, 0x5A8287B7), (40, 0xE3455A82)],
    ids=["arm64", "ppc64", "riscv", "arm"],
)
def test_a_file_full_of_upper_halves_takes_no_time(machine: int, word: int) -> None:
    # K3's upper half, and K0's; what would complete them never comes.
    data = _raw(machine, struct.pack("<I", word) * (8 << 20 >> 2))
    image = read(data)
    before = time.process_time()
    assert constant_uses(BOOK, image, facts(_raw(machine, b""))) == ()
    assert time.process_time() - before < SECONDS


@pytest.mark.parametrize("seed", range(40))
def test_a_table_of_go_that_lies_raises_nothing(seed: int) -> None:
    chance = random.Random(seed)
    head = struct.pack("<IHBB", 0xFFFFFFF1, 0, 1, 8)
    numbers = [chance.choice((0, 1, 8, 72, 100, 1 << 20, 1 << 40, (1 << 64) - 1)) for _ in range(8)]
    table = head + struct.pack("<8Q", *numbers) + chance.randbytes(400)
    image = read(_raw(62, bytes(72) + table))
    go_functions(image)
    language_uses(BOOK, image, facts(_raw(62, b"")))


def test_a_program_without_sections_is_read_by_its_segments(tmp_path: Path) -> None:
    built(tmp_path, implementations.md5(table=True), "-O2", "-s")
    data = bytearray((tmp_path / "x").read_bytes())
    struct.pack_into("<Q", data, 40, 0)  # e_shoff
    struct.pack_into("<HH", data, 60, 0, 0)  # e_shnum, e_shstrndx
    found = facts(bytes(data))
    assert [use.algorithm for use in found.crypto] == ["md5"]
