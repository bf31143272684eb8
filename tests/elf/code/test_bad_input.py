"""Tables that lie and code that is none: an answer in bounded time, and never that something is protected."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archscan.elf.code import code
from archscan.elf.functions import functions
from archscan.elf.image import PT_GNU_EH_FRAME, PT_LOAD, Image, section
from archscan.elf.reader import read
from archscan.elf.unwind import ranges
from archscan.errors import ElfError
from archscan.model import Elf
from tests.elf.building import body_at, handmade, seen, segments, with_segment, without_sections
from tests.elf.code.compilers import GCC, build
from tests.elf.code.programs import HEAD, OTHER, PROGRAMS

_SECONDS = 10.0  # on a busy machine; what is measured takes one or two
_COLUMNS = ("stack_protector", "stack_clash", "ibt_compiled")
_TEXT = HEAD + PROGRAMS["array"].text + "int main(int c, char **v) { f(v[0]); return c; }\n"


_GUARDED = """
.text
.section .note.GNU-stack, "", @progbits
.text
guarded:
    .cfi_startproc
    subq $0x98, %rsp
    .cfi_adjust_cfa_offset 0x98
    movq %fs:0x28, %rax
    movq %rax, 0x88(%rsp)
    leaq 16(%rsp), %rdi
    call take
    movq 0x88(%rsp), %rax
    subq %fs:0x28, %rax
    jne 1f
    addq $0x98, %rsp
    ret
1:  call __stack_chk_fail
    .cfi_endproc
"""
_NEVER = """
shows{}:
    .cfi_startproc
    subq $0x78, %rsp
    .cfi_adjust_cfa_offset 0x78
    leaq 16(%rsp), %rdi
    call take
1:  .rept 4000
    movl %eax, 8(%rsp)
    .endr
    jmp 1b
    .cfi_endproc
"""


_SHOWS = """
returns:
    .cfi_startproc
    subq $0x58, %rsp
    .cfi_adjust_cfa_offset 0x58
    leaq 16(%rsp), %rdi
    call take
    addq $0x58, %rsp
    ret
    .cfi_endproc
"""


@contextmanager
def bounded() -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < _SECONDS


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A program without canaries."""
    folder = tmp_path_factory.mktemp("bad")
    return build(GCC, folder, [_TEXT, OTHER], ["-w", "-O2", "-fno-stack-protector", "-fPIE", "-pie"], "p").read_bytes()


def place(data: bytes, name: str) -> tuple[int, int]:
    """Offset and size of a section."""
    part = section(read(data), name)
    assert part is not None
    return part.offset, part.size


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def honest(data: bytes) -> Elf | None:
    """The facts; nothing in them is protected. None where the object was refused."""
    try:
        with bounded():
            found = seen(data)
    except ElfError:
        return None
    for column in _COLUMNS:
        assert getattr(found, column) != "yes", column
        assert column in found.reasons
    return found


def sane(image: Image) -> None:
    """Functions are in order, not empty, in the code, and do not overlap."""
    text = code(image)
    view = functions(image, text)
    assert (view.starts[1:] >= view.ends[:-1]).all()
    assert (view.starts < view.ends).all()
    for start, end in list(zip(view.starts.tolist(), view.ends.tolist(), strict=True))[:500]:
        assert any(part.offset <= start < end <= part.offset + part.size for part in text.parts)


_WORD = st.sampled_from([0, 1, 4, 8, 16, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC, 0x1000, 0x14]) | st.integers(
    0, 2**32 - 1
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_unwind_tables_may_say_anything(program: bytes, data: st.DataObject) -> None:
    broken = program
    for name in (".eh_frame", ".eh_frame_hdr"):
        at, size = place(program, name)
        for _ in range(data.draw(st.integers(0, 4))):
            where = at + data.draw(st.integers(0, size - 4))
            broken = patched(broken, where, struct.pack("<I", data.draw(_WORD)))
        if data.draw(st.booleans()):
            where = data.draw(st.integers(0, size - 1))
            broken = patched(broken, at + where, data.draw(st.binary(max_size=size - where)))
    if data.draw(st.booleans()):
        broken = without_sections(broken)
    image = read(broken)
    ranges(image)  # raises nothing
    sane(image)
    honest(broken)


@settings(max_examples=150, deadline=None)
@given(
    body=st.binary(max_size=400) | st.lists(_WORD, max_size=100).map(lambda row: struct.pack(f"<{len(row)}I", *row)),
    machine=st.sampled_from(
        [(64, "<", 62), (64, "<", 183), (32, "<", 3), (32, "<", 40), (64, ">", 22), (64, "<", 243)]
    ),
)
def test_any_bytes_may_be_tables_and_code(body: bytes, machine: tuple[int, str, int]) -> None:
    bits, order, number = machine
    at = body_at(4, bits)
    table = 0x70000001 if number == 40 else PT_GNU_EH_FRAME
    parts = [(PT_LOAD, 5, 0, at + len(body)), (table, 4, at, len(body)), (0x6474E551, 6, 0, 0), (2, 6, at, len(body))]
    data = handmade(parts, body, bits=bits, order=order, machine=number)
    image = read(data)
    ranges(image)
    sane(image)
    honest(data)


def _record(pointer: int, body: bytes = b"") -> bytes:
    body = body.ljust(16, b"\0")
    return struct.pack("<II", len(body) + 4, pointer) + body


def test_rows_that_point_outside_overlap_or_loop_are_left_out(program: bytes) -> None:
    at, size = place(program, ".eh_frame")
    header, _ = place(program, ".eh_frame_hdr")
    bare = patched(program, header, b"\xff")  # of no known version, so that `.eh_frame` itself is walked
    outside = _record(0, b"\1zR\0\1\x78\x10\1\x1b\x0c\7\x08\x90\1\0\0") + _record(28, b"\xff\xff\xff\x7f" * 4)
    looping = struct.pack("<II", 4, 8) * (size // 8)  # rows that are their own CIE
    backwards = _record(0xFFFFFFF0) + _record(4) + _record(8)
    cut = struct.pack("<II", 0xFFFFFFF0, 0)
    whole = bare[:at] + _record(0, b"\1zPLR\0")[: size // 2]
    for table in (outside, looping, backwards, cut, b"\xff" * size, bytes(size)):
        broken = patched(bare, at, table[:size])
        sane(read(broken))
        found = honest(broken)
        assert found is not None
        sane(read(without_sections(broken)))
    assert honest(whole) is None


def test_a_table_of_all_rows_there_can_be(program: bytes) -> None:
    header, _ = place(program, ".eh_frame_hdr")
    data = patched(program, header + 8, b"\xff\xff\xff\xff")
    sane(read(data))
    assert honest(data) is not None


def test_an_index_of_arm_that_points_outside() -> None:
    body = struct.pack("<II", 0x3FFFFFFF, 0) * 4 + struct.pack("<II", 0x7FFFFFF0, 1) * 4 + b"\x00\xbf" * 600
    at = body_at(3, 32)
    parts = [(PT_LOAD, 5, 0, at + len(body)), (0x70000001, 4, at, 1 << 8), (0x6474E551, 6, 0, 0)]
    data = handmade(parts, body, bits=32, machine=40)
    sane(read(data))
    found = honest(data)
    assert found is not None
    assert found.stack_protector in ("unknown", "n/a")


def _object(text: bytes, symbols: bytes, strings: bytes) -> bytes:
    """A relocatable object for amd64 with code and a symbol table."""
    names = b"\0.text\0.symtab\0.strtab\0"
    parts = [b"", text, symbols, strings, names]
    at, offsets = 64, []
    for part in parts:
        offsets.append(at)
        at += len(part) + -len(part) % 8
    rows = [
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, 1, 6, 0, offsets[1], len(text), 0, 0, 16, 0),
        (7, 2, 0, 0, offsets[2], len(symbols), 3, 1, 8, 24),
        (15, 3, 0, 0, offsets[3], len(strings), 0, 0, 1, 0),
        (15, 3, 0, 0, offsets[4], len(names), 0, 0, 1, 0),
    ]
    head = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, at, 0, 64, 0, 0, 64, len(rows), 4)
    body = b"".join(part + bytes(-len(part) % 8) for part in parts)
    return head + body + b"".join(struct.pack("<IIQQQQIIQQ", *row) for row in rows)


def test_a_symbol_table_with_a_million_names() -> None:
    count = 1_000_000
    row = struct.Struct("<IBBHQQ")
    strings = b"\0" + b"name\0" * 1000
    symbols = b"".join(row.pack(1 + number % 5000, 0x12, 0, 1, number, 2**64 - 1) for number in range(count))
    data = _object(b"\x90" * (1 << 20), symbols, strings)
    found = honest(data)
    assert found is not None
    with bounded():
        image = read(data)
        view = functions(image, code(image))
    assert view.starts.size == count


def test_a_function_of_a_hundred_megabytes() -> None:
    size = 100 << 20
    symbols = struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, size)
    # It takes much of the stack and hands it out, but in its midst, where nobody looks.
    text = bytearray(b"\x90" * size)
    text[size // 2 : size // 2 + 15] = b"\x48\x81\xec\x00\x00\x01\x00\x48\x89\xe7\xe8\0\0\0\0"
    found = honest(_object(bytes(text), symbols, b"\0huge\0"))
    assert found is not None
    assert found.stack_protector in ("no", "n/a", "unknown")


def test_many_long_functions_that_show_their_stack_and_seem_not_to_return(tmp_path: Path) -> None:
    """Each is read far to find a return, beside one with a canary; one that returns lies too far behind them."""
    (tmp_path / "guarded.s").write_text(_GUARDED + "".join(_NEVER.format(number) for number in range(400)) + _SHOWS)
    built = build(GCC, tmp_path, [tmp_path / "guarded.s"], ["-shared", "-nostdlib"], "never.so")
    found = honest(built.read_bytes())
    assert found is not None
    assert found.reasons["stack_protector"].code == "too-much-code"


@pytest.mark.parametrize("number", [62, 183, 3, 40, 21, 22, 243])
def test_code_that_is_random_data(number: int) -> None:
    """By chance it holds whatever is searched for; without a table of functions that means nothing."""
    bits, order = {
        62: (64, "<"),
        183: (64, "<"),
        3: (32, "<"),
        40: (32, "<"),
        21: (64, "<"),
        22: (64, ">"),
        243: (64, "<"),
    }[number]
    body = random.Random(number).randbytes(4 << 20)
    at = body_at(2, bits)
    data = handmade(
        [(PT_LOAD, 5, 0, at + len(body)), (0x6474E551, 6, 0, 0)], body, bits=bits, order=order, machine=number
    )
    found = honest(data)
    assert found is not None
    assert found.stack_protector in ("unknown", "n/a")


def test_many_segments_that_map_the_same_bytes(program: bytes) -> None:
    count, body = 65_000, bytes(1 << 22)
    at = body_at(count)
    data = handmade([(PT_LOAD, 5, at, len(body))] * count, body)
    # All at one address, and each at its own.
    moved = bytearray(data)
    for number in range(count):
        struct.pack_into("<Q", moved, 64 + 56 * number + 16, 0x1000000 + number * 0x400000)
    for broken in (data, bytes(moved)):
        assert honest(broken) is not None


def test_segments_and_sections_that_overlap(program: bytes) -> None:
    rows = segments(program)
    number = next(index for index, (_, fields) in enumerate(rows) if fields[0] == 1 and fields[1] == 5)
    fields = rows[number][1]
    note = next(index for index, (_, row) in enumerate(rows) if row[0] == 4)
    twice = with_segment(program, note, [1, 5, fields[2], fields[3] + 16, fields[4], fields[5], fields[6], fields[7]])
    for broken in (twice, without_sections(twice)):
        sane(read(broken))
        assert honest(broken) is not None


def test_canaries_outside_of_functions_protect_nothing(tmp_path: Path) -> None:
    """Bytes in data between functions that look like a load of the guard."""
    text = _TEXT + '__asm__(".text\\n.rept 200\\nmov %fs:0x28, %rax\\n.endr\\n");\n'
    built = build(GCC, tmp_path, [text, OTHER], ["-w", "-O2", "-fno-stack-protector", "-fPIE", "-pie"], "p")
    found = honest(built.read_bytes())
    assert found is not None
    # They may be counted to a function without a size before them, but never hide what lacks one.
    assert found.stack_protector in ("no", "partial", "unknown")
