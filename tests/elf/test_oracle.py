"""Facts about objects against readelf, and the two readers against each other."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from archscan.elf import Place, facts, lief_reader, pyelftools_reader
from archscan.elf.headers import checked
from archscan.model import Elf
from corpus.target import target
from tests import oracle

_REAL = (
    "bash coreutils curl dash file findutils gawk git gnupg gpg grep gzip iproute2 libc6 libcurl4 libgcrypt20 "
    "libglib2.0-0 libnss3 libssl3 make mount openssh-client openssl passwd perl-base procps rsync sed sudo tar "
    "util-linux wget xz-utils zlib1g"
).split()
# What readelf's headers call libraries, by the names that glibc gives them.
_FOLDERS = [f"{usr}lib{triplet}" for usr in ("", "usr/") for triplet in ("", "64", f"/{target().triplet}")]
_APART = {"ld-linux-x86-64.so.2": "loader", "libc.so.6": "runnable-library"}


def _facts(path: Path, name: str = "") -> Elf:
    place = Place(name or path.name, name or path.name, name or path.name, None)
    return facts(path.read_bytes(), place, exports="libraries")


def _corpus(objects: dict[str, dict[str, Path]]) -> Iterator[tuple[Path, str]]:
    """Every ELF object of the corpus with its path in the package."""
    triplet = target().triplet
    for recipe in objects.values():
        for name, path in recipe.items():
            if path.read_bytes()[:4] == b"\x7fELF":
                yield path, name.replace("{triplet}", triplet)


def _agree_with_readelf(path: Path, name: str) -> None:
    mine, theirs = _facts(path, name), oracle.columns(oracle.facts(path))
    for column, expected in theirs.items():
        if column == "kind" and expected == "shared-library":
            # readelf knows no paths: a library that the loader does not find by itself is a plugin.
            folder, _, file = name.rpartition("/")
            expected = _APART.get(file, expected if folder in ("", *_FOLDERS) else "plugin")  # noqa: PLW2901
        assert getattr(mine, column) == expected, (name, column)


def _readers_agree(path: Path, name: str) -> None:
    data = path.read_bytes()
    layout = checked(data)
    one, other = lief_reader.read(data, layout), pyelftools_reader.read(data, layout)
    for field in one.__struct_fields__:
        if field not in ("data", "reader"):
            assert getattr(one, field) == getattr(other, field), (name, field)


def test_the_corpus_is_what_readelf_says(corpus_objects: dict[str, dict[str, Path]]) -> None:
    found = list(_corpus(corpus_objects))
    assert len(found) > 60
    for path, name in found:
        _agree_with_readelf(path, name)


def test_lief_and_pyelftools_agree_on_the_corpus(corpus_objects: dict[str, dict[str, Path]]) -> None:
    for path, name in _corpus(corpus_objects):
        _readers_agree(path, name)


def test_imports_are_those_of_readelf(corpus_objects: dict[str, dict[str, Path]]) -> None:
    for path, name in _corpus(corpus_objects):
        _imports_agree(path, name)


def _imports_agree(path: Path, name: str) -> None:
    mine = _facts(path, name)
    if mine.kind not in ("relocatable", "kernel-module"):  # readelf's table is the dynamic one
        expected = {(row.name, row.version, row.library) for row in oracle.facts(path).imports}
        assert {(row.symbol, row.version, row.library) for row in mine.imports} == expected, name


@pytest.fixture(scope="module")
def real_objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The ELF files of about thirty packages of this machine's archive."""
    folder = tmp_path_factory.mktemp("real")
    for name in _REAL:
        command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", name]
        subprocess.run(command, cwd=folder, check=False, capture_output=True)
    debs = sorted(folder.glob("*.deb"))
    assert len(debs) >= 30, "apt-get gave too few packages; is its list up to date?"
    for deb in debs:
        subprocess.run(["dpkg-deb", "-x", deb, folder / deb.stem], check=True)
    return sorted(_elf_files(folder))


def _elf_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


def _place(path: Path) -> str:
    """The path inside its package."""
    parts = path.parts
    root = next(number for number, part in enumerate(parts) if part.count("_") >= 2 and part.startswith(tuple(_REAL)))
    return "/".join(parts[root + 1 :])


@pytest.mark.full
def test_real_objects_are_what_readelf_says(real_objects: list[Path]) -> None:
    for path in real_objects:
        _agree_with_readelf(path, _place(path))
        _imports_agree(path, _place(path))


@pytest.mark.full
def test_lief_and_pyelftools_agree_on_real_objects(real_objects: list[Path]) -> None:
    for path in real_objects:
        _readers_agree(path, _place(path))


@pytest.mark.full
def test_hardening_check_agrees_where_it_is_right(real_objects: list[Path]) -> None:
    """PIE, RELRO and BIND_NOW as hardening-check (devscripts) prints them."""
    assert shutil.which("hardening-check"), "devscripts is not installed; `make test-full` installs it"
    for path in real_objects:
        mine = _facts(path, _place(path))
        said = _hardening_check(path)
        pie = said["Position Independent Executable"]
        if mine.kind in ("pie", "executable"):
            assert pie.startswith("yes") == (mine.pie == "yes"), path
        # It calls static-pie programs and the loader shared libraries, and libc.so.6 a program.
        if mine.kind not in ("static-executable", "static-pie", "relocatable"):
            assert said["Read-only relocations"].startswith("yes") == (mine.relro in ("full", "partial")), path
            # Where nothing is bound lazily it prints "no", though there is nothing to bind at once.
            if mine.bind_now != "n/a":
                assert said["Immediate binding"].startswith("yes") == (mine.bind_now == "yes"), path


def _hardening_check(path: Path) -> dict[str, str]:
    done = subprocess.run(["hardening-check", path], capture_output=True, text=True, check=False)
    pairs = (line.split(": ", 1) for line in done.stdout.splitlines()[1:] if ": " in line)
    return {name.strip(): verdict for name, verdict in pairs}
