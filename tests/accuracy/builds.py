"""Packages that are built here to prove verdicts: what their compilers were told stands in debug symbols and logs."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tests.debug import truth
from tests.debug.source_packages import RECIPES, Recipe, debs

# Debian 12 asks for neither by itself; Debian 13 does.
_MORE = "-fstack-clash-protection -fcf-protection"
_PROBED = {"DEB_CFLAGS_APPEND": _MORE, "DEB_CXXFLAGS_APPEND": _MORE}
_BARE = {"DEB_CFLAGS_STRIP": "-fstack-protector-strong", "DEB_CXXFLAGS_STRIP": "-fstack-protector-strong"}
# Beside those that the tests of confirmations build: modules so small that nothing in them needs a canary.
PROVING = (
    *RECIPES,
    Recipe(name="tree-probed", source="tree", environment=_PROBED, why="C with large frames that are probed"),
    Recipe(name="lzip-probed", source="lzip", environment=_PROBED, why="C++ with large frames that are probed"),
    Recipe(name="dash-probed", source="dash", environment=_PROBED, why="landing pads; exports nothing"),
    Recipe(name="uchardet-probed", source="uchardet", environment=_PROBED, why="landing pads; a library that exports"),
    Recipe(name="tree-bare", source="tree", environment=_BARE, why="C without the stack protector"),
    Recipe(name="lzip-bare", source="lzip", environment=_BARE, why="C++ without the stack protector"),
    Recipe(name="libclass-c3-xs-perl", source="libclass-c3-xs-perl", why="a Perl module in C, without an array"),
    Recipe(name="libclone-perl", source="libclone-perl", why="another"),
    Recipe(name="libsub-identify-perl", source="libsub-identify-perl", why="another"),
    Recipe(name="libxs-object-magic-perl", source="libxs-object-magic-perl", why="another, of the benchmark"),
)

_COMPILES = re.compile(r"\b(?:gcc|g\+\+|cc|c\+\+)(?:-\d+)? .*-c\b|\b(?:gcc|g\+\+|cc|c\+\+)(?:-\d+)? .*\.(?:c|cc|cpp)\b")
_FORTIFIED = re.compile(r"-D_FORTIFY_SOURCE=[23]\b")


def built(root: Path, recipes: tuple[Recipe, ...] = PROVING) -> dict[str, list[Path]]:
    """The packages of the recipes that can be built here, by the recipe's name."""
    found = {}
    for recipe in recipes:
        try:
            found[recipe.name] = debs(recipe, root)
        except subprocess.CalledProcessError as error:
            print(f"{recipe.name} could not be built ({error}); see {root / recipe.name / 'log'}", file=sys.stderr)
    return found


@lru_cache(maxsize=64)
def compile_lines(log: Path) -> tuple[int, int]:
    """How many calls of a compiler a build log shows, and how many of them with -D_FORTIFY_SOURCE of 2 or 3."""
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if _COMPILES.search(line)]
    lines = [line for line in lines if "conftest" not in line and not line.startswith(("checking", "configure:"))]
    return len(lines), sum(bool(_FORTIFIED.search(line)) for line in lines)


def pairs(root: Path, work: Path, recipes: tuple[Recipe, ...] = PROVING) -> Iterator[tuple[Recipe, truth.Pair]]:
    """The objects of the built packages with their debug files."""
    by_name = {recipe.name: recipe for recipe in recipes}
    for name, files in built(root, recipes).items():
        for pair in truth.objects(files, work / name):
            yield by_name[name], pair
