"""Go's build information and CGO, in stand-ins that gcc builds; the real compiler's work is in test_compilers."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archscan.elf.language import has_c_part
from archscan.model import Component, Elf
from tests.elf.building import HELLO, body_at, compiled, handmade, linked, seen, without_sections

VERSION = b"go1.21.3"
LIST = (
    b"path\texample.org/tool/cmd\n"
    b"mod\texample.org/tool\t(devel)\t\n"
    b"dep\tgolang.org/x/text\tv0.3.7\th1:abc=\n"
    b"dep\texample.org/old\tv1.0.0\n"
    b"=>\texample.org/new\tv1.0.1\th1:def=\n"
    b"dep\texample.org/local\tv0.0.0\n"
    b"=>\t./local\t\n"
    b"build\tCGO_ENABLED=1\n"
    b'build\t-ldflags="-s -w"\n'
)
ROWS = (
    Component("go", "example.org/tool", "(devel)", "go-buildinfo-main"),
    Component("go", "golang.org/x/text", "v0.3.7", "go-buildinfo"),
    Component("go", "example.org/old", "v1.0.0", "go-buildinfo-replaced"),
    Component("go", "example.org/new", "v1.0.1", "go-buildinfo-replacement"),
    Component("go", "example.org/local", "v0.0.0", "go-buildinfo-replaced"),
    Component("go", "./local", None, "go-buildinfo-replacement"),
    Component("toolchain", "go", "go1.21.3", "go-buildinfo"),
)
MARK = bytes(range(16))


def varint(number: int) -> bytes:
    """A number as Go's encoding/binary writes it."""
    out = b""
    while number >= 0x80:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def inline(version: bytes, listed: bytes) -> bytes:
    """The block that Go writes since 1.18."""
    text = MARK + listed + MARK if listed else b""
    head = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    return head + varint(len(version)) + version + varint(len(text)) + text


def words(data: bytes) -> str:
    """Bytes as the assembler reads them."""
    return ".byte " + ",".join(map(str, data or b"\0")) + "\n"


def program(block: str, more: str = "") -> str:
    """The source of a program with such a block, in assembler, so that nothing of C is in it."""
    section = '.section .go.buildinfo,"aw",@progbits\n.balign 16\n'
    return f'{section}{block}\n{more}\n.text\n.globl _start\n_start: ret\n.section .note.GNU-stack,"",@progbits\n'


def made(folder: Path, block: str, flags: list[str], more: str = "") -> bytes:
    """The program, linked without a C library."""
    return compiled(folder, program(block, more), ["-nostdlib", *flags], suffix="s").read_bytes()


POINTERS = (
    words(b"\xff Go buildinf:\x08\x00")
    + ".quad version, modules\n.data\n.balign 8\n"
    + f"version: .quad 1f, {len(VERSION)}\nmodules: .quad 2f, {len(LIST) + 32}\n"
    + '.section .rodata,"a"\n1: '
    + words(VERSION)
    + "2: "
    + words(MARK + LIST + MARK)
)


def modules(found: Elf) -> tuple[Component, ...]:
    """The components without what gcc signs."""
    return tuple(row for row in found.components if row.name != "gcc")


@pytest.mark.parametrize("block", [words(inline(VERSION, LIST)), POINTERS], ids=["inline", "pointers"])
@pytest.mark.parametrize("flags", [["-static"], ["-no-pie"], ["-static-pie"], ["-pie"]], ids=" ".join)
def test_modules_are_read_in_both_forms(tmp_path: Path, block: str, flags: list[str]) -> None:
    """The older form has pointers, which the loader fills in where the program has no fixed address."""
    data = made(tmp_path, block, flags)
    for one in (data, without_sections(data)):
        found = seen(one)
        reason = found.reasons["language"]
        assert (found.language, reason.code, reason.truncated) == ("go", "go-buildinfo", False)
        assert modules(found) == ROWS
        names = [site.name for site in reason.sites]
        assert names == ["path=example.org/tool/cmd", "CGO_ENABLED=1", '-ldflags="-s -w"']
        assert reason.counts == {"c_part": 0, "components": 6}


def test_a_go_program_is_judged_by_its_c_only_where_it_has_some(tmp_path: Path) -> None:
    """That CGO was enabled is true of both; only names of runtime/cgo or a library in C tell them apart."""
    functions = '.section .gopclntab,"a"\n.ascii "\\0runtime.cgocall\\0{}\\0"\n'
    block = words(inline(VERSION, LIST))
    pure = seen(made(tmp_path, block, ["-static"], functions.format("main.main")))
    mixed = seen(made(tmp_path, block, ["-static"], functions.format("crosscall2")))
    assert (pure.stack_protector, pure.fortify, pure.stack_clash) == ("n/a", "n/a", "n/a")
    assert not has_c_part(pure.reasons["language"])
    assert has_c_part(mixed.reasons["language"])
    assert mixed.reasons["stack_protector"].code == "no-code"
    assert "C shows in crosscall2" in mixed.reasons["language"].text


def test_what_a_go_program_calls_in_c_is_judged(tmp_path: Path) -> None:
    values = ",".join(map(str, inline(VERSION, LIST)))
    source = f'{HELLO}__attribute__((section(".go.buildinfo"), aligned(16), used)) char block[] = {{{values}}};\n'
    for flags, verdict in ((["-O2", "-D_FORTIFY_SOURCE=2"], "yes"), (["-O2", "-U_FORTIFY_SOURCE"], "no")):
        found = seen(compiled(tmp_path, source, flags))
        assert (found.language, found.fortify) == ("go", verdict)


def test_go_is_told_by_its_note_alone() -> None:
    note = b"\4\0\0\0\3\0\0\0\4\0\0\0Go\0\0abc\0"
    found = seen(handmade([(1, 5, 0, 200), (4, 4, 176, len(note))], note.ljust(48, b"\0"), kind=2))
    assert (found.language, found.stack_protector, found.fortify) == ("go", "n/a", "n/a")
    assert found.reasons["language"].code == "go-sections"


def test_a_program_that_only_knows_the_magic_bytes_is_not_gos(tmp_path: Path) -> None:
    source = 'char magic[] __attribute__((aligned(16))) = "\\xff Go buildinf:"; int main(void) { return magic[1]; }\n'
    assert seen(compiled(tmp_path, source)).language == "c"
    assert seen(without_sections(compiled(tmp_path, source, ["-static"]).read_bytes())).language == "c"


def go_object(block: bytes, order: str = "<", bits: int = 64) -> bytes:
    """A static program of headers and a writable segment that starts with a block."""
    return handmade([(1, 6, 0, body_at(1, bits) + len(block))], block, kind=2, bits=bits, order=order)


@pytest.mark.parametrize(("bits", "order"), [(64, ">"), (32, "<"), (32, ">")])
def test_pointers_are_read_in_the_objects_words(bits: int, order: str) -> None:
    code, size, at = ("Q", 8, body_at(1, bits)) if bits == 64 else ("I", 4, body_at(1, bits))
    word = order + code
    strings = at + 32 + 4 * size
    head = b"\xff Go buildinf:" + bytes([size, int(order == ">")])
    head = (head + struct.pack(word + code, at + 32, at + 32 + 2 * size)).ljust(32, b"\0")
    headers = struct.pack(order + 4 * code, strings, len(VERSION), strings + len(VERSION), len(LIST) + 32)
    found = seen(go_object(head + headers + VERSION + MARK + LIST + MARK, order, bits))
    assert modules(found) == ROWS


@pytest.mark.parametrize(
    "block",
    [
        b"\xff Go buildinf:\x08\x02" + bytes(16) + varint(1 << 62) + b"go1.21",
        b"\xff Go buildinf:\x08\x02" + bytes(16) + b"\xff" * 40,
        b"\xff Go buildinf:\x08\x02" + bytes(16) + varint(6) + b"go1.21" + varint(1 << 40) + b"x",
        b"\xff Go buildinf:\x08\x00" + struct.pack("<QQ", 1 << 63, 2**64 - 1),
        b"\xff Go buildinf:\x08\x02",
    ],
)
def test_lengths_and_pointers_that_lie_leave_only_what_is_true(block: bytes) -> None:
    note = b"\4\0\0\0\3\0\0\0\4\0\0\0Go\0\0abc\0"
    at = body_at(2)
    body = note.ljust(64, b"\0") + block
    found = seen(handmade([(1, 6, 0, at + len(body)), (4, 4, at, len(note))], body, kind=2))
    assert found.language == "go"
    assert [row for row in found.components if row.ecosystem == "go"] == []


def test_a_million_modules_are_cut_short() -> None:
    listed = b"mod\tm\t(devel)\n" + b"".join(b"dep\tx/%d\tv1\n" % number for number in range(250_000))
    start = time.process_time()
    found = seen(go_object(inline(VERSION, listed)))
    assert time.process_time() - start < 2
    assert found.reasons["language"].truncated
    assert 5_000 < len(found.components) <= 10_001


def test_names_are_escaped_and_no_longer_than_a_name_is() -> None:
    listed = b"dep\ta\x1b[31m\xff\\\tv1\x00\ndep\t" + b"x" * 70_000 + b"\tv1\n"
    found = seen(go_object(inline(b"go1\x07", listed)))
    names = [(row.name, row.version) for row in found.components]
    assert names == [("a\\x1b[31m\\xff\\\\", "v1\\x00"), ("go", "go1\\x07")]
    assert found.reasons["language"].truncated


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.integers(0, 255), st.integers(0, 255))
def test_any_block_is_read_or_left(rest: bytes, in_program: bool, size: int, flags: int) -> None:
    block = b"\xff Go buildinf:" + bytes([size, flags]) + rest
    data = go_object(block) if in_program else linked({25: block}, [(7, 0), (8, 4096)])
    assert all(len(row.name) <= 4096 for row in seen(data).components)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=40), st.text(max_size=20)), max_size=20))
def test_every_module_of_a_list_is_found(rows: list[tuple[str, str]]) -> None:
    clean = [(name.replace("\t", "").replace("\n", "") or "x", version) for name, version in rows]
    clean = [(name, version.replace("\t", "").replace("\n", "")) for name, version in clean]
    listed = b"".join(f"dep\t{name}\t{version}\n".encode("utf-8", "replace") for name, version in clean)
    found = seen(go_object(inline(VERSION, listed)))
    assert len(found.components) == len(clean) + 1


_CGO = """
package main

/*
#include <string.h>
#include <stdio.h>
int vuln(const char *s) { char b[200]; strcpy(b, s); return puts(b); }
*/
import "C"

func main() { C.vuln(C.CString("x")) }
"""


@pytest.mark.full
@pytest.mark.parametrize("stripped", ["", "-s -w"])
@pytest.mark.parametrize(
    ("flag", "expected"), [("-fno-stack-protector", "no"), ("-fstack-protector-strong", "partial")]
)
def test_the_c_of_a_go_program_is_what_its_unwind_tables_list(
    tmp_path: Path, flag: str, expected: str, stripped: str
) -> None:
    """Some of it comes with Go, whose own flags for it have no canaries."""
    (tmp_path / "main.go").write_text(_CGO)
    environment = {**os.environ, "CGO_CFLAGS": f"-O2 {flag}", "GO111MODULE": "off", "GOCACHE": str(tmp_path / "cache")}
    command = ["go", "build", "-ldflags", f"-linkmode=external {stripped}", "-o", "out", "main.go"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    found = seen(tmp_path / "out")
    assert (found.language, found.stack_protector) == ("go", expected), found.reasons["stack_protector"]
