"""What real compilers make of each language, as it is, stripped, and without section headers; and real packages."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from archscan.elf import Place, facts
from archscan.elf.language import has_c_part
from archscan.model import Elf
from tests.elf.building import seen, verdicts, without_sections

pytestmark = pytest.mark.full

_C_PART = """
#include <stdio.h>
#include <string.h>
int part(const char *text) { char copy[64]; strcpy(copy, text); return printf("%s %zu\\n", copy, strlen(copy)); }
"""
SOURCES = {
    "part.c": _C_PART,
    "hello.go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("x") }\n',
    "cgo.go": "package main\n// #include <stdio.h>\n// static int f(int x) { return printf(\"%d\\n\", x); }\n"
    'import "C"\nfunc main() { C.f(3) }\n',
    "hello.rs": 'fn main() { println!("{}", std::env::args().nth(7).unwrap()); }\n',
    "mixed.rs": 'extern "C" { fn part(s: *const u8) -> i32; }\nfn main() { unsafe { part(b"x\\0".as_ptr()); } }\n',
    "hello.ml": 'let () = Printf.printf "%d\\n" (Array.length Sys.argv)\n',
    "hello.hs": "main :: IO ()\nmain = getContents >>= print . length . lines\n",
    "hello.adb": 'with Ada.Text_IO; procedure Hello is begin Ada.Text_IO.Put_Line ("x"); end Hello;\n',
    "hello.f90": "program hello\n real :: x(10)\n x = 1\n print *, sum(x)\nend program\n",
    "scale.f90": "subroutine scale(n, x)\n integer n, i\n real x(n)\n do i = 1, n\n x(i) = 2 * x(i)\n end do\nend\n",
    "hello.d": "import std.stdio; void main(string[] a) { writeln(a.length); }\n",
    "hello.pas": "program hello; uses sysutils; begin writeln(inttostr(3)); end.\n",
    "hello.cc": "#include <iostream>\nint main(int c, char **) { if (c > 5) throw 3; std::cout << c; }\n",
    "hello.asm": "global _start\nsection .text\n_start: mov eax, 60\nxor edi, edi\nsyscall\n",
}  # fmt: skip
# A command, the language of what it makes, and whether that holds C; None where stripping takes what tells it.
COMMANDS: tuple[tuple[str, str, bool | None], ...] = (
    ("CGO_ENABLED=0 go build -o out hello.go", "go", False),
    ("CGO_ENABLED=1 go build -o out hello.go", "go", False),
    ("CGO_ENABLED=0 go build -buildmode=pie -o out hello.go", "go", False),
    ("go build -o out cgo.go", "go", True),
    ("go build -buildmode=pie -o out cgo.go", "go", True),
    ("go build -ldflags '-linkmode=external -extldflags=-static' -o out cgo.go", "go", True),
    ("gccgo -o out hello.go", "go", None),
    ("gccgo -static-libgo -o out hello.go", "go", True),
    ("rustc -O -o out hello.rs", "rust", False),
    ("rustc -O -C prefer-dynamic -o out hello.rs", "rust", False),
    ("rustc -O -C panic=abort -o out hello.rs", "rust", False),
    ("rustc -O -C target-feature=+crt-static -o out hello.rs", "rust", False),
    ("gcc -O2 -c part.c && ar rcs libpart.a part.o && rustc -L. -l static=part -o out mixed.rs", "rust", True),
    ("ocamlopt -o out hello.ml", "ocaml", True),
    ("ocamlopt -ccopt -static -o out hello.ml", "ocaml", True),
    ("ocamlopt -shared -o out hello.ml", "ocaml", False),
    ("ghc -O -o out hello.hs", "haskell", True),
    ("ghc -O -optl-static -o out hello.hs", "haskell", True),
    ("ghc -O -dynamic -o out hello.hs", "haskell", None),
    ("gnatmake -o out hello.adb", "ada", False),
    ("gnatmake -o out hello.adb -bargs -static -largs -static-libgcc", "ada", True),
    ("gnatmake -o out hello.adb -bargs -static -largs -static", "ada", True),
    ("gfortran -O2 -o out hello.f90", "fortran", False),
    ("gfortran -O2 -static-libgfortran -o out hello.f90", "fortran", True),
    ("gfortran -O2 -static -o out hello.f90", "fortran", True),
    ("gfortran -O2 -o out hello.f90 part.c", "fortran", None),
    ("gdc -o out hello.d", "d", False),
    ("gdc -static-libphobos -o out hello.d", "d", None),
    ("ldc2 -of=out hello.d", "d", False),
    ("fpc -oout hello.pas", "pascal", False),
    ("fpc -Xs- -oout hello.pas", "pascal", False),
    ("g++ -o out hello.cc", "c++", False),
    ("g++ -static-libstdc++ -static-libgcc -o out hello.cc", "c++", False),
    ("g++ -static -o out hello.cc", "c++", False),
)  # fmt: skip
OBJECTS = (
    ("gccgo -c -o out.o hello.go", "go"),
    ("rustc --emit obj -o out.o hello.rs", "rust"),
    ("ocamlopt -c hello.ml && mv hello.o out.o", "ocaml"),
    ("ghc -c hello.hs -o out.o", "haskell"),
    ("gcc -c hello.adb && mv hello.o out.o", "ada"),
    ("gfortran -c -o out.o scale.f90", "fortran"),
    ("gdc -c -o out.o hello.d", "d"),
    ("ldc2 -c -of=out.o hello.d", "d"),
    ("fpc hello.pas && mv hello.o out.o", "pascal"),
    ("nasm -f elf64 -o out.o hello.asm", "assembler"),
)


def run(folder: Path, command: str) -> None:
    """Run a command among the sources; its compiler must be there."""
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    environment = {**os.environ, "GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod"}
    done = subprocess.run(command, cwd=folder, shell=True, env=environment, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr


def _stripped(path: Path, options: Sequence[str] = ()) -> Path:
    out = path.with_name("stripped" + path.suffix)
    subprocess.run(["strip", "--remove-section=.comment", *options, "-o", out, path], check=True)
    return out


@pytest.mark.parametrize(("command", "language", "mixed"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_programs_tell_their_language(tmp_path: Path, command: str, language: str, mixed: bool | None) -> None:
    run(tmp_path, command)
    whole = tmp_path / "out"
    stripped = _stripped(whole).read_bytes()
    for data in (whole.read_bytes(), stripped, without_sections(stripped)):
        found = seen(data)
        assert found.language == language
        if mixed is not None:
            assert has_c_part(found.reasons["language"]) == mixed, found.reasons["language"]
        if language in ("go", "rust", "pascal"):
            assert (found.stack_protector == "n/a") == (not has_c_part(found.reasons["language"]))


@pytest.mark.parametrize(("command", "language"), OBJECTS, ids=[row[0] for row in OBJECTS])
def test_objects_tell_their_language(tmp_path: Path, command: str, language: str) -> None:
    run(tmp_path, command)
    assert seen(tmp_path / "out.o", "usr/lib/out.o").language == language
    if "scale" not in command and language != "assembler":  # nothing but the name of the source tells those
        assert seen(_stripped(tmp_path / "out.o", ["--strip-debug"]), "usr/lib/out.o").language == language


def _go_module(folder: Path) -> None:
    """A module that needs two others, one of them replaced; all of them folders."""
    for name, text in (("one", "One"), ("two", "Two"), ("three", "Two")):
        (folder / name).mkdir()
        module = "two" if name == "three" else name
        (folder / name / "go.mod").write_text(f"module example.org/{module}\n\ngo 1.17\n")
        (folder / name / "x.go").write_text(f'package {module}\nfunc {text}() string {{ return "{text}" }}\n')
    (folder / "go.mod").write_text(
        "module example.org/main\n\ngo 1.17\n\nrequire (\n\texample.org/one v1.2.3\n\texample.org/two v0.1.0\n)\n"
        "replace example.org/one => ./one\nreplace example.org/two v0.1.0 => ./three\n"
    )
    (folder / "main.go").write_text(
        'package main\nimport ("fmt"; "example.org/one"; "example.org/two")\n'
        "func main() { fmt.Println(one.One(), two.Two()) }\n"
    )


def _said(path: Path) -> set[tuple[str, str, str | None]]:
    """The modules as `go version -m` lists them: line's kind, name, version."""
    text = subprocess.run(["go", "version", "-m", path], check=True, capture_output=True, text=True).stdout
    rows = [line.strip().split("\t") for line in text.splitlines()[1:]]
    listed = [(*row, "") for row in rows if row[0] in ("mod", "dep", "=>")]
    return {(row[0], row[1], row[2] or None) for row in listed}


@pytest.mark.parametrize("flags", [[], ["-buildmode=pie"], ["-ldflags=-s -w"]])
def test_modules_are_those_that_go_lists(tmp_path: Path, flags: list[str]) -> None:
    _go_module(tmp_path)
    environment = {**os.environ, "GOCACHE": str(tmp_path / "cache"), "GOFLAGS": "-mod=mod"}
    subprocess.run(["go", "build", *flags, "-o", "out", "."], cwd=tmp_path, env=environment, check=True)
    kinds = {
        "go-buildinfo": "dep",
        "go-buildinfo-replaced": "dep",
        "go-buildinfo-main": "mod",
        "go-buildinfo-replacement": "=>",
    }
    for data in ((tmp_path / "out").read_bytes(), without_sections((tmp_path / "out").read_bytes())):
        found = [row for row in seen(data).components if row.ecosystem == "go"]
        assert {(kinds[row.evidence], row.name, row.version) for row in found} == _said(tmp_path / "out")
        assert len(found) == 5
    version = subprocess.run(["go", "env", "GOVERSION"], check=True, capture_output=True, text=True).stdout.strip()
    assert [row.version for row in seen(tmp_path / "out").components if row.name == "go"] == [version]


VERSIONS = (
    ("gcc part.c -shared -o out", "gcc", "gcc -dumpfullversion"),
    ("ghc -o out hello.hs", "ghc", "ghc --numeric-version"),
    ("fpc -oout hello.pas", "fpc", "fpc -iW"),
    ("gnatmake -o out hello.adb", "gnat", "gcc -dumpversion"),
    ("ldc2 -of=out hello.d", "ldc", "ldc2 --version"),
    ("clang -shared -o out part.c", "clang", "clang --version"),
)


@pytest.mark.parametrize(("command", "name", "ask"), VERSIONS, ids=[row[1] for row in VERSIONS])
def test_compilers_are_named_with_the_version_that_they_give(tmp_path: Path, command: str, name: str, ask: str) -> None:
    run(tmp_path, command)
    said = subprocess.run(ask.split(), check=True, capture_output=True, text=True).stdout
    given = [row.version or "" for row in seen(tmp_path / "out").components if row.name == name]
    match = re.search(r"\d+(?:\.\d+)*", said)
    assert match
    assert [version for version in given if version.startswith(match[0])], (given, said)


def test_crates_are_those_that_were_compiled_in(tmp_path: Path) -> None:
    """Two crates where cargo keeps them, both of which can panic, so that both are named."""
    registry = tmp_path / ".cargo/registry/src/index.crates.io-6f17d22bba15001f"
    for name, text in (("first-crate", "first"), ("second", "second")):
        folder = registry / f"{name}-1.2.3-rc.1+b" / "src"
        folder.mkdir(parents=True)
        (folder / "lib.rs").write_text(f"#[inline(never)] pub fn {text}(x: &[u8], n: usize) -> u8 {{ x[n] }}\n")
        crate = name.replace("-", "_")
        command = ["rustc", "-O", "--crate-type=rlib", f"--crate-name={crate}", "-o", f"lib{crate}.rlib"]
        subprocess.run([*command, str(folder / "lib.rs")], cwd=tmp_path, check=True)
    (tmp_path / "main.rs").write_text(
        "fn main() { let a = std::env::args().nth(1).unwrap(); let n = a.len() * 2;\n"
        'println!("{} {}", first_crate::first(a.as_bytes(), n), second::second(a.as_bytes(), n)); }\n'
    )
    command = ["rustc", "-O", "-L.", "--extern", "first_crate=libfirst_crate.rlib", "--extern", "second=libsecond.rlib"]
    subprocess.run([*command, "-o", "out", "main.rs"], cwd=tmp_path, check=True)
    for path in (tmp_path / "out", _stripped(tmp_path / "out")):
        found = {(row.name, row.version) for row in seen(path).components if row.ecosystem == "cargo"}
        assert {("first-crate", "1.2.3-rc.1+b"), ("second", "1.2.3-rc.1+b")} <= found


PACKAGES = {
    "ripgrep": "rust", "fd-find": "rust", "librsvg2-2": "rust", "fp-utils-3.2.2": "pascal", "doublecmd-gtk": "pascal",
    "unison-2.52": "ocaml", "opam": "ocaml", "shellcheck": "haskell", "git-annex": "haskell", "dub": "d",
    "gprbuild": "ada", "whitakers-words": "ada", "liblapack3": "fortran", "scalapack-mpi-test": "fortran",
    "direnv": "go", "balloon": "go", "containerd": "go", "ninja-build": "c++", "busybox-static": "c",
}  # fmt: skip


def objects(folder: Path, package: str) -> list[tuple[str, bytes]]:
    """Path and bytes of every ELF object of a package that apt knows."""
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    subprocess.run(["dpkg-deb", "-x", next(folder.glob("*.deb")), folder / "x"], check=True)
    files = [path for path in (folder / "x").rglob("*") if path.is_file() and not path.is_symlink()]
    content = [(str(path.relative_to(folder / "x")), path.read_bytes()) for path in files]
    return [(name, data) for name, data in content if data[:4] == b"\x7fELF"]


def _facts(name: str, data: bytes) -> Elf:
    return facts(data, Place(name, name, name, "amd64"))


@pytest.mark.parametrize(("package", "language"), PACKAGES.items())
def test_packages_are_of_the_language_they_were_written_in(tmp_path: Path, package: str, language: str) -> None:
    """All of Debian 12; stripped, and read once more without section headers."""
    found = objects(tmp_path, package)
    assert found
    for name, data in found:
        whole, bare = _facts(name, data), _facts(name, without_sections(data))
        assert whole.language == language, name
        assert verdicts(bare) == verdicts(whole), name
        assert bare.imports == whole.imports, name
        assert has_c_part(bare.reasons["language"]) == has_c_part(whole.reasons["language"]), name


@pytest.mark.parametrize(("package", "mixed"), [("balloon", False), ("runc", True), ("bat", True), ("ripgrep", False)])
def test_packages_hold_c_or_not(tmp_path: Path, package: str, mixed: bool) -> None:
    """runc has a part in C, bat holds libgit2; balloon and ripgrep are of Go and Rust alone."""
    for name, data in objects(tmp_path, package):
        found = _facts(name, data)
        assert has_c_part(found.reasons["language"]) == mixed, name
        assert (found.stack_protector == "n/a") == (not mixed), name
