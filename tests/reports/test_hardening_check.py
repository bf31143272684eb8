"""The lines of hardening-check: every verdict has words that its parsers know, and they mean what archscan means."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from archscan.model import Elf, ElfKind, Relro, Verdict
from archscan.reports.hardening_check import FAILING, LINES, MARKS, fails, of_file, verdicts, write
from tests.elf.building import HELLO, PLAIN, compiled, seen
from tests.scan.scanning import archscan

DOCUMENT = Path(__file__).parents[2] / "docs/hardening-check.md"

# What the program itself can print (devscripts 2.25.15), written down from its source, not from our tables.
NAMES = [
    "Position Independent Executable",
    "Stack protected",
    "Fortify Source functions",
    "Read-only relocations",
    "Immediate binding",
    "Stack clash protection",
    "Control flow integrity",
    "Branch Protection",
]
THEIRS = re.compile(
    r"yes|yes \(some protected functions found\)|no, (?:regular shared library|object archive|non-ELF) \(ignored\)"
    r"|not a known ELF type!\? \(\w*\)|unknown, no symbols found|unknown, no protectable libc functions used"
    r"|unknown, no -fstack-clash-protection instructions found"
    r"|no, (?:normal executable!|not found!|only unprotected functions found!)(?: \(ignored\))?"
)


def _parsed(text: str) -> dict[str, dict[str, str]]:
    """File → line → verdict, in the way that scripts read it."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        match = re.fullmatch(r" ([A-Z][\w -]+): (.+)", line)
        if match:
            found[next(reversed(found))][match[1]] = match[2]
        elif line.endswith(":"):
            found[line[:-1]] = {}
        else:
            pytest.fail(f"no parser expects {line!r}")
    return found


def _fails(verdict: str) -> bool:
    """What such a script takes for a failure."""
    return not verdict.startswith(("yes", "unknown")) and not verdict.endswith("(ignored)")


def _lines(one: Elf) -> dict[str, str]:
    stream = io.StringIO()
    write([("a file", of_file([one]))], stream)
    return _parsed(stream.getvalue())["a file"]


@pytest.fixture(scope="module")
def hello(corpus_objects: dict[str, dict[str, Path]]) -> Elf:
    return seen(corpus_objects["hardened"]["usr/bin/hardened"])


def test_every_value_of_a_column_has_a_text(hello: Elf) -> None:
    assert [line.name for line in LINES] + [marks.name for marks in MARKS] == NAMES == list(_lines(hello))
    for line in LINES:
        assert set(line.texts) == set(Relro if line.column == "relro" else Verdict), line.name


@pytest.mark.parametrize("kind", ElfKind)
@pytest.mark.parametrize("verdict", Verdict)
def test_every_text_is_one_of_theirs_and_fails_only_for_a_no(hello: Elf, kind: ElfKind, verdict: Verdict) -> None:
    columns = {line.column: verdict for line in LINES if line.column != "relro"}
    columns |= {column: verdict for marks in MARKS for column in (*marks.marked, marks.compiled)}
    relro = {Verdict.YES: Relro.FULL, Verdict.NO: Relro.NONE}.get(verdict, verdict.value)
    one = msgspec.structs.replace(hello, kind=kind, relro=Relro(relro), **columns)
    for name, text in _lines(one).items():
        assert THEIRS.fullmatch(text), (name, text)
        assert _fails(text) == (text in FAILING)
        if name == "Position Independent Executable" and text.startswith("not a known"):
            assert kind in (ElfKind.RELOCATABLE, ElfKind.KERNEL_MODULE, ElfKind.CORE)
        elif verdict in (Verdict.YES, Verdict.NOT_APPLICABLE, Verdict.UNKNOWN):
            assert not _fails(text), name
        elif verdict == Verdict.NO and name != "Stack clash protection" and "non-ELF" not in text:
            assert _fails(text), name


def test_flags_decide_what_a_program_is_told(tmp_path: Path) -> None:
    bare = "-O2 -U_FORTIFY_SOURCE -fno-stack-protector -fcf-protection=none -no-pie -Wl,-z,norelro,-z,lazy".split()
    source = '#include <stdio.h>\nint main(void) { char b[9]; fgets(b, 9, stdin); return printf("%s", b); }\n'
    weak = _lines(seen(compiled(tmp_path, source, bare)))
    assert weak["Position Independent Executable"] == "no, normal executable!"
    assert weak["Fortify Source functions"] == "no, only unprotected functions found!"
    assert weak["Read-only relocations"] == weak["Immediate binding"] == "no, not found!"
    full = "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fPIE -pie -fstack-protector-all -Wl,-z,relro,-z,now".split()
    strong = seen(compiled(tmp_path, source, full))
    assert {_lines(strong)[name] for name in (NAMES[0], *NAMES[2:5])} == {"yes"}
    library = seen(compiled(tmp_path, "int f(void) { return 1; }", ["-shared", "-fPIC", "-Wl,-soname,libf.so.1"]))
    assert _lines(library)["Position Independent Executable"] == "no, regular shared library (ignored)"


def test_a_missing_mark_fails_only_where_the_code_has_no_landing_pads(hello: Elf) -> None:
    unmarked = msgspec.structs.replace(hello, ibt_marked=Verdict.YES, shstk_marked=Verdict.NO)
    for compiled_verdict, text in (
        (Verdict.YES, "no, not found! (ignored)"),
        (Verdict.UNKNOWN, "no, not found! (ignored)"),
        (Verdict.NO, "no, not found!"),
    ):
        one = msgspec.structs.replace(unmarked, ibt_compiled=compiled_verdict)
        assert verdicts(one)["Control flow integrity"] == text
        assert fails(of_file([one])) == (text in FAILING)


def test_the_command_prints_names_as_given_and_has_the_exit_code(
    corpus_objects: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    good = corpus_objects["hardened"]["usr/bin/hardened"]
    bad = compiled(tmp_path, HELLO, [*PLAIN, "-Wl,-z,norelro"])
    done = archscan("inspect", "--format", "hardening-check", good)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(_parsed(done.stdout)) == [str(good)]
    done = archscan("inspect", "--format", "hardening-check", good, bad)
    assert done.returncode == 1
    assert _parsed(done.stdout)[str(bad)]["Read-only relocations"] == "no, not found!"
    done = archscan("inspect", "--format", "hardening-check", tmp_path / "missing", good)
    assert done.returncode == 1
    assert list(_parsed(done.stdout)) == [str(good)]
    assert done.stderr.count("\n") == 1


def test_the_documented_table_is_the_one_that_is_used() -> None:
    rows = re.findall(r"^\| `([\w -]+)` \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    documented = {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in rows}
    order = {"relro": (Relro.FULL, Relro.PARTIAL, Relro.NONE, Relro.NOT_APPLICABLE, Relro.UNKNOWN)}
    assert documented == {
        line.name: [
            f"**`{text}`**" if text in FAILING else f"`{text}`"
            for text in (line.texts[value] for value in order.get(line.column, tuple(Verdict)))
        ]
        for line in LINES
    }


# What hardening-check 2.23.4 says and archscan says otherwise, on purpose; docs/hardening-check.md has the reasons.
_ON_PURPOSE = {
    ("Position Independent Executable", "no, regular shared library (ignored)", "yes"): "static PIE",
    ("Position Independent Executable", "yes", "no, regular shared library (ignored)"): "a library that can be run",
    (NAMES[2], "no, only unprotected functions found!", "unknown, no protectable libc functions used"): "sizes unknown",
    (NAMES[2], "yes (some protected functions found)", "yes"): "sizes unknown",
    ("Read-only relocations", "no, not found!", "no, not found! (ignored)"): "the loader writes nothing",
    ("Immediate binding", "no, not found!", "no, not found! (ignored)"): "nothing is bound lazily",
    ("Control flow integrity", "no, not found!", "no, not found! (ignored)"): "a mark that the start files lack",
}
_BY_CODE = ("Stack protected", "Stack clash protection")  # which that program cannot tell of most objects


@pytest.mark.full
def test_the_lines_agree_with_the_program_itself(corpus_objects: dict[str, dict[str, Path]]) -> None:
    assert shutil.which("hardening-check"), "apt-get install devscripts"
    files = [str(path) for objects in corpus_objects.values() for path in objects.values()]
    files += ["/usr/bin/ls", "/usr/bin/git", "/usr/bin/perl", "/sbin/ldconfig", "/lib/x86_64-linux-gnu/libc.so.6"]
    theirs = _parsed(subprocess.run(["hardening-check", *files], capture_output=True, text=True, check=False).stdout)
    ours = _parsed(archscan("inspect", "--format", "hardening-check", *files).stdout)
    assert list(ours) == list(theirs) == files
    compared = 0
    for file, lines in theirs.items():
        for name, text in lines.items():
            mine = ours[file][name]
            if name in _BY_CODE:
                assert not (text == "yes" and _fails(mine)), (file, name)
            else:
                assert mine == text or (name, text, mine) in _ON_PURPOSE, (file, name, text, mine)
                compared += mine == text
    assert compared > 300
