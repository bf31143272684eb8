"""The form of what archscan prints against the program itself, devscripts 2.25.15, fetched from Debian 13.

Verdicts may differ where that program errs; whoever parses its output must not notice anything else.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.accuracy.packages import fetched
from tests.elf.building import HELLO, PLAIN
from tests.elf.code.compilers import CROSS, GCC, build
from tests.reports.test_hardening_check import NAMES, THEIRS, _fails
from tests.scan.scanning import archscan

pytestmark = pytest.mark.full

_FULL = "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -Wl,-z,relro,-z,now".split()
_WAYS = {  # of compiling a program
    "pie": [*_FULL, "-fPIE", "-pie"],
    "plain": PLAIN,
    "no-pie": [*_FULL, "-no-pie"],
    "no-relro": ["-O2", "-Wl,-z,norelro,-z,lazy"],
    "static": ["-O2", "-static"],
    "static-pie": ["-O2", "-static-pie"],
    "clash": [*_FULL, "-fstack-clash-protection", "-fcf-protection"],
    "shared": [*_FULL, "-shared", "-fPIC", "-Wl,-soname,libx.so.1"],
    "plugin": ["-O2", "-shared", "-fPIC", "-fno-stack-protector"],
    "stripped": [*_FULL, "-s"],
    "relocatable": ["-O2", "-c"],
}
_NO_STATIC_PIE = ("powerpc64le", "riscv64", "s390x", "arm-")  # no start files for it


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("devscripts")
    (deb,) = fetched(folder, "amd64", ["devscripts"])
    assert deb.name.startswith("devscripts_2.25.15"), "docs/hardening-check.md speaks of another version"
    subprocess.run(["dpkg-deb", "--extract", deb, folder / "unpacked"], check=True)
    return folder / "unpacked/usr/bin/hardening-check"


@pytest.fixture(scope="module")
def files(corpus_objects: dict[str, dict[str, Path]], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("a folder: with blanks")
    found = [path for objects in corpus_objects.values() for path in objects.values()][::3]
    for compiler in (GCC, *CROSS):
        ways = {} if compiler is GCC else {name: _WAYS[name] for name in ("pie", "no-pie", "shared", "relocatable")}
        for name, flags in (ways or _WAYS).items():
            found.append(build(compiler, folder, [HELLO], flags, f"{compiler.architecture}-{name}"))
    objects = [path for path in found if path.name.endswith("relocatable")]
    for path in objects:
        library = path.with_suffix(".a")
        subprocess.run(["ar", "rc", library, path], check=True)
        found.append(library)
    for name, content in {"text": b"text\n", "empty": b"", "script": b"#!/bin/sh\n", "empty.a": b"!<arch>\n"}.items():
        (folder / name).write_bytes(content)
        found.append(folder / name)
    return [*map(str, found), str(folder), f"{folder}/missing", f"{folder}/./amd64-pie", f"{folder}//amd64-no-pie"]


def _theirs(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["perl", program, *arguments], capture_output=True, text=True, check=False)


def test_each_file_gets_the_same_lines_and_an_exit_code_of_the_same_meaning(program: Path, files: list[str]) -> None:
    wrong, printed, agreed = [], 0, 0
    for file in files:
        theirs, ours = _theirs(program, "--", file), archscan("inspect", "--format", "hardening-check", "--", file)
        forms = [re.sub(r"^( [^:]+): .*$", r"\1", text.stdout, flags=re.MULTILINE) for text in (theirs, ours)]
        if forms[0] != forms[1] or bool(ours.stdout) == bool(ours.stderr):
            wrong.append((file, theirs.stdout, ours.stdout, ours.stderr))
            continue
        lines = [line.removeprefix(" ").split(": ", 1) for line in ours.stdout.splitlines()[1:]]
        assert [name for name, _ in lines] == (NAMES if ours.stdout else []), file
        assert all(THEIRS.fullmatch(verdict) for _, verdict in lines), file
        for text in (theirs, ours):
            failing = [line for line in text.stdout.splitlines()[1:] if _fails(line.split(": ", 1)[1])]
            assert text.returncode == (1 if failing or not text.stdout else 0), (file, text.stdout)
        printed += bool(lines)
        agreed += theirs.stdout == ours.stdout
    assert not wrong
    assert printed >= 60
    assert agreed >= 1


def test_many_files_are_told_in_the_order_of_the_command_line(program: Path, files: list[str]) -> None:
    theirs = _theirs(program, *files).stdout
    done = archscan("inspect", "--format", "hardening-check", *files)
    heads = [[line for line in text.splitlines() if not line.startswith(" ")] for text in (theirs, done.stdout)]
    assert heads[0] == heads[1]
    assert done.returncode == 1


def test_a_static_library_is_one_file(program: Path, files: list[str]) -> None:
    library = next(file for file in files if file.endswith("amd64-relocatable.a"))
    theirs, ours = _theirs(program, library), archscan("inspect", "--format", "hardening-check", library)
    assert theirs.stdout.splitlines()[1] == ours.stdout.splitlines()[1]
    assert ours.stdout.splitlines()[1].endswith("no, object archive (ignored)")
