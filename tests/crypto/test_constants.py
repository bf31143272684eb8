"""Implementations that compilers put into programs: found on each processor, with who calls them, and told apart."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from archscan.crypto.catalogue import load
from archscan.elf import Place
from archscan.model import CryptoUse, Elf
from archscan.scan.objects import object_facts
from tests.crypto import ciphers, implementations

ROOT = Path(__file__).parents[2]
BOOK = load(ROOT / "rules")
COPIES = ("constant", "instruction", "language")
HASHES = {
    "md5 in code": ("md5", implementations.md5(table=False), "900150983cd24fb0d6963f7d28e17f72"),
    "md5 in a table": ("md5", implementations.md5(table=True), "900150983cd24fb0d6963f7d28e17f72"),
    # Old code keeps 32 bits in longs, of which RISC-V makes positive numbers in several steps.
    "md5 in longs": (
        "md5",
        implementations.md5(table=False).replace("typedef uint32_t u32", "typedef unsigned long u32"),
        "900150983cd24fb0d6963f7d28e17f72",
    ),
    "md4": ("md4", implementations.md4(), "a448017aaf21d8525fc10ae87aa6729d"),
    "sha1 in code": ("sha1", implementations.sha1(form="rounds"), "a9993e364706816aba3e25717850c26c9cd0d89d"),
    "sha1 in loops": ("sha1", implementations.sha1(form="loops"), "a9993e364706816aba3e25717850c26c9cd0d89d"),
    "sha1 in a table": ("sha1", implementations.sha1(form="table"), "a9993e364706816aba3e25717850c26c9cd0d89d"),
    "ripemd160": ("ripemd160", implementations.ripemd160(), "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
    "sha256": ("", implementations.sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
}
CIPHERS = {
    "des of bytes": ("des", ciphers.des(), "133457799BBCDFF1", "0123456789ABCDEF", "85e813540f0ab405"),
    "des of words": ("des", ciphers.des(kind="int"), "133457799BBCDFF1", "0123456789ABCDEF", "85e813540f0ab405"),
    "blowfish": ("blowfish", ciphers.blowfish(), "0000000000000000", "0000000000000000", "4ef997456198dd78"),
    "rc2": ("rc2", ciphers.rc2(), "88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"),
}
_FULL = pytest.mark.full
COMPILERS = ["gcc", "aarch64-linux-gnu-gcc"] + [
    pytest.param(name, marks=_FULL)
    for name in ("clang", "i686-linux-gnu-gcc", "arm-linux-gnueabihf-gcc", "powerpc64le-linux-gnu-gcc",
                 "riscv64-linux-gnu-gcc", "s390x-linux-gnu-gcc")
]  # fmt: skip
OPTIONS = ["-O2", *(pytest.param(option, marks=_FULL) for option in ("-O0", "-O1", "-O3", "-Os"))]


def facts(data: bytes, path: str = "usr/bin/x") -> Elf:
    return object_facts(data, Place(path, path, path, None), BOOK)


def built(folder: Path, code: str, *flags: str, compiler: str = "gcc", path: str = "usr/bin/x") -> Elf:
    source, out = folder / "x.c", folder / "x"
    source.write_text(code)
    command = [compiler, "-w", *(flags or ("-O2",)), "-o", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return facts(out.read_bytes(), path)


def copies(found: Elf) -> list[CryptoUse]:
    return [use for use in found.crypto if use.evidence in COPIES]


def told(found: Elf) -> list[tuple[str, str]]:
    return [(use.algorithm, use.role) for use in copies(found)]


def reached(use: CryptoUse) -> dict[str, Any]:
    assert use.context_evidence is not None
    evidence: dict[str, Any] = json.loads(use.context_evidence)
    return evidence


# --- on every processor, at every level ---


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_hash_functions_are_found_whatever_the_compiler_makes_of_them(
    tmp_path: Path, compiler: str, option: str
) -> None:
    for name, (algorithm, code, _) in HASHES.items():
        if (compiler, option, name) == ("arm-linux-gnueabihf-gcc", "-Os", "md4"):
            continue  # its second constant is the first one and two additions
        found = copies(built(tmp_path, code, option, "-s", compiler=compiler))
        assert [(use.algorithm, use.role) for use in found] == [(algorithm, "hash")] * bool(algorithm), name
        assert {use.evidence for use in found} <= {"constant"}
        # MD4's two constants may stand once each, where registers hold them; on 32-bit ARM and RISC-V, where no table
        # lists the functions, one may be cut in two.
        sure = name != "md4" and not compiler.startswith(("arm", "riscv"))
        assert all(use.confidence in ("certain", *(() if sure else ("likely",))) for use in found), name


@pytest.mark.parametrize("compiler", COMPILERS)
def test_tables_of_ciphers_are_found_in_the_byte_order_of_the_object(tmp_path: Path, compiler: str) -> None:
    for name, (algorithm, code, *_) in CIPHERS.items():
        found = copies(built(tmp_path, code, "-O2", "-s", compiler=compiler))
        assert [(use.algorithm, use.role, use.confidence) for use in found] == [(algorithm, "cipher", "certain")], name


@pytest.mark.parametrize("name", HASHES)
def test_the_hash_functions_of_these_tests_are_what_they_are_called(tmp_path: Path, name: str) -> None:
    _, code, digest = HASHES[name]
    built(tmp_path, code)
    assert subprocess.run([tmp_path / "x", "abc"], check=True, capture_output=True, text=True).stdout == digest


@pytest.mark.parametrize("name", CIPHERS)
def test_the_ciphers_of_these_tests_are_what_they_are_called(tmp_path: Path, name: str) -> None:
    _, code, key, block, encrypted = CIPHERS[name]
    built(tmp_path, code)
    assert subprocess.run([tmp_path / "x", key, block], check=True, capture_output=True, text=True).stdout == encrypted


@pytest.mark.parametrize("name", HASHES)
def test_the_function_and_the_place_are_named(tmp_path: Path, name: str) -> None:
    found = copies(built(tmp_path, HASHES[name][1], "-O2"))
    for use in found:
        assert use.function is not None
        assert use.function.startswith("block")
        printing = [{"name": "main", "texts": ["%02x"]}]
        assert reached(use) == {"called_by": ["main"], "exported": False, "callers": printing}
        assert use.address is not None
        command = ["readelf", "--wide", "--sections", str(tmp_path / "x")]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        fields = next(line.split("]")[1].split() for line in text.splitlines() if " .text " in line)
        inside = 0 <= int(use.address, 16) - int(fields[2], 16) < int(fields[4], 16)
        assert inside is ("table" not in name)


# --- forms that no compiler of this machine was seen to write ---


def test_constants_that_are_subtracted_count(tmp_path: Path) -> None:
    words = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)
    code = "".join(f'asm("sub ${-word & 0xFFFFFFFF:#x}, %eax");' for word in words)
    assert told(built(tmp_path, f"int main(void) {{ {code} return 0; }}")) == [("sha1", "hash")]


def test_constants_in_several_functions_are_less_sure(tmp_path: Path) -> None:
    names = [f'void f{at}(void) {{ asm("add ${word:#x}, %eax"); }}'
             for at, word in enumerate((0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6))]  # fmt: skip
    (use,) = copies(built(tmp_path, "\n".join(names) + "int main(void) { return 0; }"))
    assert (use.algorithm, use.confidence) == ("sha1", "possible")


@pytest.mark.parametrize(
    ("compiler", "flags", "steps", "seen"),
    [
        ("gcc", ["-msha", "-msse4.1"],
         'asm volatile("sha1rnds4 $0, %xmm1, %xmm2; sha1nexte %xmm1, %xmm2");', "20 sha1rnds4, 20 sha1nexte"),
        ("aarch64-linux-gnu-gcc", ["-march=armv8-a+crypto"],
         'asm volatile("sha1c q0, s1, v2.4s; sha1p q0, s1, v2.4s; sha1m q0, s1, v2.4s; sha1su0 v0.4s, v1.4s, v2.4s");',
         "20 sha1c, 20 sha1p, 20 sha1m, 20 sha1su0"),
        pytest.param("s390x-linux-gnu-gcc", ["-march=z10"], 'asm volatile("lghi %r0,1; kimd %r2,%r4");', "20 kimd",
                     marks=_FULL),
    ],
)  # fmt: skip
def test_instructions_are_found_beside_the_constants(
    tmp_path: Path, compiler: str, flags: list[str], steps: str, seen: str
) -> None:
    start = "unsigned h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};"
    code = f"{start} void step(void) {{ {steps * 20} }} int main(void) {{ step(); return h[0]; }}"
    (use,) = copies(built(tmp_path, code, "-O2", *flags, compiler=compiler))
    assert (use.algorithm, use.evidence, use.function, use.argument) == ("sha1", "instruction", "step", seen)
    few = f"{start} void step(void) {{ {steps * 20} }}".replace("sha1m", "sha1p").replace("lghi %r0,1", "lghi %r0,2")
    few = few.replace("sha1nexte %xmm1, %xmm2", "")
    assert copies(built(tmp_path, few + "int main(void) { return h[0]; }", "-O2", *flags, compiler=compiler)) == []


# --- what is told apart ---


def corpus(folder: Path, *names: str) -> Elf:
    out = folder / "x"
    subprocess.run(["gcc", "-O2", "-o", out, *(ROOT / "corpus" / name for name in names)], check=True)
    return facts(out.read_bytes())


def test_half_of_md4_is_the_directory_hash_of_ext2(tmp_path: Path) -> None:
    assert told(corpus(tmp_path, "md4-inside/half.c")) == [("half-md4", "checksum")]


@pytest.mark.parametrize("magic", ["OrpheanBeholderScryDoubt", "OxychromaticBlowfishSwatDynamite"])
def test_blowfish_for_bcrypt_is_bcrypt(tmp_path: Path, magic: str) -> None:
    found = copies(built(tmp_path, ciphers.blowfish(magic)))
    assert [(use.algorithm, use.role, use.strength) for use in found] == [("bcrypt", "password", "ok")]


@pytest.mark.parametrize("form", ["{w}u", "__builtin_bswap32({w}u)"])
def test_the_text_of_bcrypt_may_stand_in_instructions(tmp_path: Path, form: str) -> None:
    magic = b"OrpheanBeholderScryDoubt"
    words = [form.format(w=int.from_bytes(magic[at : at + 4], "big")) for at in range(0, 24, 4)]
    code = "void copied(volatile u32 *to) {" + "".join(f"to[{at}] = {one};" for at, one in enumerate(words)) + "}"
    assert told(built(tmp_path, ciphers.blowfish() + code)) == [("bcrypt", "password")]


@pytest.mark.parametrize("magic", ["OrpheanBeholderScryDoubt", "OxychromaticBlowfishSwatDynamite"])
def test_the_text_of_bcrypt_may_be_copied_in_pieces(tmp_path: Path, magic: str) -> None:
    code = f'void copied(char *to) {{ __builtin_memcpy(to, "{magic}", {len(magic)}); }}'
    data = built(tmp_path, ciphers.blowfish() + code)
    if len(magic) % 16:
        assert magic.encode() not in (tmp_path / "x").read_bytes(), "the compiler copies the text whole"
    assert told(data) == [("bcrypt", "password")]


@pytest.mark.parametrize(
    "words",
    [
        # The key schedule of CAST-256 has the first two constants of MD4, and not its initial values.
        "0x5a827999, 0x6ed9eba1",
        # BLAKE and HAVAL begin with the digits of pi that Blowfish begins with.
        "0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0x082efa98, 0xec4e6c89",
        # Initial values alone are those of five functions.
        "0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0",
        "0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613",
    ],
)
def test_a_part_of_what_shows_an_algorithm_shows_none(tmp_path: Path, words: str) -> None:
    assert told(built(tmp_path, f"unsigned words[] = {{{words}}}; int main(void) {{ return 0; }}")) == []


def test_cast_256_shares_boxes_with_cast5_but_has_not_all(tmp_path: Path) -> None:
    first = "unsigned a[256] = {0x30fb40d4, 0x9fa0ff0b, 0x6beccd2f, 0x3f258c7a};"
    fifth = "unsigned b[256] = {0x7ec90c04, 0x2c6e74b9, 0x9b0e66df, 0xa6337911};"
    main = "int main(void) { return 0; }"
    assert told(built(tmp_path, first + main)) == [("cast-256", "cipher")]
    assert told(built(tmp_path, first + fifth + main)) == [("cast5", "cipher")]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("unsigned t[512] = {0x01010400, 0, 0x10000, 0x01010404};", ("des", "cipher")),
        ("unsigned t[512] = {0x02080800, 0x80000, 0x02000002, 0x02080802};", ("des", "cipher")),
        ("unsigned t[512] = {0x00808200, 0, 0x8000, 0x00808202};", ("des", "cipher")),
        ("unsigned t[512] = {0x02080008, 0x02082000, 0x2008, 0};", ("des", "cipher")),
        ('char t[] = "\\xef\\xe3\\xe1\\xed\\xe8\\xe4\\xee\\xe7\\xe6\\xef\\xeb\\xe2\\xe3\\xe8\\xe4\\xee";',
         ("crypt-des", "password")),
        ('char t[] = "\\x38\\x30\\x28\\x20\\x18\\x10\\x08\\0\\x39\\x31\\x29\\x21\\x19\\x11\\x09\\1";',
         ("des", "cipher")),
        ('char t[] = "\\x39\\x31\\x29\\x21\\x19\\x11\\x09\\1\\x3a\\x32\\x2a\\x22\\x1a\\x12\\x0a\\2";',
         ("des", "cipher")),
        ('char t[] = "\\x29\\x2e\\x43\\xc9\\xa2\\xd8\\x7c\\1\\x3d\\x36\\x54\\xa1\\xec\\xf0\\6\\x13";', ("md2", "hash")),
        ("unsigned t[256] = {0x2989a1a8, 0x05858184, 0x16c6d2d4, 0x13c3d3d0};", ("seed", "cipher")),
        ('char t[] = "0 0\\x0c\\6\\x08\\x2a\\x86\\x48\\x86\\xf7\\x0d\\2\\5\\5\\0\\4\\x10";', ("md5", "sign")),
        ('char t[] = "0!0\\x09\\6\\5\\x2b\\x0e\\3\\2\\x1a\\5\\0\\4\\x14";', ("sha1", "sign")),
    ],
)  # fmt: skip
def test_each_form_of_a_table_is_known(tmp_path: Path, table: str, expected: tuple[str, str]) -> None:
    assert told(built(tmp_path, f"{table} int main(void) {{ return 0; }}")) == [expected]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_boxes_of_des_in_words_of_64_bits_are_known_in_either_order(tmp_path: Path, compiler: str) -> None:
    boxes = "unsigned long long t[64] = {0xf600970083008500, 0x0e00eb007b002e00};"
    assert told(built(tmp_path, f"{boxes} int main(void) {{ return 0; }}", compiler=compiler)) == [("des", "cipher")]


def test_what_is_only_in_debug_information_is_not_inside(tmp_path: Path) -> None:
    out = tmp_path / "x"
    built(tmp_path, "int main(void) { return 0; }")
    table = tmp_path / "table"
    table.write_bytes(bytes.fromhex("292e43c9a2d87c013d3654a1ecf00613"))
    subprocess.run(["objcopy", "--add-section", f".debug_own={table}", out], check=True)
    assert told(facts(out.read_bytes())) == []


# --- who calls it, and whose trade it is ---

UNUSED = implementations.md5(table=False).replace(
    "static __attribute__((noinline))", "static __attribute__((noinline, used))"
)


def test_what_nothing_calls_is_unused(tmp_path: Path) -> None:
    code = UNUSED[: UNUSED.index("\nint main")] + "int main(void) { u32 h[4]; start(h); return h[1]; }"
    for flags in (["-O2"], ["-O2", "-s"]):
        (use,) = copies(built(tmp_path, code, *flags))
        assert reached(use) == {"called_by": [], "exported": False, "unused": True}


@pytest.mark.parametrize(
    "more",
    [
        "void (*volatile kept)(u32 *, const unsigned char *) = block;",
        "void use(void *); void give(void) { use(block); } void use(void *x) { *(void *volatile *)x = x; }",
    ],
)
def test_what_may_be_called_through_its_address_is_not_unused(tmp_path: Path, more: str) -> None:
    code = UNUSED[: UNUSED.index("\nint main")] + more + "int main(void) { return 0; }"
    (use,) = copies(built(tmp_path, code, "-O2", "-s"))
    assert "unused" not in reached(use)


def _library(name: str) -> str:
    code = implementations.md5(table=False).replace("static __attribute__((noinline)) void block", f"void {name}")
    return code[: code.index("\nint main")]


@pytest.mark.parametrize(
    ("name", "soname", "path", "role"),
    [
        ("md5_block", "libsums.so.1", "usr/lib/libsums.so.1", "provider"),
        ("PyInit__md5", "", "usr/lib/python3/dist-packages/_md5.so", "provider"),
        ("transform", "libmd.so.0", "usr/lib/libmd.so.0", "provider"),  # a library of the catalogue
        ("transform", "libother.so.1", "usr/lib/libother.so.1", "hash"),
        ("transform", "libssl.so.3", "usr/lib/libother.so.1", "hash"),  # of the catalogue, but not for this
        ("transform", "", "usr/lib/perl/5.36/auto/Digest/MD5/MD5.so", "provider"),
        ("transform", "", "usr/lib/other/plugin.so", "hash"),
    ],
)
def test_who_offers_it_by_trade_is_a_provider(tmp_path: Path, name: str, soname: str, path: str, role: str) -> None:
    flags = [f"-Wl,-soname,{soname}"] if soname else []
    found = built(tmp_path, _library(name), "-O2", "-fPIC", "-shared", *flags, path=path)
    assert told(found) == [("md5", role)]
    assert reached(copies(found)[0]) == {"called_by": [], "exported": True}


def test_a_program_that_exports_its_names_is_no_provider(tmp_path: Path) -> None:
    code = _library("md5_block") + "int main(void) { return 0; }"
    assert told(built(tmp_path, code, "-O2", "-rdynamic")) == [("md5", "hash")]


def test_an_object_that_is_not_linked_yet_says_its_places_by_sections(tmp_path: Path) -> None:
    (use,) = copies(built(tmp_path, _library("transform"), "-O2", "-c"))
    assert use.address is not None
    assert use.address.startswith(".text+0x")
    assert (use.function, reached(use)) == ("transform", {"exported": True})
