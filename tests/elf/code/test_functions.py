"""The functions of objects, against what readelf prints of unwind tables and symbol tables."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from archscan.elf.arch import machine
from archscan.elf.arrays import np
from archscan.elf.code import address_of, code
from archscan.elf.functions import Functions, defines, functions, name, owners
from archscan.elf.image import PT_GNU_EH_FRAME, Image, has_segment
from archscan.elf.inspection import decoder, inspection, instructions
from archscan.elf.reader import read
from archscan.elf.unwind import ranges
from tests.elf.building import without_sections
from tests.elf.code.compilers import CLANG, CROSS, GCC, Compiler, build, each, run
from tests.elf.code.programs import HEAD, OTHER, PROGRAMS

_FDE = re.compile(r"FDE cie=[0-9a-f]+ pc=([0-9a-f]+)\.\.([0-9a-f]+)")
_SYMBOL = re.compile(
    r"^ *\d+: ([0-9a-f]+) +(\d+|0x[0-9a-f]+) (?:FUNC|IFUNC) +\w+ +\w+ +(?:\[.*?\] +)?(\d+) (\S+)", re.MULTILINE
)

_PARTS = "".join(program.text.replace(" f(", f" f{number}(") for number, program in enumerate(PROGRAMS.values()))
_PARTS = re.sub(r"\bf\(n - ([12])\)", r"f16(n - \1)", _PARTS)
TEXT = (
    HEAD
    + _PARTS.replace("int g(int,", "int f99(int,").replace("g(", "f99(")
    + (
        "int f99(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j) { return a + j; }\n"
        "static int __attribute__((noinline)) own(int a) { return a * 7 + f99(a, 1, 2, 3, 4, 5, 6, 7, 8, 9); }\n"
        "int main(int c, char **v) { f0(v[0]); return own(c); }\n"
    )
)
_TABLES = ("-fasynchronous-unwind-tables",)  # which not every processor has for C unless asked
_LINKS = {
    "pie": ["-fPIE", "-pie"],
    "without-header": ["-fPIE", "-pie", "-Wl,--no-eh-frame-hdr"],
    "static": ["-static"],
    "static-without-header": ["-static", "-Wl,--no-eh-frame-hdr"],
    "shared": ["-shared", "-fPIC"],
}


def unwound(compiler: Compiler, path: Path) -> set[tuple[int, int]]:
    """Where functions begin and end by readelf; without those that the linker threw away, which begin at 0."""
    rows = _FDE.findall(run([compiler.prefix + "readelf", "--debug-dump=frames", path], lenient=True))
    return {(int(start, 16), int(end, 16)) for start, end in rows if int(start, 16) and int(end, 16) > int(start, 16)}


def symbols(compiler: Compiler, path: Path) -> list[tuple[int, int, int, str]]:
    """Value, size, section and name of the functions that symbol tables define."""
    rows = _SYMBOL.findall(run([compiler.prefix + "readelf", "--wide", "--syms", path]))
    found = [(int(value, 16), int(size, 0), int(section), label) for value, size, section, label in rows]
    return [row for row in found if row[2]]


def view(image: Image) -> tuple[Functions, dict[int, int]]:
    """The functions of a linked object, and address → end."""
    text = code(image)
    found = functions(image, text)
    places = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
    return found, {address_of(text, start): address_of(text, start) + end - start for start, end in places}


def assert_unwound(image: Image, expected: set[tuple[int, int]]) -> None:
    """The tables say what readelf says, and the view has a function for each row that lies in code."""
    known = ranges(image)
    assert known is not None
    assert set(zip(known.starts.tolist(), known.ends.tolist(), strict=True)) == expected
    found, ends = view(image)
    text = code(image)
    inside = [(low, high) for low, high in expected
              if any(part.address <= low < part.address + part.size for part in text.parts)]  # fmt: skip
    assert len(inside) > 3
    starts = sorted(ends)
    for low, high in inside:
        assert low in ends, hex(low)
        following = starts[starts.index(low) + 1] if low != starts[-1] else high
        # A symbol may say more than the row, and no function reaches into the next.
        assert min(high, following) <= ends[low], (hex(low), hex(high), hex(ends[low]))
    assert (found.starts[1:] >= found.ends[:-1]).all()


@pytest.mark.parametrize("link", _LINKS)
@pytest.mark.parametrize("compiler", each(CLANG, *(it for it in CROSS if it.architecture != "armhf")))
def test_unwind_tables_are_read_as_readelf_reads_them(tmp_path: Path, compiler: Compiler, link: str) -> None:
    built = build(compiler, tmp_path, [TEXT, OTHER], ["-w", "-O2", *_TABLES, *_LINKS[link]], "out")
    expected = unwound(compiler, built)
    assert len(expected) > 15
    data = built.read_bytes()
    known = ranges(read(data))
    assert known is not None
    header = has_segment(read(data), PT_GNU_EH_FRAME)
    assert header == ("without" not in link) or link == "static"  # for which gcc asks for none, clang does
    assert known.source == (".eh_frame_hdr" if header else ".eh_frame")
    assert_unwound(read(data), expected)
    run([compiler.prefix + "strip", built])
    assert_unwound(read(built.read_bytes()), expected)
    bare = read(without_sections(data))
    assert not bare.sections
    assert_unwound(bare, expected)


@pytest.mark.parametrize("compiler", each())
def test_what_is_decoded_by_blocks_is_what_is_decoded_at_once(tmp_path: Path, compiler: Compiler) -> None:
    """Of instructions of several sizes, so that some lie across the end of a block."""
    body = "".join(f"all[{number * 77 % 4000}] += {number * 123457};\n" for number in range(300))
    built = build(compiler, tmp_path, [f"void f(volatile long *all) {{\n{body}}}\n"], ["-O2", "-c"], "out.o")
    chosen = machine(read(built.read_bytes()).machine).idioms
    assert chosen
    found = inspection(read(built.read_bytes()), chosen)
    assert found
    assert found.idioms.text
    start, end = int(found.view.starts[0]), int(found.view.ends[0])
    assert end - start > 4096
    code_bytes = found.text.raw[start : start + 4096].tobytes()
    rows = decoder(found.idioms.text).disasm_lite(code_bytes, address_of(found.text, start))
    assert list(instructions(found, 0)) == [(at, *words) for at, _, *words in rows]


@pytest.mark.full
@pytest.mark.parametrize("link", ["pie", "static", "shared"])
def test_the_index_of_arm_is_read_as_readelf_reads_it(tmp_path: Path, link: str) -> None:
    compiler = next(it for it in CROSS if it.architecture == "armhf")
    built = build(compiler, tmp_path, [TEXT, OTHER], ["-w", "-O2", "-funwind-tables", *_LINKS[link]], "out")
    text = run([compiler.prefix + "readelf", "-u", built], lenient=True)
    # What cannot be unwound is code of however many functions.
    rows = re.findall(r"^0x([0-9a-f]+)(?: <[^>]*>)?: (.*)$", text, re.MULTILINE)
    expected = {int(start, 16) for start, what in rows if "cantunwind" not in what}
    assert len(expected) > 10
    for data in (built.read_bytes(), without_sections(built.read_bytes())):
        known = ranges(read(data))
        assert known is not None
        assert known.source == ".ARM.exidx"
        assert set(known.starts.tolist()) == expected
        _, ends = view(read(data))
        assert expected <= set(ends)


def _sized(compiler: Compiler, built: Path) -> None:
    """Each function of the symbol tables is one of the view, as long as its symbol says, or up to the next."""
    image = read(built.read_bytes())
    found, ends = view(image)
    starts, compared = sorted(ends), 0
    thumb = ~1 if image.machine == 40 else ~0
    known = dict(unwound(compiler, built)) if image.machine != 40 else {}
    sizes: dict[int, int] = {}
    for value, size, _, _ in symbols(compiler, built):
        sizes[value & thumb] = max(size, sizes.get(value & thumb, 0))
    for value, size in sizes.items():
        assert value in ends, hex(value)
        number = starts.index(value)
        following = starts[number + 1] if number + 1 < len(starts) else 1 << 62
        longest = max(value + size, known.get(value, 0))
        if size and image.machine == 40:  # the index may say where the next begins, behind what fills between them
            assert min(value + size, following) <= ends[value] <= following
            compared += 1
        elif size:
            assert ends[value] == min(longest, following), hex(value)
            compared += 1
    assert compared > 15
    text = code(image)
    names = {label.partition("@")[0] for value, _, _, label in symbols(compiler, built)}
    for value in list(sizes)[:200]:
        offset = next(part.offset + value - part.address for part in text.parts
                      if part.address <= value < part.address + part.size)  # fmt: skip
        assert name(found, offset) in names
        assert int(owners(found, np.array([offset]))[0]) == int(np.searchsorted(found.starts, offset))


@pytest.mark.parametrize("link", ["pie", "static", "shared"])
@pytest.mark.parametrize("compiler", each(CLANG, *CROSS))
def test_functions_are_as_long_as_their_symbols_say(tmp_path: Path, compiler: Compiler, link: str) -> None:
    _sized(compiler, build(compiler, tmp_path, [TEXT, OTHER], ["-w", "-O2", *_LINKS[link]], "out"))


@pytest.mark.parametrize("more", [[], ["-ffunction-sections"]], ids=["", "sections"])
@pytest.mark.parametrize("compiler", each(CLANG, *CROSS))
def test_a_relocatable_object_has_the_functions_of_its_symbols(
    tmp_path: Path, compiler: Compiler, more: list[str]
) -> None:
    built = build(compiler, tmp_path, [TEXT], ["-w", "-O2", "-fPIC", "-c", *more], "out.o")
    image = read(built.read_bytes())
    found = functions(image, code(image))
    thumb = ~1 if image.machine == 40 else ~0
    expected: dict[int, tuple[int, set[str]]] = {}
    for value, size, section, label in symbols(compiler, built):
        place = image.sections[section].offset + (value & thumb)
        expected[place] = size, expected.get(place, (0, set()))[1] | {label}
    assert len(expected) > 15
    assert set(found.starts.tolist()) == set(expected)
    for start, end in zip(found.starts.tolist(), found.ends.tolist(), strict=True):
        size, labels = expected[start]
        assert end - start == size or not size
        assert name(found, start) in labels
        assert not str(name(found, start)).endswith(".localalias")
    assert found.sources == (".symtab",)


def test_exported_functions_are_known(tmp_path: Path) -> None:
    built = build(GCC, tmp_path, [TEXT, OTHER], ["-w", "-O2", "-shared", "-fPIC", "-s"], "out")
    image = read(built.read_bytes())
    found = functions(image, code(image))
    names = {name(found, start) for start in found.exported.tolist()}
    assert {f"f{number}" for number in range(len(PROGRAMS))} | {"main", "use", "take"} <= names
    assert "own" not in names
    assert {name(found, start) for start in found.starts.tolist()} == names | {None}


def test_a_folded_and_a_cold_part_do_not_hide_each_other(tmp_path: Path) -> None:
    """Two symbols at one place, and a function whose unlikely part stands elsewhere."""
    text = (
        "#include <stdlib.h>\nvoid g(int);\nvoid __attribute__((cold)) h(int);\n"
        "int f(int a) { if (__builtin_expect(a > 7, 0)) { h(a); h(a + 1); abort(); } g(a); return a; }\n"
        'int same(int) __attribute__((alias("f")));\n'
    )
    built = build(GCC, tmp_path, [text], ["-O2", "-shared", "-fPIC", "-nostartfiles"], "out")
    image = read(built.read_bytes())
    found, ends = view(image)
    rows = {label: (value, size) for value, size, _, label in symbols(GCC, built)}
    assert rows["f"] == rows["same"]
    assert "f.cold" in rows
    for value, size in (rows["f"], rows["f.cold"]):
        assert ends[value] == value + size
    assert len(ends) == found.starts.size


def test_a_name_is_found_where_it_ends_a_longer_one(tmp_path: Path) -> None:
    """Linkers keep one string for both; and a string of that name may be another symbol's."""
    text = (
        "void tail(void) {} void long_tail(void) {} extern int only_tail_of; int *f(void) { return &only_tail_of; }\n"
    )
    for strip in ([], ["-s"]):
        built = build(GCC, tmp_path, [text], ["-O2", "-shared", "-fPIC", "-Wl,-O2", *strip], "out")
        image = read(built.read_bytes())
        found = functions(image, code(image))
        assert all(defines(found, wanted) for wanted in (b"tail", b"long_tail", b"f"))
        assert not any(defines(found, wanted) for wanted in (b"ail", b"long", b"only_tail_of", b""))


_REAL = (
    "/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libm.so.6",
    "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "/usr/bin/bash", "/bin/ls",
    "/sbin/ldconfig", "/usr/bin/dpkg", "/usr/bin/perl", "/usr/bin/git",
)  # fmt: skip


@pytest.mark.full
@pytest.mark.parametrize("path", _REAL)
def test_real_files_are_read_as_readelf_reads_them(path: str) -> None:
    file = Path(path).resolve()
    assert shutil.which("readelf")
    expected = unwound(GCC, file)
    data = file.read_bytes()
    assert len(expected) > 100
    for image in (read(data), read(without_sections(data))):
        known = ranges(image)
        assert known is not None
        assert set(zip(known.starts.tolist(), known.ends.tolist(), strict=True)) == expected
        _, ends = view(image)
        assert {low for low, _ in expected} <= set(ends)
