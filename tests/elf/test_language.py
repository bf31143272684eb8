"""The language of objects: what the compilers here make, and packages whose language is known."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from archscan.elf import Place, facts
from tests.elf.building import HELLO, body_at, compiled, handmade, seen, verdicts, without_sections

_CXX = '#include <string>\nvoid g(std::string const &);\nvoid f() { g("x"); }\n'


def test_c_is_what_calls_the_c_library(tmp_path: Path) -> None:
    assert seen(compiled(tmp_path, HELLO)).language == "c"
    assert seen(compiled(tmp_path, HELLO, ["-c"], name="x.o"), "usr/lib/x.o").language == "c"


def test_assembler_has_code_but_no_unwind_tables(tmp_path: Path) -> None:
    source = '.globl f\nf: ret\n.section .note.GNU-stack,"",@progbits\n'
    assert seen(compiled(tmp_path, source, ["-c"], suffix="s", name="x.o"), "usr/lib/x.o").language == "assembler"


def test_go_is_told_by_its_note() -> None:
    note = b"\4\0\0\0\3\0\0\0\4\0\0\0Go\0\0abc\0"
    found = seen(handmade([(1, 5, 0, 200), (4, 4, 176, len(note))], note.ljust(48, b"\0"), kind=2))
    assert (found.language, found.stack_protector, found.fortify) == ("go", "n/a", "n/a")


def test_free_pascal_signs_its_data_also_without_sections() -> None:
    body = b"FPC 3.2.2+dfsg-20 [2023/03/30] for x86_64 - Linux\0"
    assert seen(handmade([(1, 6, 0, body_at(2) + len(body)), (1, 5, 0, 64)], body, kind=2)).language == "pascal"


@pytest.mark.skipif(not shutil.which("g++"), reason="no g++")
def test_c_plus_plus_is_told_by_its_library_and_its_names(tmp_path: Path) -> None:
    path = compiled(tmp_path, _CXX, ["-shared", "-fPIC", "-lstdc++"], suffix="cc")
    assert seen(path, "usr/lib/x.so").language == "c++"
    assert seen(compiled(tmp_path, _CXX, ["-c"], suffix="cc", name="x.o"), "usr/lib/x.o").language == "c++"


_PACKAGES = {
    "ripgrep": "rust", "fp-utils-3.2.2": "pascal", "unison-2.52": "ocaml", "shellcheck": "haskell", "dub": "d",
    "gprbuild": "ada", "liblapack3": "fortran", "direnv": "go", "ninja-build": "c++", "busybox-static": "c",
}  # fmt: skip


@pytest.mark.full
@pytest.mark.parametrize(("package", "language"), _PACKAGES.items())
def test_packages_are_of_the_language_they_were_written_in(tmp_path: Path, package: str, language: str) -> None:
    """All of Debian 12; stripped, and read once more without section headers."""
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["dpkg-deb", "-x", next(tmp_path.glob("*.deb")), tmp_path / "x"], check=True)
    files = [path for path in (tmp_path / "x").rglob("*") if path.is_file() and not path.is_symlink()]
    objects = [path for path in files if path.read_bytes()[:4] == b"\x7fELF"]
    assert objects
    for path in objects:
        name = str(path.relative_to(tmp_path / "x"))
        place = Place(name, name, name, "amd64")
        whole, bare = facts(path.read_bytes(), place), facts(without_sections(path.read_bytes()), place)
        assert whole.language == language, name
        assert verdicts(bare) == verdicts(whole), name
        assert bare.imports == whole.imports, name
