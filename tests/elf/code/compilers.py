"""The compilers whose code is looked at; the host's own in every run, the others in the full one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest


class Compiler(msgspec.Struct, frozen=True):
    """A command that compiles, what the names of its binutils begin with, and Debian's name for the processor."""

    command: str
    prefix: str
    architecture: str

    def __str__(self) -> str:
        return self.command


GCC = Compiler("gcc", "", "amd64")
CLANG = Compiler("clang", "", "amd64")
MUSL = Compiler("musl-gcc", "", "amd64")
CROSS = (
    Compiler("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-", "arm64"),
    Compiler("arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-", "armhf"),
    Compiler("i686-linux-gnu-gcc", "i686-linux-gnu-", "i386"),
    Compiler("powerpc64le-linux-gnu-gcc", "powerpc64le-linux-gnu-", "ppc64el"),
    Compiler("riscv64-linux-gnu-gcc", "riscv64-linux-gnu-", "riscv64"),
    Compiler("s390x-linux-gnu-gcc", "s390x-linux-gnu-", "s390x"),
)


def each(*others: Compiler) -> list[object]:
    """The host's compiler, and others in the full run, as parameters of a test."""
    return [pytest.param(GCC, id="gcc"), *(pytest.param(it, id=str(it), marks=pytest.mark.full) for it in others)]


def run(command: Sequence[str | Path], *, lenient: bool = False) -> str:
    """What a command prints, in English; ``lenient``: also where it ends with 1, as readelf does after a warning."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, check=False, capture_output=True)
    assert done.returncode == 0 or (lenient and done.returncode == 1), (command, done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")


def build(compiler: Compiler, folder: Path, sources: Sequence[str | Path], flags: Sequence[str], name: str) -> Path:
    """What a compiler makes of source texts, or of files that are there already."""
    files = []
    for number, source in enumerate(sources):
        if isinstance(source, str):
            path = folder / f"{name}-{number}.c"
            path.write_text(source)
            files.append(path)
        else:
            files.append(source)
    run([compiler.command, *flags, "-o", folder / name, *files, "-lm"] if "-c" not in flags
        else [compiler.command, *flags, "-o", folder / name, *files])  # fmt: skip
    return folder / name
