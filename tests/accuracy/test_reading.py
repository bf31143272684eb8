"""What the peers print is read right, and what readelf shows leads to the verdict that the linker was asked for."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tests.accuracy.differences import agrees
from tests.accuracy.evidence import headers
from tests.accuracy.observed import started_stack
from tests.accuracy.peers import LINTIAN_TAGS
from tests.accuracy.statements import Statement, of_checksec, of_hardening_check, of_lintian
from tests.accuracy.unpacked import File
from tests.elf.building import PLAIN, compiled

_FILES = [File("one_1.0_amd64.deb", f"usr/bin/{name}", f"/x/{name}") for name in ("a", "b")]
_HARDENING_CHECK = """/x/a:
 Position Independent Executable: yes
 Stack protected: no, not found!
 Fortify Source functions: yes (some protected functions found)
 Stack clash protection: unknown, no -fstack-clash-protection instructions found
/x/b:
 Position Independent Executable: no, regular shared library (ignored)
 Fortify Source functions: unknown, no protectable libc functions used
/x/unknown:
 Position Independent Executable: yes
"""
_CHECKSEC = """Full RELRO,Canary found,NX enabled,PIE enabled,No RPATH,RW-RUNPATH,12 Symbols,Yes,5,17,/x/a
No RELRO,No Canary found,NX disabled,DSO,No RPATH,No RUNPATH,No Symbols,N/A,0,0,/x/b
"""
_LINTIAN = """I: one: hardening-no-bindnow [usr/bin/a]
O: one: hardening-no-relro [usr/bin/b]
E: one: custom-library-search-path RUNPATH /opt/x [usr/bin/a]
E: one: no-copyright-file
"""


def test_hardening_check() -> None:
    said = {(row.path[-1], row.column): row.verdict for row in of_hardening_check(_HARDENING_CHECK, _FILES)}
    assert said == {
        ("a", "pie"): "yes",
        ("a", "stack_protector"): "no",
        ("a", "fortify"): "partial",
        ("a", "stack_clash"): "unknown",
        ("b", "pie"): "n/a",
        ("b", "fortify"): "n/a",
    }


def test_checksec() -> None:
    said = {(row.path[-1], row.column): row.verdict for row in of_checksec(_CHECKSEC, _FILES)}
    columns = "relro stack_protector nx pie stripped fortify search_path".split()
    assert [said["a", column] for column in columns] == "full yes yes yes no yes set".split()
    assert [said["b", column] for column in columns] == "none no no n/a yes unknown none".split()


def test_lintian_says_something_of_every_object() -> None:
    said = {(row.path[-1], row.column): row.verdict for row in of_lintian(_LINTIAN, _FILES)}
    assert len(said) == len(_FILES) * 8
    assert {key: verdict for key, verdict in said.items() if verdict != "silent"} == {
        ("a", "bind_now"): "no",
        ("b", "relro"): "none",
        ("a", "search_path"): "insecure",
    }
    assert len(LINTIAN_TAGS) == 10


@pytest.mark.parametrize(
    ("tool", "column", "theirs", "ours", "same"),
    [
        ("hardening-check", "relro", "yes", "partial", True),
        ("hardening-check", "relro", "yes", "none", False),
        ("hardening-check", "relro", "no", "n/a", False),
        ("checksec", "relro", "full", "partial", False),
        ("checksec", "search_path", "set", "insecure", True),
        ("checksec", "search_path", "none", "set", False),
        ("lintian", "bind_now", "silent", "n/a", True),
        ("lintian", "bind_now", "silent", "no", False),
        ("lintian", "fortify", "no", "yes", False),
        ("lintian", "textrel", "silent", "yes", False),
    ],
)
def test_what_differs(tool: str, column: str, theirs: str, ours: str, same: bool) -> None:
    assert agrees(Statement(tool, column, "p", "f", theirs, ""), ours) is same


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("-pie -fPIE -Wl,-z,relro,-z,now", {"pie": "yes", "relro": "full", "bind_now": "yes", "nx": "yes"}),
        ("-no-pie -Wl,-z,norelro,-z,lazy", {"pie": "no", "relro": "none", "bind_now": "no"}),
        ("-pie -fPIE -Wl,-z,relro,-z,lazy", {"relro": "partial", "bind_now": "no"}),
        ("-shared -fPIC -Wl,-z,lazy", {"pie": "n/a", "bind_now": "no", "search_path": "none"}),
        ("-pie -fPIE -Wl,-z,execstack -Wl,-rpath,/opt", {"nx": "no", "search_path": "set", "static": "no"}),
        ("-static", {"static": "yes", "stripped": "no"}),
        ("-pie -fPIE -s", {"stripped": "yes", "textrel": "no"}),
    ],
)
def test_readelf_shows_what_the_linker_was_asked_for(tmp_path: Path, flags: str, expected: dict[str, str]) -> None:
    path = compiled(tmp_path, '#include <stdio.h>\nint main(void) { return puts("x"); }', ["-O2", *flags.split()])
    found = {column: headers(path, column) for column in expected}
    assert {column: evidence and evidence.verdict for column, evidence in found.items()} == expected


@pytest.mark.parametrize(("flag", "expected"), [("-Wl,-z,execstack", "no"), ("-Wl,-z,noexecstack", "yes")])
def test_the_stack_of_a_started_program(tmp_path: Path, flag: str, expected: str) -> None:
    path = compiled(tmp_path, "int main(void) { for (;;) ; }", [*PLAIN, flag])
    found = started_stack(path)
    assert (found and found.verdict) == (expected if platform.machine() == "x86_64" else None)
