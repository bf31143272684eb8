"""Which of several strings a call is passed that a function makes one after the other, in places that it uses again."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from archscan.crypto.catalogue import load
from archscan.elf import Place
from archscan.model import CallSite
from archscan.scan.objects import object_facts
from corpus.catalogue import stubs_of
from corpus.stubs import build
from corpus.target import target

RULES = Path(__file__).parents[2] / "rules"
BOOK = load(RULES)
DECLARED = """
#include <string>
void other(const std::string &); void seen(unsigned long);
namespace Poco { namespace Crypto { struct DigestEngine {
    DigestEngine(const std::string &); ~DigestEngine(); long room[8]; }; } }
using Poco::Crypto::DigestEngine;
"""
COMPILERS = [("gcc", "g++"), pytest.param(("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"), marks=pytest.mark.full)]


@pytest.fixture(scope="module", params=COMPILERS, ids=lambda names: names[0])
def digests(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    compiler, compiler_of_cxx = request.param
    chosen = target(compiler)
    library = build(stubs_of(RULES)["poco-crypto"], chosen, tmp_path_factory.mktemp("libraries"))
    return compiler_of_cxx, chosen.architecture, library


SHARED = ("-shared", "-fPIC")
# Constructors of strings are functions of a program's own, which it calls directly.
PROGRAM = ("-Os", "-pie", "-fPIE", "-Wl,--unresolved-symbols=ignore-all")


def calls(digests: tuple[str, str, Path], folder: Path, code: str, kind: tuple[str, ...] = SHARED) -> list[CallSite]:
    """The calls of the constructor of digests."""
    compiler, architecture, library = digests
    (source := folder / "x.cc").write_text(DECLARED + code)
    if kind == PROGRAM:
        source.write_text(source.read_text() + "int main(int, char **words) { f(words); return 0; }")
    command = [compiler, "-w", "-O2", *kind, "-o", str(folder / "x.so"), str(source), str(library)]
    subprocess.run(command, check=True, capture_output=True)
    found = object_facts((folder / "x.so").read_bytes(), Place("x.so", "x.so", "x.so", architecture), BOOK).calls
    return [one for one in found if "DigestEngineC" in one.symbol]


AGAIN = "{ std::string s(words[1]); seen(s.size()); } "
FIRST_OTHERS = "void f(char **words) { { std::string s(words[0]); seen(s.size()); } "


@pytest.mark.parametrize("kind", [SHARED, PROGRAM], ids=["shared", "program"])
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # What stood in the same place before is gone, whoever had passed it.
        (FIRST_OTHERS + 'DigestEngine e("SHA1"); { std::string s(words[1]); seen(s.size()); } }',
         [("value", '"SHA1"')]),
        (FIRST_OTHERS + AGAIN + 'DigestEngine e("SHA1");' + AGAIN + AGAIN + "}", [("value", '"SHA1"')]),
        (FIRST_OTHERS + 'other("x"); DigestEngine e("MD5"); other("y"); DigestEngine d("SHA1"); other(words[1]); }',
         [("value", '"MD5"'), ("value", '"SHA1"')]),
    ],
)  # fmt: skip
def test_the_last_string_that_was_made_in_a_place_is_passed(
    digests: tuple[str, str, Path], tmp_path: Path, code: str, expected: list[tuple[str, str]], kind: tuple[str, ...]
) -> None:
    assert [(one.outcome.value, one.value) for one in calls(digests, tmp_path, code, kind)] == expected


def test_strings_that_branches_make_in_one_place_both_count(digests: tuple[str, str, Path], tmp_path: Path) -> None:
    code = FIRST_OTHERS + 'DigestEngine e(words[2] ? std::string("SHA1") : std::string("MD5")); other(words[1]); }'
    (call,) = calls(digests, tmp_path, code)
    # What is not read whole may be unknown, but neither of the two is the only one.
    assert call.outcome.value in ("set", "unknown", "runtime")


def test_strings_that_a_loop_makes_in_turns_both_count(digests: tuple[str, str, Path], tmp_path: Path) -> None:
    code = """void f(char **words) { for (std::string s(words[0]); *words; words++) {
        const char *name = words[1] ? "SHA1" : words[2]; DigestEngine e(name); other(words[1]); } }"""
    (call,) = calls(digests, tmp_path, code)
    assert (call.outcome.value, call.value) != ("value", '"SHA1"')
