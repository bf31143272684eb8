"""The measurement of calls measures what it says: its lists, its sample, and what objdump shows."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from archscan.crypto.catalogue import load
from archscan.elf import Place
from archscan.scan.objects import object_facts
from corpus.catalogue import stubs_of
from corpus.stubs import build
from corpus.target import target
from tests.accuracy import checked_lines, drawing
from tests.accuracy.call_recall import Shown, shown, table
from tests.accuracy.call_rows import CONSTANT, POINTER, RULES, Row, selects, shares
from tests.accuracy.checked_calls import SURE, Checked, checked, holds, sample
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


def _checked(row: Row, version: str = "1") -> Checked:
    return Checked(row.package, version, row.path, row.address, row.symbol, row.said, "x.c:1", "yes", "")


def test_a_sample_goes_on_from_what_was_checked_before() -> None:
    found = [*_rows("a", "value", 9), *_rows("b", "runtime", 9), *_rows("c", "set", 9)]
    before = [_checked(found[0]), _checked(found[9])]
    lines = [line.split("\t") for line in sample(found, 3, 1, SURE, before)]
    assert [(line[3], line[4]) for line in lines if line[4] == "a"] == []  # all the same, and one has its share
    assert {line[4] for line in lines} == {"c"}
    assert not list(sample(found, 1, 1, ("runtime",), before))


def test_what_is_likely_a_copy_comes_last() -> None:
    found = [*_rows("often", "value", 9), msgspec.structs.replace(_rows("often", "set", 1)[0], address="0x99")]
    assert all("0x99" in "".join(sample(found, 20, seed)) for seed in range(9))


def test_what_is_said_today_is_held_against_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    then = _rows("a", "value", 3)
    assert holds([_checked(one) for one in then], then)
    assert (
        "3 calls were checked, 3 of them right; of 3 whose package is the same, 3 are said" in capsys.readouterr().out
    )
    today = [then[0], *_rows("a", "set", 3)[1:2]]
    assert not holds([_checked(one) for one in then], today)
    out = capsys.readouterr().out
    assert "p usr/bin/p 0x1 a: was value, is set (yes then)" in out
    assert "p usr/bin/p 0x2 a: was value, is no such call (yes then)" in out


def test_another_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    then = _rows("a", "value", 3)
    assert not holds([_checked(one, "0") for one in then], then[1:])
    assert "p: was 0, is 1; of 3 calls 2 have one of which the same is said" in capsys.readouterr().err
    others = [msgspec.structs.replace(one, package="q") for one in then]
    assert holds([*(_checked(one, "0") for one in then), *map(_checked, others)], others)
    assert "p: was 0, is not there; of 3 calls 0 have one" in capsys.readouterr().err


def test_two_hundred_calls_were_checked_and_forty_of_what_comes_at_run_time() -> None:
    for runtime, size in ((False, 200), (True, 40)):
        some = [one for one in checked() if one.said.startswith("runtime") == runtime]
        assert len(some) >= size
        assert max(Counter(one.symbol for one in some).values()) <= 0.15 * len(some)
        assert not [one for one in some if one.said.startswith("unknown")]
        assert all(one.note for one in some if one.right == "no")


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


@pytest.mark.parametrize(
    ("symbol", "note", "line", "expected"),
    [
        ("MD5_Init", "", "    MD5_Init(&c);", "called"),
        ("MD5_Init", "", "    MD5_Initial(&c);", "not called there"),
        ("nettle_md5_init", "", "md5_init(&c);", "called"),
        ("SECOID_FindOIDByTag_Util", "", "x = SECOID_FindOIDByTag(tag);", "called"),
        ("_ZN18QCryptographicHash4hashERK10QByteArrayNS_9AlgorithmE", "", "QCryptographicHash::hash(a, b)", "called"),
        ("_ZN18QCryptographicHashC1ENS_9AlgorithmE", "", "QCryptographicHash sum(b);", "called"),
        ("gcry_md_algo_info", "by gcry_md_test_algo; and more", "gcry_md_test_algo(a)", "called"),
        ("gcry_md_algo_info", "not by gcry_md_test_algo", "gcry_md_test_algo(a)", "not called there"),
    ],
)
def test_a_line_of_the_table_calls_what_it_says(
    symbol: str, note: str, line: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "nss").mkdir()
    (tmp_path / "nss" / "x.c").write_text(f"/* \f */\n{line}\n")
    one = Checked("p", "1", "usr/bin/p", "0x1", symbol, "value", "x.c:2", "yes", note)
    assert checked_lines.state(one, tmp_path) == expected
    assert checked_lines.state(msgspec.structs.replace(one, source="x.c:4"), tmp_path) == "no such line"
    assert checked_lines.state(msgspec.structs.replace(one, source="y.c:4"), tmp_path) == "no such file"
