"""Units, ranges and lines of compiled objects, held against readelf, addr2line and pyelftools."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
import zstandard

from archscan import debug
from archscan.debug.lines import line_table
from archscan.debug.ranges import code_ranges
from archscan.debug.units import heads
from archscan.elf.reader import read
from archscan.model import Asked, DebugInfo, Job, Limits, Message, Problem
from archscan.scan.confirmation import read_debug
from tests.debug import truth
from tests.debug.building import build_id, program, run, split

FLAGS = {"used.c": ("-O2", "-fno-stack-protector"), "plain.c": ("-O1", "-fstack-protector", "-D_FORTIFY_SOURCE=2")}
VARIANTS = {
    "dwarf-4": ("-gdwarf-4",),
    "dwarf-5": ("-gdwarf-5",),
    "dwarf-64": ("-gdwarf64",),
    "sections": ("-gdwarf-5", "-ffunction-sections"),
    "types": ("-gdwarf-4", "-fdebug-types-section"),
    "zlib": ("-gdwarf-5", "-gz=zlib"),
    "zdebug": ("-gdwarf-4", "-gz=zlib-gnu"),
    "macros": ("-g3",),
}


def said(path: Path, wanted: tuple[str, ...] = ()) -> DebugInfo:
    found = debug.read(read(path.read_bytes()), path.name, Asked(addresses=wanted), Limits())
    assert found is not None
    assert found.problem is None
    return debug.finished(found, {})


@pytest.fixture(scope="module", params=VARIANTS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return program(tmp_path_factory.mktemp(request.param), FLAGS, *VARIANTS[request.param])


def by_readelf(path: Path) -> list[tuple[str, str, str]]:
    """Name, folder and producer of each compile unit, as readelf shows them."""
    text = subprocess.run(
        ["readelf", "--debug-dump=info", "--dwarf-depth=1", path], capture_output=True, text=True, check=True
    ).stdout
    found = []
    for part in re.split(r"Compilation Unit @ ", text)[1:]:
        if "DW_TAG_compile_unit" not in part:
            continue
        values = []
        for name in ("name", "comp_dir", "producer"):
            line = next(line for line in part.splitlines() if f"DW_AT_{name} " in line)
            values.append(re.sub(r"^.*?DW_AT_\w+\s*: (?:\((?:alt )?ind[^)]*\): )?", "", line).strip())
        found.append((values[0], values[1], values[2]))
    return found


def test_units_are_those_of_readelf(built: Path) -> None:
    units = said(built).units
    assert [(unit.name, unit.comp_dir, unit.producer) for unit in units] == by_readelf(built)
    assert [unit.position for unit in units] == [0, 1, 2]


def test_the_settings_are_those_of_the_command_lines(built: Path) -> None:
    units = {unit.name: unit for unit in said(built).units}
    assert {name: unit.stack_protector for name, unit in units.items()} == {
        "main.c": "strong", "used.c": "off", "plain.c": "basic",
    }  # fmt: skip
    assert {name: unit.fortify for name, unit in units.items()} == {
        "main.c": "shown", "used.c": "hidden", "plain.c": None,
    }  # fmt: skip
    assert {name: unit.optimised for name, unit in units.items()} == {"main.c": "2", "used.c": "2", "plain.c": "1"}
    assert {name: unit.stack_clash for name, unit in units.items()} == {
        "main.c": "on", "used.c": "none", "plain.c": "none",
    }  # fmt: skip


def test_what_the_units_say_together(built: Path) -> None:
    found = {row.feature: row for row in said(built).confirmations}
    row = found["stack_protector"]
    assert (row.verdict, row.units_with, row.units_without, row.units) == ("partial", 1, 2, ("used.c", "plain.c"))
    assert (found["fortify"].verdict, found["fortify"].units) == ("unknown", ("used.c",))
    assert (found["stack_clash"].verdict, found["stack_clash"].units) == ("partial", ("plain.c", "used.c"))


def test_ranges_are_those_of_pyelftools(built: Path) -> None:
    tables = debug.tables_of(read(built.read_bytes()), Limits())
    ours = [sorted(one for one in code_ranges(tables, head) if one[0] < one[1]) for head in heads(tables, 100)]
    assert ours == [sorted(pair for pair in unit.ranges if pair[0] < pair[1]) for unit in truth.units(built)]
    assert all(ours)


def test_lines_are_those_of_addr2line(built: Path) -> None:
    lows = [f"{one.low + step:#x}" for one in truth.functions(built) for step in (0, 4, 11)]
    shown = run("addr2line", "-e", built, *lows, cwd=built.parent).split("\n")
    wanted = {address: line for address, line in zip(lows, shown, strict=False) if not line.startswith("??")}
    if "-gdwarf64" in truth.units(built)[0].flags:  # of which the addr2line of binutils 2.40 knows nothing
        low = next(one.low for one in truth.functions(built) if one.name == "used")
        wanted = {f"{low:#x}": "used.c:4"}
    found = {line.address: line for line in said(built, tuple(wanted)).lines}
    assert len(wanted) > 5 or list(wanted.values()) == ["used.c:4"]
    assert found.keys() == wanted.keys()
    for address, text in wanted.items():
        file, _, rest = text.partition(":")
        assert (Path(file).name, int(rest.split()[0])) == (Path(found[address].file or "").name, found[address].line)


def test_the_files_are_those_of_readelf(built: Path) -> None:
    """`--debug-dump=decodedline` names each file that has a row."""
    tables = debug.tables_of(read(built.read_bytes()), Limits())
    ours = set()
    for head in heads(tables, 100):
        assert head.line is not None
        table = line_table(tables, head.line)
        ours |= {Path((table.path(at) or b"").decode()).name for at in range(table.first, table.first + 99)}
    text = run("readelf", "--wide", "--debug-dump=decodedline", built, cwd=built.parent)
    theirs = {
        Path(line.split(":")[-2].strip()).name for line in text.splitlines() if line.endswith(":") and ".c:" in line
    }
    assert theirs
    assert theirs <= ours


def test_a_split_file_says_the_same(built: Path) -> None:
    """With compressed sections, and headers whose segments describe the other file."""
    _, apart = split(built)
    assert said(apart).units == said(built).units
    assert said(apart).build_id == said(built).build_id


def _packed(data: bytes, wanted: str) -> bytes:
    """A 64-bit object with one section compressed by zstd, at the end of the file (gABI, "Elf64_Chdr")."""
    image, out = read(data), bytearray(data)
    order, start = image.order, struct.unpack_from(f"{image.order}Q", data, 40)[0]
    number, one = next((number, one) for number, one in enumerate(image.sections) if one.name == wanted)
    plain = data[one.offset : one.offset + one.size]
    packed = struct.pack(f"{order}IIQQ", 2, 0, len(plain), 1) + zstandard.compress(plain)  # ELFCOMPRESS_ZSTD
    at = start + number * 64
    struct.pack_into(f"{order}Q", out, at + 8, one.flags | 0x800)  # SHF_COMPRESSED
    struct.pack_into(f"{order}QQ", out, at + 24, len(out), len(packed))
    return bytes(out) + packed


def test_zstd(tmp_path: Path) -> None:
    built = program(tmp_path, FLAGS)
    names = [one.name for one in read(built.read_bytes()).sections if one.name.startswith(".debug_")]
    data = built.read_bytes()
    for name in names:
        data = _packed(data, name)
    packed = tmp_path / "packed"
    packed.write_bytes(data)
    assert {".debug_info", ".debug_abbrev", ".debug_line", ".debug_str"} <= {*names}
    assert said(packed).units == said(built).units


def test_split_dwarf_says_nothing_but_the_place(tmp_path: Path) -> None:
    """The flags stand in the .dwo file; a skeleton without them is unknown, never protected or unprotected."""
    info = said(program(tmp_path, FLAGS, "-gdwarf-5", "-gsplit-dwarf"))
    assert [unit.stack_protector for unit in info.units] == [None] * 3
    verdicts = {row.feature: row.verdict for row in info.confirmations}
    assert verdicts["stack_protector"] == "unknown"


_SKELETON = """
    .text
f:  nop
end:
    .section .debug_abbrev,"",@progbits
    .uleb128 1, 0x11
    .byte 0
    .uleb128 DECLARED 0x13, 0x0b, 0x11, 0x01, 0x12, 0x07, 0, 0, 0
    .section .debug_info,"",@progbits
    .long last - first
first:
    .short 4
    .long 0
    .byte 8
    .uleb128 1
    STRINGS
    .byte 12
    .quad f, end - f
last:
"""
_DWO, _PRODUCER = ("0x2130", "it.dwo"), ("0x25", "GNU C17 12.2.0 -O2 -fstack-protector-strong")


@pytest.mark.parametrize(
    ("strings", "missing", "setting"),
    [((_DWO,), True, None), ((_DWO, _PRODUCER), False, "strong"), ((_PRODUCER,), False, "strong"), ((), False, None)],
    ids=["split", "split-with-settings", "whole", "without-settings"],
)
def test_only_a_split_unit_without_settings_keeps_them_elsewhere(
    strings: tuple[tuple[str, str], ...], missing: bool, setting: str | None, tmp_path: Path
) -> None:
    declared = "".join(f"{name}, 0x08, " for name, _ in strings)
    inside = "".join(f'.asciz "{text}"\n' for _, text in strings)
    (tmp_path / "it.s").write_text(_SKELETON.replace("DECLARED", declared).replace("STRINGS", inside))
    run("gcc", "-shared", "-nostdlib", "-Wl,--build-id", "-o", "it.so", "it.s", cwd=tmp_path)
    path, messages = tmp_path / "it.so", list[Message]()
    job, wanted = Job(path=str(path), target="it"), {build_id(path): Asked()}
    with path.open("rb") as file:
        read_debug(job, file, Limits(), messages.append, wanted=wanted)
    assert [unit.stack_protector for one in messages if isinstance(one, DebugInfo) for unit in one.units] == [setting]
    told = [one.message for one in messages if isinstance(one, Problem)]
    assert [text.startswith("1 units keep their settings in .dwo files") for text in told] == [True] * missing


def test_assembler_and_link_time_optimisation(tmp_path: Path) -> None:
    lto = said(program(tmp_path / "lto", FLAGS, "-flto", link=("-pie", "-O2", "-g")))
    languages = [unit.language for unit in lto.units]
    assert languages.count("c") == 3
    assert "lto" in languages
    row = {row.feature: row for row in lto.confirmations}["stack_protector"]
    assert (row.verdict, row.units) == ("partial", ("used.c", "plain.c"))
    (tmp_path / "as.s").write_text(".text\n.globl f\nf:\n ret\n")
    run("gcc", "-g", "-shared", "-nostdlib", "-Wl,--build-id", "-o", "as.so", "as.s", cwd=tmp_path)
    (unit,) = said(tmp_path / "as.so").units
    assert (unit.language, unit.stack_protector) == ("assembler", None)
    assert {row.verdict for row in said(tmp_path / "as.so").confirmations} == {"n/a"}


def test_what_the_toolchain_brings_along_is_told_apart(tmp_path: Path) -> None:
    """As in a static program with the debug information of its C library."""
    place = tmp_path / "glibc-2.36" / "csu"
    place.mkdir(parents=True)
    (place / "libc.c").write_text("int start(int a) { return a; }\n")
    (tmp_path / "own.c").write_text("int own(int a) { return a; }\n")
    run("gcc", "-g", "-O2", "-c", "libc.c", cwd=place)
    run("gcc", "-g", "-O2", "-fstack-protector-strong", "-c", "own.c", cwd=tmp_path)
    link = ("gcc", "-shared", "-nostdlib", "-Wl,--build-id", "-o")
    run(*link, "both.so", "own.o", place / "libc.o", cwd=tmp_path)
    info = said(tmp_path / "both.so")
    assert [(unit.name, unit.origin) for unit in info.units] == [("own.c", "package"), ("libc.c", "toolchain")]
    assert {row.feature: row.verdict for row in info.confirmations}["stack_protector"] == "yes"
    run(*link, "libc.so", place / "libc.o", cwd=tmp_path)  # the toolchain's own package
    info = said(tmp_path / "libc.so")
    assert {row.feature: row.verdict for row in info.confirmations}["stack_protector"] == "no"


def test_32_bit(tmp_path: Path) -> None:
    if shutil.which("dpkg") and run("dpkg", "--print-architecture", cwd=tmp_path).strip() != "amd64":
        pytest.skip("the compiler is not that of amd64")
    (tmp_path / "a.c").write_text("int f(int a) { return a + 1; }\n")
    for version in "45":
        flags = (f"-gdwarf-{version}", "-m32", "-shared", "-nostdlib", "-fPIC", "-fstack-protector-strong")
        run("gcc", *flags, "-Wl,--build-id", "-o", "a.so", "a.c", cwd=tmp_path)
        info = said(tmp_path / "a.so")
        assert (info.bits, [unit.stack_protector for unit in info.units]) == (32, ["strong"])


@pytest.mark.full
@pytest.mark.parametrize(
    "compiler",
    ["aarch64-linux-gnu-gcc", "s390x-linux-gnu-gcc", "arm-linux-gnueabihf-gcc", "i686-linux-gnu-gcc",
     "powerpc64le-linux-gnu-gcc", "riscv64-linux-gnu-gcc"],
)  # fmt: skip
@pytest.mark.parametrize("version", ["4", "5"])
def test_other_processors(compiler: str, version: str, tmp_path: Path) -> None:
    """Of both byte orders and sizes; s390x is big-endian."""
    built = program(tmp_path, FLAGS, f"-gdwarf-{version}", compiler=compiler)
    info = said(built, tuple(f"{one.low:#x}" for one in truth.functions(built)))
    assert [(unit.name, unit.comp_dir, unit.producer) for unit in info.units] == by_readelf(built)
    assert {unit.name: unit.stack_protector for unit in info.units}["used.c"] == "off"
    assert len(info.lines) >= 3


@pytest.mark.full
@pytest.mark.parametrize("recorded", [False, True])
def test_clang(recorded: bool, tmp_path: Path) -> None:
    more = ("-grecord-command-line",) if recorded else ()
    info = said(program(tmp_path, FLAGS, *more, compiler="clang"))
    expected = {"main.c": "strong", "used.c": "off", "plain.c": "basic"}
    assert {unit.name: unit.stack_protector for unit in info.units} == (
        expected if recorded else dict.fromkeys(expected)
    )
    assert {unit.name: unit.fortify for unit in info.units}["main.c"] == "shown"
