"""The oracle reads readelf's text as its manual says, also in forms that this machine's linker never makes."""

from __future__ import annotations

import pytest

from tests import oracle

HEADER = """ELF Header:
  Class:                             ELF64
  Data:                              2's complement, little endian
  Type:                              DYN (Position-Independent Executable file)
  Machine:                           Advanced Micro Devices X86-64
"""
SEGMENTS = """
Program Headers:
  Type           Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg Align
  LOAD           0x000000 0x0000000000000000 0x0000000000000000 0x000618 0x000618 RWE 0x1000
  GNU_STACK      0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RWE 0x10
  GNU_STACK      0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RW  0x10
"""


@pytest.mark.parametrize(
    "line",
    [
        " 0x0000000000000018 (BIND_NOW)           ",
        " 0x000000000000001e (FLAGS)              ORIGIN BIND_NOW",
        " 0x000000006ffffffb (FLAGS_1)            Flags: NOW PIE",
    ],
)
def test_each_form_of_now_counts(line: str) -> None:
    assert not oracle.parsed(HEADER).bound_now
    assert oracle.parsed(HEADER + "\nDynamic section at offset 0x2dc8 contains 1 entry:\n" + line + "\n").bound_now


@pytest.mark.parametrize("line", [" 0x00000016 (TEXTREL)   0x0", " 0x0000001e (FLAGS)   SYMBOLIC TEXTREL"])
def test_each_form_of_textrel_counts(line: str) -> None:
    assert oracle.parsed(f"{HEADER}\n{line}\n").textrel


def test_the_last_stack_header_decides() -> None:
    found = oracle.parsed(HEADER + SEGMENTS)
    assert found.stack == "RW"
    assert found.wx_segments == 1


def test_the_32_bit_form_of_a_segment_is_read() -> None:
    line = "  GNU_STACK      0x000000 0x00000000 0x00000000 0x00000 0x00000 RWE 0x10\n"
    assert oracle.parsed(HEADER + line).stack == "RWE"


def test_a_node_name_that_two_libraries_share_is_told_apart() -> None:
    text = HEADER + (
        "\nSymbol table '.dynsym' contains 3 entries:\n"
        "   Num:    Value          Size Type    Bind   Vis      Ndx Name\n"
        "     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND \n"
        "     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND one@V_1 (2)\n"
        "     2: 0000000000000000     0 FUNC    WEAK   DEFAULT  UND two@V_1 (3)\n"
        "     3: 0000000000001000    16 FUNC    GLOBAL DEFAULT   12 three@@V_2\n"
        "\nVersion needs section '.gnu.version_r' contains 2 entries:\n"
        "  000000: Version: 1  File: liba.so.1  Cnt: 1\n"
        "  0x0010:   Name: V_1  Flags: none  Version: 2\n"
        "  0x0020: Version: 1  File: libb.so.1  Cnt: 1\n"
        "  0x0030:   Name: V_1  Flags: none  Version: 3\n"
    )
    found = oracle.parsed(text)
    assert found.imports == (
        oracle.Symbol("one", "V_1", "liba.so.1", weak=False),
        oracle.Symbol("two", "V_1", "libb.so.1", weak=True),
    )
    assert found.exports == (oracle.Symbol("three", "V_2", None, weak=False),)
