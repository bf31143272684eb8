"""Compilers of other languages than C, and others for C: how each is called for the machine of gcc."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from corpus.target import Target, run

# Go's names of Debian's architectures.
_GO = {"amd64": "amd64", "arm64": "arm64", "armhf": "arm", "i386": "386", "ppc64el": "ppc64le", "riscv64": "riscv64",
       "s390x": "s390x"}  # fmt: skip


def program(name: str, chosen: Target) -> str:
    """The program that is run as the compiler ``name``: of gcc's family the one for the machine."""
    return f"{chosen.compiler.removesuffix('gcc')}{name}" if name in ("gcc", "g++") else name


def missing(name: str, chosen: Target) -> str:
    """What this machine lacks to compile with ``name``; empty if nothing."""
    if shutil.which(program(name, chosen)) is None:
        return f"no {program(name, chosen)}"
    # There is no library of Rust for other machines than the own one.
    return f"no Rust for {chosen.architecture}" if name == "rustc" and chosen.compiler != "gcc" else ""


def _command(name: str, chosen: Target, place: Path) -> list[str]:
    words = [program(name, chosen)]
    if name.startswith("clang"):
        return [*words, f"--target={chosen.triplet}"]
    if name == "go":
        settings = {"GOARCH": _GO[chosen.architecture], "CGO_ENABLED": "0", "GOCACHE": place / "cache", "GOPATH": place,
                    "GOFLAGS": "-trimpath", "GO111MODULE": "off"}  # fmt: skip
        return ["env", *(f"{key}={value}" for key, value in settings.items()), *words, "build"]
    if name == "rustc":
        return ["env", f"HOME={os.environ.get('HOME', '/')}", *words, "--edition=2021"]
    return words


def compiled(
    name: str, chosen: Target, out: Path, folder: Path, sources: Sequence[str], flags: Sequence[str],
    units: Mapping[str, Sequence[str]], libraries: Sequence[str],
) -> None:  # fmt: skip
    """``out``, made by one run of a compiler from ``sources`` in ``folder``, after one for each of the ``units``.

    A unit of Rust is a crate of its own, named as its file is. Raises ``ArchscanError`` when a command fails.
    """
    command, rust = _command(name, chosen, out.parent), name == "rustc"
    inputs = {}
    for number, (source, own) in enumerate(units.items()):
        crate = Path(source).stem
        made = out.with_name(f"lib{crate}.rlib" if rust else f"unit-{number}.o")
        how = ["--crate-type=rlib", f"--crate-name={crate}"] if rust else ["-c"]
        run([*command, *how, "-o", str(made), *flags, *own, source], folder=str(folder))
        inputs[source] = ["--extern", f"{crate}={made}"] if rust else [str(made)]
    words = [word for source in sources for word in inputs.get(source, [source])]
    run([*command, "-o", str(out), *flags, *words, *libraries], folder=str(folder))
