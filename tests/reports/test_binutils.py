"""Commands that are printed for readers do what they say when bash runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from archscan.model import unescape
from archscan.reports.binutils import extraction, file_name, objdump, of_address, quoted
from archscan.reports.content import Row
from tests.scan.scanning import rows, scan

RECIPES = ("archives", "relocatable", "names", "links", "selected", "hardened")


def bash(lines: list[str], folder: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TMPDIR": str(folder)}
    text = "\n".join(lines).encode()
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail"], input=text, capture_output=True, env=environment, check=False
    )
    assert done.returncode == 0, (lines, done.stderr)
    return done.stdout.decode(errors="replace")


def test_every_object_is_extracted_as_it_was_scanned(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    debs = [corpus_debs[name] for name in RECIPES]
    assert scan(tmp_path / "a.db", *debs) == 0
    files = {file.name: str(file) for file in debs}
    found = rows(
        tmp_path / "a.db",
        "SELECT p.filename, e.path, f.path, e.sha256, e.machine FROM elf e JOIN package p ON p.id = e.package_id "
        "JOIN file f ON f.id = e.file_id",
    )
    assert len(found) > 20
    for filename, path, file_path, digest, machine in found:
        occurrence: Row = {"path": path, "file_path": file_path, "machine": machine}
        name = quoted(file_name(str(path)))
        shown = bash([*extraction(files[str(filename)], occurrence), f"sha256sum < {name}"], tmp_path)
        assert shown.split()[0] == digest, path


def test_a_place_in_a_section_is_shown(corpus_objects: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    (path, built) = next((path, file) for path, file in corpus_objects["relocatable"].items() if "/marked" in path)
    occurrence: Row = {"path": path, "file_path": path, "machine": "x86_64"}
    command = of_address(".text+0x0", occurrence, os.uname().machine)
    shown = bash([f"cd {built.parent}", command.replace(file_name(path), built.name)], tmp_path)
    assert "Disassembly of section .text:" in shown


@pytest.mark.parametrize(
    ("machine", "host", "name"),
    [
        ("x86_64", "x86_64", "objdump"),
        ("i386", "x86_64", "objdump"),
        ("aarch64", "x86_64", "aarch64-linux-gnu-objdump"),
        ("x86_64", "aarch64", "x86_64-linux-gnu-objdump"),
        ("aarch64", "aarch64", "objdump"),
        ("sparc", "x86_64", "objdump"),
        (None, "x86_64", "objdump"),
    ],
)
def test_the_objdump_is_that_of_the_processor(machine: str | None, host: str, name: str) -> None:
    assert objdump(machine, host) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("usr/bin/sudo", "sudo"),
        ("usr/lib/libx.a(member.o)", "member.o"),
        ("usr/bin/-rf", "object"),
        ("usr/bin/..", "object"),
        ("usr/bin/a b", "object"),
        ("usr/bin/$(id)", "id"),
        ("usr/bin/`id`", "object"),
    ],
)
def test_what_is_extracted_gets_a_plain_name(path: str, name: str) -> None:
    assert file_name(path) == name


@pytest.mark.parametrize(
    ("stored", "word"),
    [
        ("usr/bin/x", "usr/bin/x"),
        ("a b", "'a b'"),
        ("it's", "'it'\"'\"'s'"),
        ("-rf", "-rf"),
        ("$(id)", "'$(id)'"),
        ("new\\x0aline", "$'new\\x0aline'"),
        ("caf\\xe9'\\\\", "$'caf\\xe9\\x27\\x5c'"),
        ("grüße", "$'gr\\xc3\\xbc\\xc3\\x9fe'"),
    ],
)
def test_a_name_is_one_word_of_bash(stored: str, word: str) -> None:
    assert quoted(stored) == word
    done = subprocess.run(["bash", "-c", f"printf %s {quoted('./' + stored)}"], capture_output=True, check=True)
    assert done.stdout == b"./" + unescape(stored)
