"""What programs name of libraries as their own: copies of data, and functions by the addresses of their stubs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from archscan.crypto.catalogue import load
from archscan.elf import Place, read
from archscan.elf.stand_ins import stubs
from archscan.model import Elf
from archscan.scan.objects import object_facts
from corpus.catalogue import stubs_of
from corpus.stubs import build
from corpus.target import Target, target

RULES = Path(__file__).parents[2] / "rules"
BOOK = load(RULES)
DECLARED = """
typedef struct md EVP_MD; typedef const EVP_MD *Made(void);
Made EVP_md5, EVP_sha1, EVP_sha256;
int EVP_DigestInit_ex(void *, const EVP_MD *, void *);
extern const struct md nettle_md5;
void nettle_hmac_set_key(void *, void *, void *, const void *, long, const void *);
int puts(const char *); int strcmp(const char *, const char *);
"""
FIXED = ("-no-pie", "-fno-pie")  # named by numbers, at addresses that do not change
COMPILERS = ["gcc", pytest.param("clang", marks=pytest.mark.full),
             pytest.param("aarch64-linux-gnu-gcc", marks=pytest.mark.full)]  # fmt: skip


@pytest.fixture(scope="module", params=COMPILERS)
def libraries(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Target, Path]:
    folder, known = tmp_path_factory.mktemp("libraries"), stubs_of(RULES)
    chosen = target("gcc" if request.param == "clang" else request.param)
    for name in ("openssl-crypto", "nettle"):
        build(known[name], chosen, folder)
    return request.param, chosen, folder


def program(libraries: tuple[str, Target, Path], folder: Path, code: str, *flags: str) -> Elf:
    """The facts about a program made of the code."""
    compiler, chosen, linked = libraries
    (source := folder / "x.c").write_text(DECLARED + code)
    needed = [str(linked / name) for name in ("libcrypto.so.3", "libnettle.so.8")]
    command = [compiler, "-w", "-O2", *flags, "-o", str(folder / "x"), str(source), *needed]
    subprocess.run(command, check=True, capture_output=True)
    return object_facts((folder / "x").read_bytes(), Place("x", "x", "x", chosen.architecture), BOOK)


def kept(found: Elf) -> set[tuple[str, str | None, str]]:
    """What is used other than by calls: evidence, symbol and algorithm."""
    return {(use.evidence, use.symbol, use.algorithm) for use in found.crypto}


TABLE = """
static const struct { const char *name; Made *made; } known[] = {{"md5", EVP_md5}, {"sha1", EVP_sha1}, {0, 0}};
int main(int count, char **words)
{
    for (int at = 0; known[at].name; at++)
        if (!strcmp(known[at].name, words[1])) return EVP_DigestInit_ex(words, known[at].made(), 0) + 1;
    return 0;
}
"""


def test_a_table_of_a_program_that_is_not_moved_holds_functions_by_their_stubs(
    libraries: tuple[str, Target, Path], tmp_path: Path
) -> None:
    fixed = kept(program(libraries, tmp_path, TABLE, *FIXED))
    assert fixed == {("data", "EVP_md5", "md5"), ("data", "EVP_sha1", "sha1")}
    assert fixed == kept(program(libraries, tmp_path, TABLE, "-pie", "-fPIE"))


def test_a_function_is_passed_on_by_the_address_of_its_stub(
    libraries: tuple[str, Target, Path], tmp_path: Path
) -> None:
    code = "int main(void) { puts((const char *)EVP_md5); EVP_sha1(); return 0; }"
    found = program(libraries, tmp_path, code, *FIXED)
    assert kept(found) == {("data", "EVP_md5", "md5")}
    assert [call.symbol for call in found.calls] == ["EVP_sha1"]


@pytest.mark.parametrize("flags", [FIXED, ("-pie", "-fPIE")])
def test_a_copy_of_data_is_what_it_was_copied_from(
    libraries: tuple[str, Target, Path], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    code = "int main(int n, char **a) { nettle_hmac_set_key(a, a, a, &nettle_md5, n, a); return 0; }"
    found = program(libraries, tmp_path, code, *flags)
    (call,) = found.calls
    assert (call.outcome.value, call.value) == ("value", "&nettle_md5")
    (use,) = call.uses
    assert (use.algorithm, use.library, use.confidence) == ("md5", "libnettle.so.8", "certain")


@pytest.mark.parametrize("flags", [FIXED, ("-pie", "-fPIE")])
def test_what_stands_in_a_copy_is_not_its_address(
    libraries: tuple[str, Target, Path], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    code = "int main(int n, char **a) { nettle_hmac_set_key(a, a, a, *(void **)&nettle_md5, n, a); return 0; }"
    (call,) = program(libraries, tmp_path, code, *flags).calls
    assert call.outcome.value not in ("value", "set")


def test_a_stub_at_an_impossible_address_is_none(libraries: tuple[str, Target, Path], tmp_path: Path) -> None:
    code = "int main(void) { puts((const char *)EVP_md5); return 0; }"
    program(libraries, tmp_path, code, *FIXED)
    image = read((tmp_path / "x").read_bytes())
    (address,) = (at for at, name in stubs(image).items() if name == "EVP_md5")
    far = (tmp_path / "x").read_bytes().replace(address.to_bytes(8, "little"), b"\xff" * 8)
    assert "EVP_md5" not in stubs(read(far)).values()
    found = object_facts(far, Place("x", "x", "x", libraries[1].architecture), BOOK)
    assert ("md5", "EVP_md5") in {(use.algorithm, use.symbol) for use in found.crypto}


def test_data_that_a_program_has_itself_are_no_copies(libraries: tuple[str, Target, Path], tmp_path: Path) -> None:
    code = """const struct md { long size; } nettle_md5 = {1};
    int main(void) { return puts((const char *)&nettle_md5); }"""
    assert kept(program(libraries, tmp_path, code, "-rdynamic")) == set()


def test_what_main_is_passed_nobody_forwards(libraries: tuple[str, Target, Path], tmp_path: Path) -> None:
    # As on s390x and riscv64, where the start code takes main from the GOT.
    code = """const EVP_MD *EVP_get_digestbyname(const char *);
    int main(int n, char **a) { return EVP_get_digestbyname(a[1]) != 0; }"""
    (call,) = program(libraries, tmp_path, code, "-rdynamic").calls
    assert (call.outcome.value, call.reason) == ("runtime", "field 0x8 of argument 1 of main, whose address is taken")
