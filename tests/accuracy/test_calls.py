"""The measurement of calls measures what it says: its lists, its sample, and what objdump shows."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from archscan.crypto.catalogue import load
from archscan.elf import Place
from archscan.scan.package import object_facts
from corpus.catalogue import stubs_of
from corpus.stubs import build
from corpus.target import target
from tests.accuracy import drawing
from tests.accuracy.call_recall import Shown, shown, table
from tests.accuracy.call_rows import CONSTANT, POINTER, RULES, Row, selects, shares
from tests.accuracy.checked_calls import checked, sample
from tests.accuracy.unpacked import File

CATALOGUE = load(RULES)
COMPILERS = ["gcc", "aarch64-linux-gnu-gcc"]


def test_nobody_was_tuned_on_the_packages_that_were_drawn() -> None:
    root, drawn = Path(drawing.__file__).parents[1], set(drawing.names())
    assert len(drawn) == drawing.WANTED
    for name in ("bench/packages.txt", "bench/tuning.txt", "crypto/packages.txt"):
        assert not drawn & set((root / name).read_text().split())


@pytest.mark.parametrize(
    ("library", "symbol", "kind"),
    [
        ("libgcrypt.so.20", "gcry_md_open", CONSTANT),
        ("libcrypto.so.3", "EVP_get_digestbyname", CONSTANT),
        ("libcrypto.so.3", "EVP_DigestInit_ex", POINTER),
        ("ambiguous", "EVP_DigestInit_ex", POINTER),
        ("libcrypto.so.3", "MD5_Init", None),
        ("libgcrypt.so.20", "gcry_md_setkey", None),  # it was selected before
    ],
)
def test_what_selects_is_told_by_the_catalogue(library: str, symbol: str, kind: str | None) -> None:
    assert selects(CATALOGUE, library, symbol) == kind


def _rows(symbol: str, outcome: str, count: int) -> list[Row]:
    return [
        Row("p", "1", "x86_64", "usr/bin/p", hex(one), "f", symbol, CONSTANT, outcome, "", "") for one in range(count)
    ]


def test_a_share_counts_every_outcome() -> None:
    *_, line = shares([*_rows("a", "value", 3), *_rows("a", "unknown", 1)])
    assert line.split(" | ")[2:] == ["4", "3: 75.0 %", "0: 0.0 %", "0: 0.0 %", "0: 0.0 %", "1: 25.0 %", "75.0 % |"]


def test_no_function_has_more_than_its_share_of_a_sample() -> None:
    found = [*_rows("often", "value", 500), *(row for name in "abcdefgh" for row in _rows(name, "set", 3))]
    lines = list(sample([*found, *_rows("nobody knows", "unknown", 50)], 20, 1))
    counts = Counter(line.split("\t")[4] for line in lines)
    assert len(lines) == 20
    assert max(counts.values()) <= 3
    assert "nobody knows" not in counts
    assert lines == list(sample(found, 20, 1))


def test_the_calls_that_were_checked_are_of_the_form_that_is_promised() -> None:
    found = checked()
    assert len({(one.package, one.path, one.address) for one in found}) == len(found) >= 40
    assert all(one.source.rpartition(":")[2].isdigit() for one in found)


@pytest.mark.parametrize("compiler", COMPILERS)
def test_objdump_shows_the_calls_that_have_rows(compiler: str, tmp_path: Path) -> None:
    chosen, wanted = target(compiler), {"gcry_md_open", "EVP_get_digestbyname"}
    architecture = chosen.architecture
    libraries = [build(stubs_of(RULES)[name], chosen, tmp_path) for name in ("libgcrypt", "openssl-crypto")]
    (source := tmp_path / "x.c").write_text(
        "int gcry_md_open(void *, int, int); void *EVP_get_digestbyname(const char *);"
        "void *f(void *h, int c) { gcry_md_open(h, 1, 0); if (c) gcry_md_open(h, 2, 0);"
        'return EVP_get_digestbyname("md5"); }'
    )
    command: list[str | Path] = [
        chosen.compiler,
        "-O2",
        "-shared",
        "-fPIC",
        "-o",
        tmp_path / "x.so",
        source,
        *libraries,
    ]
    subprocess.run(command, check=True)
    facts = object_facts((tmp_path / "x.so").read_bytes(), Place("x.so", "x.so", "x.so", architecture), CATALOGUE)
    calls = list(shown([File("p_1", "x.so", str(tmp_path / "x.so"))], architecture, wanted))
    assert {(one.address, one.symbol) for one in calls} == {(call.address, call.symbol) for call in facts.calls}
    assert len(calls) >= 3


def test_a_call_without_a_row_is_told() -> None:
    call = Shown("p", "usr/bin/p", "0x10", "MD5_Init")
    assert list(table([call], {("p", "usr/bin/p", "0x10", "MD5_Init")}))[1:] == []
    assert list(table([call], set()))[1:] == ["* p usr/bin/p `MD5_Init`: 1, the first at 0x10"]
