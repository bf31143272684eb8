"""Ground truth of arm64: units in C, cross-compiled with and without each flag, also within one object.

The units are those of the package `tree` and a few hundred small functions (`tests.elf.code`); what each was told
stands in DW_AT_producer, and what was written in `aarch64-linux-gnu-objdump`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.accuracy.ground_truth import ARM64, Checked, checked
from tests.debug import truth
from tests.debug.building import run
from tests.debug.source_packages import RECIPES, debs, folder
from tests.elf.code.programs import OTHER
from tests.elf.code.test_patterns import CORPUS

COMPILER = "aarch64-linux-gnu-gcc"
_UNITS = 8  # of the small functions
_WITH = ("-fstack-protector-strong", "-fstack-clash-protection", "-mbranch-protection=standard")
_WITHOUT = ("-fno-stack-protector", "-fno-stack-clash-protection", "-mbranch-protection=none")
# What every other unit is told, from the first on, and from the second on.
WAYS = {
    "with": (_WITH, _WITH),
    "without": (_WITHOUT, _WITHOUT),
    "first": (_WITH, _WITHOUT),
    "second": (_WITHOUT, _WITH),
}


def rows(work: Path) -> list[Checked]:
    """The comparison of all objects, feature by feature."""
    shutil.rmtree(work, ignore_errors=True)
    return [row for build, pair in _pairs(work) for row in checked(build, pair, ARM64)]


def _pairs(work: Path) -> Iterator[tuple[str, truth.Pair]]:
    """Objects by the name of their build, with their debug files."""
    sources = {"tree": _tree(work / "source"), "functions": _functions(work / "functions")}
    for name, (units, link) in sources.items():
        for way, told in WAYS.items():
            place = work / f"{name}-{way}"
            place.mkdir()
            objects = []
            for number, unit in enumerate(units):
                command = [COMPILER, "-g", "-O2", "-w", "-fPIC", "-U_FORTIFY_SOURCE", *told[number % 2], "-c", "-o"]
                objects.append(place / f"{unit.stem}.o")
                run(*command, objects[-1], unit, cwd=unit.parent)
            path = place / name
            run(COMPILER, *link, "-o", path, *objects, "-lm", cwd=place)
            yield f"{name}-{way}", truth.Pair(f"usr/lib/{name}", *_split(path))


def _tree(work: Path) -> tuple[list[Path], list[str]]:
    """The units of `tree`, whose source lies beside its packages that are built here."""
    debs(next(recipe for recipe in RECIPES if recipe.name == "tree"), folder())
    (description,) = (folder() / "tree").glob("*.dsc")
    work.mkdir(parents=True)
    subprocess.run(
        ["dpkg-source", "--no-check", "--extract", description, work / "tree"], check=True, capture_output=True
    )
    units = sorted((work / "tree").glob("*.c"))
    return [unit for unit in units if unit.name != "strverscmp.c"], ["-pie"]  # which is for systems without glibc


def _functions(work: Path) -> tuple[list[Path], list[str]]:
    """The small functions, dealt to units of one library."""
    work.mkdir(parents=True)
    head, lines = CORPUS.split("void a8(", 1)
    rows = f"void a8({lines}".splitlines(keepends=True)
    for number in range(_UNITS):
        (work / f"unit{number}.c").write_text(head + "".join(rows[number::_UNITS]))
    (work / "other.c").write_text(OTHER)
    return sorted(work.glob("*.c")), ["-shared", "-nostartfiles"]


def _split(path: Path) -> tuple[Path, Path]:
    """The object without and the file with its debug information, as dh_strip makes them."""
    stripped, debug = path.with_name(f"{path.name}.stripped"), path.with_name(f"{path.name}.debug")
    run("aarch64-linux-gnu-objcopy", "--only-keep-debug", path, debug, cwd=path.parent)
    run("aarch64-linux-gnu-objcopy", "--strip-all", path, stripped, cwd=path.parent)
    return stripped, debug
