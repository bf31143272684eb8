"""Calls are read from sources as a compiler would, as far as text tells, and held against a real scan."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from archscan.crypto.catalogue import load
from corpus.build import build
from corpus.catalogue import stubs_of
from tests.accuracy import source_recall
from tests.accuracy.call_rows import RULES
from tests.accuracy.scanned import scanned
from tests.accuracy.source_calls import calls_in, defined_in, sources, texts_in
from tests.accuracy.source_recall import Cause, Compared, compared, table, unexplained
from tests.accuracy.unpacked import unpacked

WANTED = {"crypt", "MD5_Init"}
USED = """
int gcry_md_open(void **, int, unsigned);
void *handle;
const char *what = "a text that the object has";
#ifdef NOBODY_SETS_IT
int never(void) { return gcry_md_open(&handle, 3, 0); }
#endif
int main(void) { return gcry_md_open(&handle, 1, 0) + (what[0] == 'b' && gcry_md_open(&handle, 2, 0)); }
"""
OTHER = """
int gcry_md_open(void **, int, unsigned);
extern void *handle;
const char *texts[] = { "first of another program", "second of another program", "third of another program" };
int other(void) { return gcry_md_open(&handle, 2, 0); }
"""
RECIPE = """
package = "two-files"
description = "A program of one of two files"

[[object]]
path = "usr/bin/used"
sources = ["used.c"]
flags = ["-O1"]
libraries = ["libgcrypt"]
"""


@pytest.mark.parametrize(
    "text",
    [
        "void f(void) { MD5_Init(&c); }",
        "int f(void) { return MD5_Init (&c); }",
        "void f(void) { (void)MD5_Init(&c); }",
        "void f(void) { if (a) MD5_Init(&c); else b(); }",
        "void f(void) { x = y * MD5_Init(&c); }",
        "void f(void) { *MD5_Init(&c) = 1; }",
        "void f(void) { g(a, MD5_Init(&c)); }",
        "void f(void) {\n#ifdef A\n  int i;\n#endif\n  MD5_Init(&c); }",
        "void f(void) { if (a\n#ifdef B\n && b\n#endif\n ) MD5_Init(&c); }",
        "void f(void) { a = b > MD5_Init(&c); }",
        'void f(void) { g("}"); MD5_Init(&c); /* ( */ }',
    ],
)
def test_a_call_is_seen(text: str) -> None:
    assert [one.symbol for one in calls_in(text, "x.c", WANTED)] == ["MD5_Init"]


@pytest.mark.parametrize(
    "text",
    [
        "int MD5_Init(MD5_CTX *c);",
        "extern int\nMD5_Init (MD5_CTX *c)\n{\n}",
        "char *crypt(const char *key, const char *salt);",
        "#include <x.h>\nchar *\ncrypt(const char *key, const char *salt) { }",
        "/* MD5_Init(&c) */ // MD5_Init(&c)",
        'const char *s = "MD5_Init(&c)";',
        "void f(void) { table->MD5_Init(&c); other.crypt(1); myMD5_Init(&c); }",
        "#if 0\nvoid f(void) { MD5_Init(&c); }\n#endif",
        "#if A\n#elif 0\nvoid f(void) { MD5_Init(&c); }\n#endif",
        "template <typename T>\nstd::vector<uint8_t> crypt(const T &key) { }",
        "void f(void) { g(MD5_Init); }",
    ],
)
def test_what_is_no_call_is_none(text: str) -> None:
    assert not list(calls_in(text, "x.c", WANTED))


def test_a_call_has_its_line_and_what_it_depends_on() -> None:
    text = (
        "#ifndef A\n# if B > 1\n#else\n  void f(void) { MD5_Init(&c); }\n# endif\n#endif\n#define G(x) \\\n  crypt(x)\n"
    )
    init, crypt = calls_in(text, "x.c", WANTED)
    assert (init.line, init.condition, init.macro) == (4, "not defined A and not (B > 1)", False)
    assert (crypt.line, crypt.condition, crypt.macro) == (8, "", True)


def test_what_stands_behind_if_0_counts() -> None:
    (call,) = calls_in("#if 0\ncrypt(a, b);\n#else\nvoid f(void) { MD5_Init(&c); }\n#endif", "x.c", WANTED)
    assert call.symbol == "MD5_Init"


def test_functions_that_are_defined_are_told_from_those_that_are_declared() -> None:
    assert set(defined_in("int MD5_Init(C *c);\nchar *\ncrypt(const char *a, int (*b)(void))\n{\n}", WANTED)) == {
        "crypt"
    }


def test_the_longest_part_of_a_text_stands_for_it() -> None:
    text = '#include "a/long/name.h"\nf("%s: cannot open\\n", "short"); /* "in a comment" */'
    assert texts_in(text) == (b"%s: cannot open",)


def test_sources_that_were_patched_are_read_once(tmp_path: Path) -> None:
    for place in ("a.c", ".pc/one.patch/a.c", "doc/a.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("void f(void) { MD5_Init(&c); }")
    assert [one.file for one in sources(tmp_path, WANTED)] == ["a.c"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[Compared]:
    """What is compared for a program that is compiled of one of two files, and scanned."""
    root = tmp_path_factory.mktemp("recipes")
    (folder := root / "two-files").mkdir()
    for name, text in (("recipe.toml", RECIPE), ("used.c", USED), ("other.c", OTHER)):
        (folder / name).write_text(text)
    out, work = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("work")
    deb = build("two-files", out, work, stubs_of(RULES), root).deb
    scanned("one", [deb], out / "one.db")
    return list(compared(out / "one.db", unpacked([deb], out / "unpacked"), folder, load(RULES).index))


def test_only_the_file_that_was_compiled_counts(program: list[Compared]) -> None:
    (one,) = program
    assert [(call.file, call.line) for call in one.calls] == [("used.c", 6), ("used.c", 8), ("used.c", 8)]
    assert (one.symbol, one.rows, one.shown, one.absent, one.own) == ("gcry_md_open", 2, 2, 1, False)


def test_a_call_without_a_row_needs_a_cause(program: list[Compared]) -> None:
    cause = Cause("two-files", "usr/bin/used", "gcry_md_open", "used.c:6", "condition", "nobody sets it")
    assert [left for _, left in unexplained(program, [])] == [1]
    assert list(table(program, []))[-1] == "* two-files usr/bin/used `gcry_md_open`: 1 of used.c:6, used.c:8, used.c:8"
    assert not list(unexplained(program, [cause]))
    assert list(table(program, [cause]))[2] == "| two-files | 1 | 3 | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 2 | 0 |"


def test_the_causes_are_of_the_form_that_is_promised() -> None:
    known = source_recall.causes()
    assert {one.package for one in known} <= set(source_recall.packages())
    assert len(source_recall.packages()) >= 30
    counted = Counter((one.package, one.path, one.symbol, one.source) for one in known)
    assert all(one.note for one in known)
    assert max(counted.values()) <= 2  # a line may call a function twice


def test_a_cause_that_nobody_knows_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = source_recall.TABLE.read_text(encoding="utf-8")
    (place := tmp_path / "table.tsv").write_text(text.replace("\tcondition\t", "\tbad luck\t", 1), encoding="utf-8")
    monkeypatch.setattr(source_recall, "TABLE", place)
    with pytest.raises(ValueError, match="expected a line and one of condition"):
        source_recall.causes()
