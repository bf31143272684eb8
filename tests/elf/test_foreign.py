"""RELRO and binding on every processor whose binutils are here, against what readelf says of the same object.

The normal suite needs only the host's; the full one wants them all (see `make test-full`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from struct import pack

import pytest

from tests.elf.building import linked, seen, without_sections

# A call of a function and a load of a datum of other objects, as position-independent code has them.
_CODE = {
    "x86_64-linux-gnu": "call outer@PLT\n mov datum@GOTPCREL(%rip), %rax",
    "aarch64-linux-gnu": "bl outer\n adrp x0, :got:datum\n ldr x0, [x0, :got_lo12:datum]",
    "arm-linux-gnueabihf": "bl outer(PLT)\n .word datum(GOT)",
    "riscv64-linux-gnu": ".option pic\n call outer@plt\n la a0, datum",
    "s390x-linux-gnu": "brasl %r14, outer@PLT\n lgrl %r1, datum@GOTENT",
    "powerpc64le-linux-gnu": "bl outer\n nop\n addis 3,2,datum@got@ha\n ld 3,datum@got@l(3)",
    "sparc64-linux-gnu": "call outer\n nop\n sethi %gdop_hix22(datum), %g1",
    "alpha-linux-gnu": "ldq $27, outer($29) !literal!1\n jsr $26, ($27), outer !lituse_jsr!1\n"
    " ldq $1, datum($29) !literal",
    "mips64el-linux-gnuabi64": "ld $25,%call16(outer)($28)\n jalr $25\n nop\n ld $2,%got_disp(datum)($28)",
}
_HEAD = {
    "powerpc64le-linux-gnu": ".abiversion 2\n",
    "sparc64-linux-gnu": ".register %g2,#scratch\n",
    "mips64el-linux-gnuabi64": ".abicalls\n.set noreorder\n",
}
_FLAGS = {"mips64el-linux-gnuabi64": ["-mabi=64", "-mips64r2", "-KPIC"], "sparc64-linux-gnu": ["-64", "-KPIC"]}
_SLOTS = re.compile(
    r"^([0-9a-f]{8,16}) +[0-9a-f]+ (R_\S*(?:GLOB_DAT|JUMP_SLOT|JMP_SLOT|JUMP_SLO|JMP_SLO|JUMP_SL)\w*)", re.MULTILINE
)
_RELRO = re.compile(r"^  GNU_RELRO +0x\w+ 0x(\w+) 0x\w+ 0x\w+ 0x(\w+)", re.MULTILINE)
_PAGE = {"sparc64-linux-gnu": 8192, "alpha-linux-gnu": 8192, "powerpc64le-linux-gnu": 65536}


def _built(folder: Path, triplet: str, *options: str) -> Path:
    """A library for the processor, made of one function."""
    source = folder / "foreign.s"
    body = f"{_HEAD.get(triplet, '')}.text\n.globl f\n.type f, %function\nf: {_CODE[triplet]}\n"
    body += '.data\n.globl v\nv: .word 0\n.section .note.GNU-stack,"",%progbits\n'
    source.write_text(body.replace("%function", "@function" if "arm-" not in triplet else "%function"))
    if "sparc" in triplet:
        source.write_text(source.read_text().replace("@function", "#function").replace('"",%progbits', '""'))
    subprocess.run([f"{triplet}-as", *_FLAGS.get(triplet, []), source, "-o", folder / "f.o"], check=True)
    out = folder / "libforeign.so"
    subprocess.run([f"{triplet}-ld", "-shared", *options, folder / "f.o", "-o", out], check=True)
    return out


def _readelf(path: Path, option: str) -> str:
    return subprocess.check_output(["readelf", "-W", option, path], text=True, stderr=subprocess.DEVNULL)


def _expected(path: Path, triplet: str) -> tuple[str, int, int]:
    """The verdict on RELRO, the slots and those outside, from readelf's tables."""
    rows = [(int(address, 16), kind) for address, kind in _SLOTS.findall(_readelf(path, "-r"))]
    header = _RELRO.search(_readelf(path, "-l"))
    if header is None:
        return "none", len(rows), 0
    page, start, size = _PAGE.get(triplet, 4096), int(header[1], 16), int(header[2], 16)
    low, high = start // page * page, (start + size) // page * page
    outside = sum(not low <= address < high for address, _ in rows)
    return ("partial" if outside else "full"), len(rows), outside


def _compared(folder: Path, triplet: str) -> None:
    for options in (("-z", "relro", "-z", "lazy"), ("-z", "relro", "-z", "now"), ("-z", "norelro", "-z", "now")):
        path = _built(folder, triplet, *options)
        found = seen(path, "usr/lib/x/f.so")
        verdict, slots, outside = _expected(path, triplet)
        counts = found.reasons["relro"].counts
        assert slots, triplet
        assert (found.relro, counts["slots"], counts.get("outside", 0)) == (verdict, slots, outside), (triplet, options)
        assert found.bind_now == ("yes" if "now" in options else "no"), (triplet, options)
        assert seen(without_sections(path.read_bytes()), "usr/lib/x/f.so").relro == found.relro


def test_slots_of_the_host_are_those_of_readelf(tmp_path: Path) -> None:
    if not shutil.which("x86_64-linux-gnu-as"):
        pytest.skip("the host's binutils are not those of amd64")
    _compared(tmp_path, "x86_64-linux-gnu")


@pytest.mark.full
@pytest.mark.parametrize("triplet", [name for name in _CODE if "mips" not in name])
def test_slots_of_a_processor_are_those_of_readelf(tmp_path: Path, triplet: str) -> None:
    package = f"binutils-{triplet.replace('_', '-')}"
    assert shutil.which(f"{triplet}-as"), f"{package} is not installed; `make test-full` installs it"
    _compared(tmp_path, triplet)


@pytest.mark.full
def test_the_slots_of_mips_have_no_relocations(tmp_path: Path) -> None:
    """readelf -A prints the GOT; its linker makes no RELRO."""
    triplet = "mips64el-linux-gnuabi64"
    assert shutil.which(f"{triplet}-as"), f"apt-get install binutils-{triplet}"
    path = _built(tmp_path, triplet, "-z", "relro", "-z", "lazy")
    entries = re.findall(r"^  [0-9a-f]{16} .* (FUNC|NOTYPE|OBJECT) +UND (\w+)", _readelf(path, "-A"), re.MULTILINE)
    assert {name for _, name in entries} == {"outer", "datum"}
    found = seen(path, "usr/lib/x/f.so")
    assert (found.relro, found.reasons["relro"].counts) == ("none", {"slots": 2})
    assert (found.bind_now, found.reasons["bind_now"].counts) == ("no", {"slots": 1})


@pytest.mark.parametrize(("start", "verdict", "outside"), [(0, "full", 0), (4096, "partial", 2), (8192, "none", 2)])
def test_the_global_got_of_mips_is_counted(start: int, verdict: str, outside: int) -> None:
    """One function with a stub and one datum, on the first page."""
    rows = bytes(16) + pack(">IIIBBH", 1, 0x400, 0, 0x12, 0, 0) + pack(">IIIBBH", 1, 0, 0, 0x10, 0, 0)
    tables = {5: b"\0name\0\0\0", 6: rows, 3: bytes(16), 12: bytes(8192)}
    tags = [(10, 6), (0x7000000A, 2), (0x70000011, 3), (0x70000013, 1)]
    size = 4096 if start < 8192 else 8
    data = linked(tables, tags, bits=32, order=">", machine=8, relro=(start, size))
    found = seen(data, "usr/lib/x.so")
    assert (found.relro, found.reasons["relro"].counts) == (verdict, {"slots": 2, "outside": outside})
    assert found.reasons["bind_now"].counts == {"slots": 1}


@pytest.mark.parametrize(("machine", "bits", "info"), [(8, 64, 127 << 56), (43, 64, 0xABCD15), (183, 64, 1026)])
def test_the_type_of_a_relocation_is_found_in_odd_places(machine: int, bits: int, info: int) -> None:
    order = ">" if machine == 43 else "<"
    data = linked({23: pack(order + "QQQ", 0x10, info, 0)}, [(2, 24), (20, 7)], order=order, machine=machine)
    assert seen(data, "usr/lib/x.so").reasons["bind_now"].counts == {"slots": 1}


_MISSING = dict.fromkeys((183, 243, 258, 21, 50), "yes") | dict.fromkeys((62, 3, 40, 22, 8, 20, 2, 15), "no")


@pytest.mark.parametrize(("machine", "verdict"), _MISSING.items())
def test_a_missing_stack_header_means_what_the_c_library_makes_of_it(machine: int, verdict: str) -> None:
    """DEFAULT_STACK_PERMS of glibc's sysdeps/*/stackinfo.h."""
    bits = 32 if machine in (3, 40, 20, 2, 15) else 64
    data = linked({}, bits=bits, machine=machine, flags=7).replace(b"\x51\xe5\x74\x64", bytes(4))
    found = seen(data, "usr/lib/x.so")
    assert (found.nx, found.reasons["nx"].code) == (verdict, "no-header")
