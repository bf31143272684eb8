"""Calls of libraries that are linked in: the same rows as of an imported library, and none where names only look so.

The libraries are stand-ins: they have the names of the catalogue's, and no code but a call of their own.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from archscan import elf
from archscan.crypto.catalogue import load
from archscan.elf import Place
from archscan.elf.image import SHT_SYMTAB, symbol_struct
from archscan.model import CryptoUse, Elf
from archscan.scan.objects import object_facts
from corpus.catalogue import stubs_of
from corpus.stubs import build, source
from corpus.target import Target, target, tool
from tests.crypto.test_sites import DECLARED, MAKERS, NARROW, RULES

BOOK = load(RULES)
LIBRARIES = {"openssl-crypto": "libcrypto", "libgcrypt": "libgcrypt", "nettle": "libnettle"}
# Between the functions with names of the catalogue lies one without such a name, which calls one of them; and a table.
INNER = """
extern const void *EVP_md4(void), *EVP_md5(void), *EVP_sha1(void);
__attribute__((noinline)) const void *middle(int a) { return a ? EVP_md4() : EVP_md5(); }
const void *(*const offered[])(void) = {EVP_md4, EVP_md5, EVP_sha1};
const void *ossl_offer(int a) { return offered[a](); }
"""
PROGRAM = """
extern const void *middle(int), *ossl_offer(int);
__attribute__((noinline)) static int digest(H *c, const EVP_MD *m) { return EVP_DigestInit_ex(c, m, 0) + 1; }
int main(int argc, char **argv) {
  H *c = (H *)argv[0]; H *g = 0;
  if (argc > 7) { middle(argc); ossl_offer(argc); }
  digest(c, EVP_md5());
  if (argc > 2) digest(c, EVP_get_digestbyname("SHA1"));
  if (argc > 3) MD5_Init(c);
  if (argc > 4) EVP_get_digestbyname(getenv("DIGEST"));
  gcry_md_open(&g, argc > 5 ? 1 : 2, 0);
  nettle_hmac_set_key(c, c, c, &nettle_md5, 3, c);
  return argc;
}
"""
DYNAMIC = PROGRAM.replace("middle(argc); ossl_offer(argc);", "")


class Archives(msgspec.Struct, frozen=True):
    """A compiler, and a folder with the libraries for it: static ones, and shared ones of the same names."""

    target: Target
    folder: Path

    @property
    def binutils(self) -> Target:
        """Whose tools are meant: clang has none of its own."""
        return target("gcc") if self.target.compiler == "clang" else self.target

    def built(self, folder: Path, code: str, *flags: str, shared: bool = False) -> Path:
        """A program of the code with the libraries linked in, or with the ``shared`` ones."""
        file, out = folder / "x.c", folder / "x"
        file.write_text(DECLARED + code)
        kind = "so.[0-9]*" if shared else "a"
        libraries = [str(path) for path in sorted(self.folder.glob(f"*.{kind}")) if path.suffix not in (".c", ".map")]
        if self.target.architecture not in ("amd64", "arm64", "i386"):
            flags = tuple(flag.replace("-static-pie", "-static") for flag in flags)  # there is no start file for it
        command = [self.target.compiler, "-w", "-O2", *flags, "-o", str(out), str(file), *libraries]
        subprocess.run(command, check=True, capture_output=True)
        return out

    def facts(self, folder: Path, code: str, *flags: str, shared: bool = False, path: str = "usr/bin/x") -> Elf:
        """The facts about it."""
        return read(self.built(folder, code, *flags, shared=shared), self.target, path)


def read(out: Path, chosen: Target, path: str = "usr/bin/x") -> Elf:
    """The facts about a file as if it lay at a path of a package."""
    return object_facts(out.read_bytes(), Place(path, path, path, chosen.architecture), BOOK)


def static_library(chosen: Target, folder: Path, name: str, code: str) -> None:
    """A static library of one unit, in which functions stay in the order of the code."""
    file, unit = folder / f"{name}.c", folder / f"{name}.o"
    file.write_text(code)
    flags = ["-c", "-w", "-O1", "-fPIC", "-fno-toplevel-reorder", "-fno-builtin"]
    subprocess.run([chosen.compiler, *flags, "-o", str(unit), str(file)], check=True, capture_output=True)
    archive = [tool(chosen, "ar"), "rcs", str(folder / f"{name}.a"), str(unit)]
    subprocess.run(archive, check=True, capture_output=True)


@pytest.fixture(scope="session", params=[*MAKERS, pytest.param("clang", id="clang", marks=pytest.mark.full)])
def archives(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Archives:
    folder, stubs = tmp_path_factory.mktemp("archives"), stubs_of(RULES)
    chosen = target("gcc" if request.param == "clang" else request.param)  # clang has no names given to the assembler
    for library, name in LIBRARIES.items():
        lines = source(stubs[library]).splitlines()
        inner = INNER.splitlines() if library == "openssl-crypto" else []
        half = len(lines) // 4 * 2  # a declaration and its definition are two lines
        static_library(chosen, folder, name, "\n".join([*lines[:half], *inner, *lines[half:]]))
        build(stubs[library], chosen, folder)
    return Archives(target(request.param), folder)


Seen = set[tuple[str, str, frozenset[str]]]


def seen(found: Elf) -> Seen:
    """Symbol, outcome and algorithms of each call; compilers make two of one, and put them in any order."""
    return {(one.symbol, one.outcome.value, frozenset(use.algorithm for use in one.uses)) for one in found.calls}


def kept(found: Elf) -> list[CryptoUse]:
    return [use for use in found.crypto if use.evidence == "data"]


EXPECTED: Seen = {
    ("EVP_DigestInit_ex", "set", frozenset({"md5", "sha1"})),
    ("EVP_get_digestbyname", "value", frozenset({"sha1"})),
    ("EVP_get_digestbyname", "runtime", frozenset()),
    ("EVP_md5", "value", frozenset({"md5"})),
    ("MD5_Init", "value", frozenset({"md5"})),
    ("gcry_md_open", "set", frozenset({"md5", "sha1"})),
    ("nettle_hmac_set_key", "value", frozenset({"md5"})),
}
LINKED = [
    ("-static",),
    ("-static-pie", "-fPIE"),
    ("-fPIE", "-pie"),
    ("-fPIE", "-pie", "-rdynamic"),
    ("-fno-pie", "-no-pie"),
    ("-static", "-fno-plt"),  # the linker makes direct calls of those through slots
    ("-fPIE", "-pie", "-fno-plt", "-O0"),
    ("-fPIE", "-pie", "-ffunction-sections", "-Wl,--gc-sections"),
]


@pytest.mark.parametrize("flags", LINKED, ids=" ".join)
def test_what_is_linked_in_is_called_as_what_is_imported(
    archives: Archives, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    found = archives.facts(tmp_path, PROGRAM, *flags)
    if "-fno-plt" in flags and archives.target.architecture not in ("amd64", "i386"):
        # Calls through registers are found of functions of the catalogue, and `getenv` is none.
        unknown = {("EVP_get_digestbyname", "unknown", frozenset[str]())}
        assert seen(found) - unknown | {("EVP_get_digestbyname", "runtime", frozenset[str]())} == EXPECTED
    else:
        assert seen(found) == EXPECTED
    assert {one.library for one in found.calls} == {"libcrypto.a", "libgcrypt.a", "libnettle.a"}
    assert {(one.function or "").partition(".")[0] for one in found.calls} == {"main", "digest"}
    assert {use.evidence for one in found.calls for use in one.uses} == {"call"}
    assert {use.confidence.value for one in found.calls for use in one.uses} <= {"likely", "possible"}
    assert {use.symbol for use in kept(found)} <= {"nettle_md5"}


def test_the_rows_are_those_of_the_shared_library(archives: Archives, tmp_path: Path) -> None:
    shared = archives.facts(tmp_path, DYNAMIC, "-fPIE", "-pie", shared=True)
    linked = archives.facts(tmp_path, DYNAMIC, "-fPIE", "-pie")
    assert seen(linked) == EXPECTED
    # Of an object that is copied from a library nothing is known.
    assert {one for one in seen(shared) if one[0] != "nettle_hmac_set_key"} == {
        one for one in EXPECTED if one[0] != "nettle_hmac_set_key"
    }
    assert {one.library for one in shared.calls} == {"libcrypto.so.3", "libgcrypt.so.20", "libnettle.so.8"}
    assert not any(one.evidence == "import" for one in linked.crypto)


def test_a_library_that_links_another_in_calls_it(archives: Archives, tmp_path: Path) -> None:
    code = "int f(H *c) { return EVP_DigestInit_ex(c, EVP_md5(), 0) + 1; }"
    code += "extern const void *middle(int); void *x = middle;"
    for flag in ("-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL", "-Wl,-z,now"):
        found = archives.facts(tmp_path, code, "-shared", "-fPIC", flag, path="usr/lib/x.so")
        assert [(one.symbol, one.function, one.library) for one in found.calls] == [
            ("EVP_md5", "f", "libcrypto.a"),
            ("EVP_DigestInit_ex", "f", "libcrypto.a"),
        ]
        assert [one.value for one in found.calls] == [None, "EVP_md5()"]


def test_a_parameter_of_what_is_exported_is_forwarded(archives: Archives, tmp_path: Path) -> None:
    code = "int f(H *c, const char *name) { return EVP_DigestInit_ex(c, EVP_get_digestbyname(name), 0) + 1; }"
    found = archives.facts(tmp_path, code, "-shared", "-fPIC", "-Wl,-Bsymbolic", path="usr/lib/x.so")
    assert [(one.symbol, one.outcome.value, one.reason) for one in found.calls] == [
        ("EVP_get_digestbyname", "forwarded", "argument 1 of f"),
        ("EVP_DigestInit_ex", "forwarded", "argument 1 of f"),
    ]


TABLE = """
extern const void *middle(int), *ossl_offer(int);
static const EVP_MD *(*const all[])(void) = {EVP_md5, EVP_sha256};
int main(int argc, char **argv) {
  if (argc > 7) { middle(argc); ossl_offer(argc); }
  return EVP_DigestInit_ex((H *)argv[0], all[argc & 1](), 0) + 1;
}
"""


@pytest.mark.parametrize("flags", [("-static-pie", "-fPIE"), ("-fPIE", "-pie")], ids=" ".join)
def test_a_table_of_the_program_counts_and_one_of_the_library_does_not(
    archives: Archives, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    found = archives.facts(tmp_path, TABLE, *flags)
    assert {one.symbol for one in found.calls} == {"EVP_DigestInit_ex"}
    if archives.target.architecture in NARROW:
        assert not kept(found)  # nothing that is looked for there names a table
        return
    assert [(use.symbol, use.algorithm, use.library) for use in kept(found)] == [
        ("EVP_md5", "md5", "libcrypto.a"),
        ("EVP_sha256", "sha256", "libcrypto.a"),
    ]


def test_an_address_that_is_passed_on_is_a_use(archives: Archives, tmp_path: Path) -> None:
    code = "__attribute__((noinline)) void other(void *p) { *(void *volatile *)p = p; }"
    code += "int main(int argc, char **argv) { other(EVP_md5); MD5_Init((H *)argv); return 0; }"
    found = archives.facts(tmp_path, code, "-fPIE", "-pie")
    seldom = archives.target.architecture == "armhf"  # its literals are often something else
    assert [(use.symbol, use.function) for use in kept(found)] == ([] if seldom else [("EVP_md5", "main")])


def test_without_names_nothing_is_told_by_name(archives: Archives, tmp_path: Path) -> None:
    out = archives.built(tmp_path, PROGRAM, "-static")
    assert read(out, archives.target).calls
    subprocess.run([tool(archives.binutils, "strip"), str(out)], check=True, capture_output=True)
    found = read(out, archives.target)
    assert not found.calls
    assert not kept(found)


def test_names_for_the_loader_are_enough(archives: Archives, tmp_path: Path) -> None:
    out = archives.built(tmp_path, PROGRAM, "-fPIE", "-pie", "-rdynamic")
    before = read(out, archives.target)
    subprocess.run([tool(archives.binutils, "strip"), str(out)], check=True, capture_output=True)
    assert seen(before) == EXPECTED
    after = read(out, archives.target)
    if archives.target.architecture == "armhf":
        # Without names for all functions fewer values are known, and Arm code of the start files is read as Thumb code.
        assert {(one.address, one.symbol) for one in before.calls} <= {(one.address, one.symbol) for one in after.calls}
    else:
        assert [(one.address, one.symbol, one.value) for one in after.calls] == [
            (one.address, one.symbol, one.value) for one in before.calls
        ]


# Near misses: the functions are the program's own, whatever they are called.

OWN = '__attribute__((noinline)) int {name}(H *c) {{ __asm__ volatile("" : "+r"(c)); return (int)(long)c * {number}; }}'


def with_own(names: str, calls: str = "") -> str:
    """A program that defines functions of those names and calls them all."""
    words = names.split()
    defined = "\n".join(OWN.format(name=name, number=number) for number, name in enumerate(words, 3))
    made = " ".join(f"n += {name}((H *)argv);" for name in words)
    return f"typedef struct h H; {defined} int main(int argc, char **argv) {{ int n = argc; {made} {calls} return n; }}"


def own_file(folder: Path, chosen: Target, code: str, *flags: str) -> Path:
    """A program that is linked with nothing."""
    file, out = folder / "own.c", folder / "own"
    file.write_text(code)
    subprocess.run([chosen.compiler, "-w", "-O2", *flags, "-o", str(out), str(file)], check=True, capture_output=True)
    return out


def own_facts(folder: Path, chosen: Target, code: str, *flags: str, path: str = "usr/bin/x") -> Elf:
    """The facts about it."""
    return read(own_file(folder, chosen, code, *flags), chosen, path)


@pytest.mark.parametrize(
    "names",
    [
        "MD5_Init MD5_Update MD5_Final",  # the public domain MD5, in retroarch and many others
        "MD5_Init MD5_Update MD5_Final SHA1_Init SHA1_Update SHA1_Final SHA256_Init SHA256_Update SHA256_Final",
        "MD5Init MD5Update MD5Final MD5Transform SHA1Init SHA1Update SHA1Final SHA1Transform",
        "md5_init md5_update md5_final sha1_init sha256_init",  # modules of hashcat
        "hash_init md5_process md5_done hash_memory find_hash register_hash",
        "EVP_md5 EVP_sha1",  # one telling name too few
        "gcry_md_open gcry_md_get_algo",
        "encrypt setkey crypt des_crypt",
    ],
)
@pytest.mark.parametrize("flags", [(), ("-rdynamic",)], ids=["", "rdynamic"])
def test_own_functions_with_such_names_are_no_library(
    archives: Archives, tmp_path: Path, names: str, flags: tuple[str, ...]
) -> None:
    found = own_facts(tmp_path, archives.target, with_own(names), *flags)
    assert not found.calls
    assert not [use for use in found.crypto if use.evidence in ("call", "data", "import")]


THREE = "EVP_md5 EVP_sha1 EVP_sha256 MD5_Init"


def test_three_telling_names_are_enough(archives: Archives, tmp_path: Path) -> None:
    # All that is called lies among the library's own, but for `main`, which compilers place first.
    found = own_facts(tmp_path, archives.target, with_own(THREE))
    assert {one.symbol for one in found.calls} == set(THREE.split())


def test_what_is_needed_as_well_is_not_linked_in(archives: Archives, tmp_path: Path) -> None:
    needed = str(archives.folder / "libcrypto.so.3")
    code = with_own(THREE).replace("typedef struct h H;", "typedef struct h H; int SHA1_Init(H *);")
    code = code.replace("return n;", "return n + SHA1_Init((H *)argv);")
    file, out = tmp_path / "own.c", tmp_path / "own"
    file.write_text(code)
    command = [archives.target.compiler, "-w", "-O2", "-o", str(out), str(file), needed]
    subprocess.run(command, check=True, capture_output=True)
    found = read(out, archives.target)
    assert [(one.symbol, one.library) for one in found.calls] == [("SHA1_Init", "libcrypto.so.3")]


@pytest.mark.parametrize(
    ("flags", "path"),
    [
        (("-shared", "-fPIC", "-Wl,-Bsymbolic", "-Wl,-soname,libcrypto.so.3"), "usr/lib/libcrypto.so.3"),
        (("-shared", "-fPIC", "-Wl,-Bsymbolic", "-Wl,-soname,libcrypto.so.81"), "opt/x/libcrypto.so.81"),
        (("-shared", "-fPIC", "-Wl,-Bsymbolic"), "usr/lib/x86_64-linux-gnu/ossl-modules/legacy.so"),
    ],
)
def test_a_library_by_trade_has_no_calls_of_its_own(
    archives: Archives, tmp_path: Path, flags: tuple[str, ...], path: str
) -> None:
    place = Place(path, "/" + path, path, archives.target.architecture)
    file, out = tmp_path / "own.c", tmp_path / "own"
    file.write_text(with_own(THREE))
    command = [archives.target.compiler, "-w", "-O2", *flags, "-o", str(out), str(file)]
    subprocess.run(command, check=True, capture_output=True)
    key = path.replace("x86_64-linux-gnu", "*")
    found = object_facts(out.read_bytes(), msgspec.structs.replace(place, path_key=key), BOOK)
    assert not found.calls


def test_relocatable_objects_have_no_direct_calls(archives: Archives, tmp_path: Path) -> None:
    found = own_facts(tmp_path, archives.target, with_own(THREE), "-c", path="usr/lib/x.o")
    assert not found.calls


def test_a_file_of_debug_symbols_has_no_code(archives: Archives, tmp_path: Path) -> None:
    out = archives.built(tmp_path, PROGRAM, "-static")
    apart = tmp_path / "x.debug"
    command = [tool(archives.binutils, "objcopy"), "--only-keep-debug", str(out), str(apart)]
    subprocess.run(command, check=True, capture_output=True)
    assert not read(apart, archives.target, "usr/lib/debug/x.debug").calls


# What differs between releases, and what is damaged.

PLACE = Place("usr/bin/x", "usr/bin/x", "usr/bin/x", None)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("mbedtls_md2_init", ("value", "sha1")),  # only 2.x has MD2
        ("mbedtls_md_info_from_ctx", ("unknown", None)),  # any release
    ],
)
def test_a_number_means_what_the_release_says(
    archives: Archives, tmp_path: Path, names: str, expected: tuple[str, str | None]
) -> None:
    words = f"mbedtls_md_info_from_type mbedtls_md5_init mbedtls_sha1_init mbedtls_sha256_init {names}".split()
    code = "\n".join(OWN.format(name=name, number=number) for number, name in enumerate(words, 3))
    code = f"typedef struct h H; {code} int main(int c, char **v) {{ return mbedtls_md_info_from_type((H *)4) + c; }}"
    (one,) = own_facts(tmp_path, archives.target, code).calls
    assert (one.library, one.outcome.value) == ("libmbedcrypto.a", expected[0])
    assert [use.algorithm for use in one.uses] == ([expected[1]] if expected[1] else [])


def test_symbols_that_lie_are_left_out(archives: Archives, tmp_path: Path) -> None:
    out = own_file(tmp_path, archives.target, with_own(THREE))
    data = bytearray(out.read_bytes())
    image = elf.read(bytes(data))
    table = next(part for part in image.sections if part.type == SHT_SYMTAB)
    size, value = symbol_struct(image).size, 8 if image.bits == 64 else 4
    word = image.bits // 8
    assert object_facts(bytes(data), PLACE, BOOK).calls
    for at in range(table.offset, table.offset + table.size, size):
        data[at + value : at + value + 2 * word] = b"\xff" * 2 * word  # address and size
    assert not object_facts(bytes(data), PLACE, BOOK).calls
