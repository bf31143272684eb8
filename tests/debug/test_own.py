"""Lines that objects say themselves when they are scanned: also those that are not linked, and Go's."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import msgspec
import pytest

from archscan.crypto.catalogue import load
from archscan.debug import own
from archscan.debug.own import with_lines
from archscan.elf import Place
from archscan.elf.reader import read
from archscan.model import Elf, Limits, Reason, Site
from archscan.scan.objects import object_facts
from corpus.recipes import ROOT
from tests.debug.building import package, run
from tests.debug.calling import calling
from tests.scan.scanning import rows, scan

BOOK = load(ROOT.parent / "rules")
_MODULE = """
int outer(int);
__attribute__((section(".init.text"))) int init_module(void)
{
    return outer(3);
}
static inline int mixed(int a)
{
    return a * outer(a);
}
int second(int a)
{
    int b = mixed(a);
    return b + outer(b);
}
"""


def facts(data: bytes) -> Elf:
    """The facts about an object as a scan finds them."""
    return object_facts(data, Place("x", "x", "x", None), BOOK)


def lines(data: bytes, *addresses: str) -> dict[str, tuple[str | None, int | None]]:
    """What an object says of addresses that a verdict names."""
    reason = Reason("code", "", sites=tuple(Site(address) for address in addresses))
    asked = msgspec.structs.replace(facts(data), reasons={"x": reason}, crypto=(), calls=(), lines=())
    return {line.address: (line.file, line.line) for line in with_lines(asked, read(data), Limits()).lines}


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("gcc", ()),
        ("gcc", ("-gdwarf-4",)),
        ("gcc", ("-gz=zlib", "-ffunction-sections", "-O0")),
        pytest.param("gcc", ("-gdwarf-2", "-gstrict-dwarf"), marks=pytest.mark.full),
        pytest.param("gcc", ("-m32",), marks=pytest.mark.full),
        pytest.param("clang", (), marks=pytest.mark.full),
        pytest.param("clang", ("-gdwarf-4", "-ffunction-sections"), marks=pytest.mark.full),
    ],
)
def test_what_is_not_linked_yet(compiler: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    """Every fourth byte of two sections, as addr2line has them."""
    (tmp_path / "m.c").write_text(_MODULE)
    run(compiler, "-g", "-O2", *flags, "-c", "m.c", cwd=tmp_path)
    code = ".text.second" if "-ffunction-sections" in flags else ".text"
    places = [(part, f"{at:#x}") for part in (code, ".init.text") for at in range(0, 20, 4)]
    found = lines((tmp_path / "m.o").read_bytes(), *(f"{part}+{at}" for part, at in places))
    shown = {
        f"{part}+{at}": run("addr2line", "-e", "m.o", "-j", part, at, cwd=tmp_path).strip().partition(" ")[0]
        for part, at in places
    }
    known = {address: text for address, text in shown.items() if not text.endswith(("?", ":0"))}
    assert len(known) > 4
    assert {address: f"{Path(file or '').name}:{line}" for address, (file, line) in found.items()} == {
        address: text.rpartition("/")[2] for address, text in known.items()
    }


def test_on_another_processor(tmp_path: Path) -> None:
    """Whose relocations are others: where two functions begin, as the source has them."""
    (tmp_path / "m.c").write_text(_MODULE)
    run("aarch64-linux-gnu-gcc", "-g", "-O2", "-c", "m.c", cwd=tmp_path)
    found = lines((tmp_path / "m.o").read_bytes(), ".text+0x0", ".init.text+0x0", ".init.text+0x4000")
    assert found.keys() == {".text+0x0", ".init.text+0x0"}
    source = _MODULE.split("\n")
    second, first = (found[address][1] or 0 for address in (".text+0x0", ".init.text+0x0"))
    assert source.index("int second(int a)") < second <= source.index("    int b = mixed(a);") + 1
    assert first in range(3, source.index("    return outer(3);") + 2)


def test_a_copy_in_an_object_that_is_not_linked_has_its_line(tmp_path: Path) -> None:
    """By a scan of a package, as the corpus's own implementation of MD5 is found."""
    source = (ROOT / "md5-inside" / "rounds.c").read_text()
    (tmp_path / "rounds.c").write_text(source)
    run("gcc", "-g", "-O2", "-fno-pic", "-c", "rounds.c", cwd=tmp_path)
    db = tmp_path / "a.db"
    data = (tmp_path / "rounds.o").read_bytes()
    assert scan(db, package(tmp_path / "a.deb", "a", {"usr/lib/a/rounds.o": data})) == 0
    ((address, line),) = rows(
        db, "SELECT u.address, w.line FROM crypto_use u JOIN use_place w ON w.use_id = u.id WHERE u.algorithm = 'md5'"
    )
    section, _, at = str(address).rpartition("+")
    shown = run("addr2line", "-e", "rounds.o", "-j", section, at, cwd=tmp_path).strip().partition(" ")[0]
    assert str(line) == shown.rpartition("/")[2]


def test_sections_of_one_name_are_not_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.s").write_text(
        '.section .text,"ax"\nnop\n.section .text,"axG",@progbits,one,comdat\nnop\n.section .other,"ax"\nnop\n'
    )
    run("gcc", "-g", "-c", "a.s", cwd=tmp_path)
    assert lines((tmp_path / "a.o").read_bytes(), ".text+0x0", ".other+0x0") == {".other+0x0": ("a.s", 6)}


def test_without_line_tables_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = calling(tmp_path, "-O2")
    run("strip", "--strip-debug", whole, cwd=tmp_path)
    monkeypatch.setattr(own, "tables_of", None)  # whoever calls it fails
    assert facts(whole.read_bytes()).lines == ()


@pytest.mark.parametrize("name", [".debug_info", ".debug_line", ".debug_abbrev", ".debug_line_str", ".symtab"])
@pytest.mark.parametrize("linked", [True, False])
def test_damage_costs_lines_and_nothing_else(name: str, linked: bool, tmp_path: Path) -> None:
    path = calling(tmp_path, "-O2")
    if not linked:
        run("gcc", "-g", "-O2", "-c", "calling.c", cwd=tmp_path)
        path = tmp_path / "calling.o"
    data = path.read_bytes()
    image = read(data)
    part = next(part for part in image.sections if part.name == name)
    first = next(part for part in image.sections if part.name == ".text").name
    places = (
        [f"{first}+0x{at:x}" for at in range(16)]
        if not linked
        else [
            f"{part.address + at:#x}"
            for part in image.sections
            if part.name == ".text"
            for at in range(0, part.size, 16)
        ]
    )
    assert lines(data, *places)
    for filler in (b"\xff", b"\0", b"\x01\x80"):
        broken = bytearray(data)
        broken[part.offset : part.offset + part.size] = (filler * part.size)[: part.size]
        found = lines(bytes(broken), *places)
        assert all(file and line for file, line in found.values())


def test_relocations_that_lie_write_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "m.c").write_text(_MODULE)
    run("gcc", "-g", "-O2", "-c", "m.c", cwd=tmp_path)
    data = bytearray((tmp_path / "m.o").read_bytes())
    for part in read(bytes(data)).sections:
        if part.name.startswith(".rela.debug"):
            for at in range(part.offset, part.offset + part.size, 24):
                _, info, _ = struct.unpack_from("<QQq", data, at)
                struct.pack_into("<QQq", data, at, 2**64 - 4, (2**32 - 1) << 32 | info & 0xFFFFFFFF, -1)
    assert lines(bytes(data), ".text+0x0") == {}


@pytest.mark.parametrize("packed", ["none", "zlib"])
def test_large_sections_are_left_alone(packed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = calling(tmp_path, "-O2", f"-gz={packed}").read_bytes()
    assert facts(data).lines
    room = sum(part.size for part in read(data).sections if part.name.startswith(".debug_"))
    monkeypatch.setattr(own, "_MOST_BYTES", room if packed == "zlib" else room - 1)
    assert facts(data).lines == ()


@pytest.mark.full
def test_go_says_where_its_functions_are(tmp_path: Path) -> None:
    source = 'package main\nimport ("crypto/md5"; "fmt")\nfunc main() { fmt.Printf("%x", md5.Sum([]byte("x"))) }\n'
    (tmp_path / "x.go").write_text(source)
    settings = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(tmp_path / "cache"), "GOFLAGS": "-mod=mod"}
    subprocess.run(["go", "build", "-o", "x", "x.go"], check=True, capture_output=True, cwd=tmp_path, env=settings)
    found = facts((tmp_path / "x").read_bytes())
    said = {line.address: line for line in found.lines}
    (use,) = (use for use in found.crypto if use.evidence == "language" and use.algorithm == "md5")
    assert use.address is not None
    shown = run("addr2line", "-e", "x", use.address, cwd=tmp_path).strip()
    assert f"{said[use.address].file}:{said[use.address].line}" == shown
    assert (said[use.address].file or "").endswith("crypto/md5/md5.go")
