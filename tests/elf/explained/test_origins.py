"""Where arguments come from, in programs that gcc makes of a few lines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from archscan.elf import read
from archscan.elf.explained.listing import line_at, offset_of, reader, window
from archscan.elf.explained.naming import naming
from archscan.elf.explained.origins import Path as Way
from archscan.elf.explained.origins import function_at, origins
from archscan.elf.linked import prepared
from archscan.elf.program import Program, imported, instructions_of, label_of
from archscan.elf.values.domain import Number

DECLARED = """
void choose(int); void *make(int); void fill(int *); int ask(void); void many(int, int, int, int, int, int, int, int);
extern int outside; void other(void *); void take(void *);
#define OWN static __attribute__((noinline, noipa))
"""
NAMES = ("choose", "make", "fill", "ask", "many", "other", "take")
COMPILERS = ["gcc", pytest.param("aarch64-linux-gnu-gcc", marks=pytest.mark.full)]
OPTIONS = ["-O2", "-O0", *(pytest.param(option, marks=pytest.mark.full) for option in ("-O1", "-O3", "-Os"))]


class Made(msgspec.Struct, frozen=True, eq=False):
    """A shared library, and what of it was read."""

    data: bytes
    program: Program


@pytest.fixture(params=COMPILERS)
def compiler(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=OPTIONS)
def option(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def made(folder: Path, code: str, compiler: str, option: str) -> Made:
    (folder / "x.c").write_text(DECLARED + code)
    out = folder / "x.so"
    subprocess.run([compiler, "-w", "-shared", "-fPIC", option, "-o", out, folder / "x.c"], check=True)
    data = out.read_bytes()
    found = prepared(read(data), {name: frozenset() for name in NAMES})
    assert found is not None
    return Made(data, found.program)


def ways(one: Made, symbol: str, argument: int = 0, selecting: dict[str, int] | None = None) -> list[Way]:
    """The way to an argument of each call of a function."""
    found = []
    for number in range(one.program.view.starts.size):
        for address in sorted({at for at, _, _ in instructions_of(one.program, number)}):
            if imported(one.program, address) == symbol and function_at(one.program, address) == number:
                way = origins(one.program, number, address, argument, symbol, (selecting or {}).get)
                assert way is not None
                found.append(way)
    return found


def numbers(way: Way) -> set[int]:
    """The numbers that stand at the ends of a way."""
    return {one.value for step in way.steps if step.ends for one in step.value if isinstance(one, Number)}


def passing(way: Way) -> set[int]:
    """All numbers on a way: compilers make one of two by arithmetic."""
    return {one.value for step in way.steps for one in step.value if isinstance(one, Number)}


def final(way: Way) -> set[int]:
    """The numbers at the ends with which nothing is computed on the way to the call."""
    return {
        one.value for step in way.steps if step.ends and step.exact for one in step.value if isinstance(one, Number)
    }


def said(way: Way) -> str:
    return " ".join(step.said for step in way.steps)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("void f(void) { choose(2); }", {2}),
        ("void f(int c) { choose(c ? 2 : 7); other(0); }", {2, 7}),
        ("void f(int c) { int a = 3; if (c > 5) a = 9; other(&c); choose(a); }", {3, 9}),
        ("void f(int c) { int a; switch (c) { case 1: a = 11; break; case 2: a = 12; break; default: a = 13; }"
         " other(0); choose(a); }", {11, 12, 13}),
        ("OWN void g(int a) { choose(a); other(0); } void f(void) { g(5); } void h(void) { g(6); }", {5, 6}),
        ("OWN int g(int c) { if (c) { other(0); return 21; } return 22; } void f(int c) { choose(g(c)); }", {21, 22}),
    ],
)  # fmt: skip
def test_the_ends_of_a_way_are_what_the_source_says(
    tmp_path: Path, compiler: str, option: str, code: str, expected: set[int]
) -> None:
    calls = ways(made(tmp_path, code, compiler, option), "choose")
    # Compilers may make several calls of one, each for a part of the ways.
    assert set().union(*map(passing, calls)) >= expected
    assert set().union(*map(final, calls)) <= expected


def test_another_function_that_returned_it_is_asked(tmp_path: Path, compiler: str, option: str) -> None:
    one = made(tmp_path, "void f(void) { take(make(4)); }", compiler, option)
    (way,) = ways(one, "take", selecting={"make": 0})
    assert "result of make" in said(way)
    assert numbers(way) == {4}
    (blind,) = ways(one, "take")
    assert "result of make; not followed further" in said(blind)
    (fixed,) = ways(one, "take", selecting={"make": -1})
    assert "result of make, whose name says what it is" in said(fixed)


def test_who_filled_in_a_slot_is_named(tmp_path: Path, compiler: str, option: str) -> None:
    code = "void f(void) { int a; fill(&a); choose(a); }"
    (way,) = ways(made(tmp_path, code, compiler, option), "choose")
    assert "filled in by fill, by way of its argument 0" in said(way)


def test_arguments_on_the_stack_are_found(tmp_path: Path, option: str) -> None:
    code = "void f(void) { many(1, 2, 3, 4, 5, 6, 77, 88); }"
    one = made(tmp_path, code, "gcc", option)
    assert [numbers(way) for way in ways(one, "many", 6)] == [{77}] or _stored(one, 6, 77)
    assert _stored(one, 7, 88)


def _stored(one: Made, argument: int, number: int) -> bool:
    """Whether the last step stores the number into the argument's place."""
    (way,) = ways(one, "many", argument)
    rows = {at: does for at, _, does in instructions_of(one.program, function_at(one.program, way.steps[-1].address))}
    texts = [line.text for step in way.steps if (line := line_at(reader(read(one.data)), step.address))]
    return bool(rows) and any(text.endswith(hex(number)) for text in texts)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("void f(int a) { choose(a); other(0); }", "which others may call by its name; not followed further"),
        ("void f(void) { choose(outside); other(0); }", "read from memory; what was stored there is not followed"),
        ("void f(void) { choose(ask()); }", "result of ask; not followed further"),
    ],
)
def test_where_a_way_ends_is_said(tmp_path: Path, compiler: str, option: str, code: str, reason: str) -> None:
    (way,) = ways(made(tmp_path, code, compiler, option), "choose")
    assert reason in said(way)
    assert way.steps[0].ends


def test_callers_that_nobody_can_know_are_said(tmp_path: Path, compiler: str, option: str) -> None:
    code = "OWN void g(int a) { choose(a); other(0); } void f(void) { g(5); other((void *)g); }"
    (way,) = ways(made(tmp_path, code, compiler, option), "choose")
    assert 5 in numbers(way)
    assert "whose address is taken, so others may call it, too" in said(way)


def test_recursion_ends(tmp_path: Path, compiler: str, option: str) -> None:
    code = "OWN void g(int a, int d) { if (d) g(a, d - 1); choose(a); other(0); } void f(int d) { g(5, d); }"
    (way, *_) = ways(made(tmp_path, code, compiler, option), "choose")
    assert 5 in numbers(way)
    assert len(way.steps) < 40


def test_each_step_is_an_instruction_of_its_function(tmp_path: Path, compiler: str, option: str) -> None:
    code = "OWN void g(int a) { choose(a); other(0); } void f(int c) { g(c ? 5 : ask()); }"
    one = made(tmp_path, code, compiler, option)
    for way in ways(one, "choose"):
        for step in way.steps:
            assert step.address in {at for at, _, _ in instructions_of(one.program, step.function)}
            assert label_of(one.program, step.function) in ("f", "g")


def test_a_window_has_the_place_and_what_is_around_it(tmp_path: Path, compiler: str) -> None:
    one = made(tmp_path, "void f(void) { other(0); choose(2); other(0); }", compiler, "-O0")
    (way,) = ways(one, "choose")
    call = way.steps[-1].address
    code = reader(read(one.data))
    found = window(code, offset_of(code, hex(call)), 3, 2)
    addresses = [line.address for line in found.lines]
    assert call in addresses
    assert len(addresses) == 6
    assert not found.guessed
    assert found.function == "f"
    assert all(line.behind == later.address for line, later in zip(found.lines, found.lines[1:], strict=False))


@pytest.mark.parametrize("place", ["", "0x", "x", "0xzz", "0xffffffffffffffff", ".text+0x0", "-0x1", "0x" + "f" * 40])
def test_what_is_no_place_is_nowhere(tmp_path: Path, place: str) -> None:
    one = made(tmp_path, "void f(void) { choose(2); }", "gcc", "-O2")
    code = reader(read(one.data))
    assert offset_of(code, place) == -1
    assert window(code, -1, 3, 2).lines == ()


def test_who_names_a_table(tmp_path: Path, compiler: str) -> None:
    code = "static const int table[64] = {1, 2, 3}; void g(void) {} void f(void) { other((void *)table); }"
    one = made(tmp_path, code, compiler, "-O2")
    listed = subprocess.run(["nm", tmp_path / "x.so"], capture_output=True, text=True, check=True).stdout
    address = int(next(line.split()[0] for line in listed.splitlines() if line.endswith(" table")), 16)
    found = naming(one.program, address)
    assert found is not None
    assert label_of(one.program, found[0]) == "f"
    assert naming(one.program, address + 4096) is None
