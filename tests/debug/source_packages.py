"""Real source packages, built here with their debug packages: ground truth for verdicts.

``python -m tests.debug.source_packages [FOLDER]`` builds them all. They are kept in ``$ARCHSCAN_BUILDS``, or in
a folder of the temporary directory, and built once; a build that failed leaves a log and no package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

_STRIP_STACK = {"DEB_CFLAGS_STRIP": "-fstack-protector-strong", "DEB_CXXFLAGS_STRIP": "-fstack-protector-strong"}


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """A source package and how it is built here. ``environment`` is what makes this build another than Debian's."""

    name: str
    source: str
    environment: dict[str, str] = {}
    why: str


RECIPES = (
    Recipe(name="hello", source="hello", why="autotools and debhelper"),
    Recipe(name="hello-bare", source="hello", environment=_STRIP_STACK, why="a hit: no unit has the stack protector"),
    Recipe(name="hello-plain", source="hello", environment={"DEB_CPPFLAGS_STRIP": "-D_FORTIFY_SOURCE=2"},
           why="a hit: no unit is fortified"),
    Recipe(name="dash", source="dash", why="its own rules, programs that run while it is built"),
    Recipe(name="tree", source="tree", why="a Makefile written by hand"),
    Recipe(name="lzip", source="lzip", why="C++"),
    Recipe(name="uchardet", source="uchardet", why="C++ and CMake, several objects: dwz shares strings"),
    Recipe(name="libffi", source="libffi", why="assembler files"),
    Recipe(name="hello-lto", source="hello", environment={"DEB_BUILD_MAINT_OPTIONS": "optimize=+lto"},
           why="link-time optimisation"),
)  # fmt: skip
# Its objects share what dwz moved to a third file, which readers of DWARF look for below /usr/lib/debug.
CALLING = Recipe(name="stunnel4", source="stunnel4", why="calls of a crypto library")


def folder() -> Path:
    """Where the builds are kept."""
    return Path(os.environ.get("ARCHSCAN_BUILDS") or Path(tempfile.gettempdir()) / "archscan-builds")


def debs(recipe: Recipe, root: Path) -> list[Path]:
    """The packages of a recipe, built if they are not there yet. Raises CalledProcessError with a log beside it."""
    out = root / recipe.name
    if not (out / "done").exists():
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        _build(recipe, root, out)
        (out / "done").touch()
    return sorted(out.glob("*.deb"))


def _build(recipe: Recipe, root: Path, out: Path) -> None:
    environment = {**os.environ, **recipe.environment, "DEB_BUILD_OPTIONS": "nocheck", "LC_ALL": "C.UTF-8"}
    with (out / "log").open("wb") as log:

        def run(*command: str, cwd: Path) -> None:
            subprocess.run(command, cwd=cwd, env=environment, stdout=log, stderr=log, check=True)

        run("apt-get", *_options(root), "--only-source", "source", recipe.source, cwd=out)
        tree = next(path for path in out.iterdir() if path.is_dir())
        if subprocess.run(["dpkg-checkbuilddeps"], cwd=tree, capture_output=True, check=False).returncode:
            description = next(out.glob("*.dsc"))
            wanted = ("build-dep", "--yes", "--no-install-recommends", f"./{description.name}")
            run("apt-get", "-o", "DPkg::Lock::Timeout=300", *wanted, cwd=out)
        run("nice", "dpkg-buildpackage", "-b", "-us", "-uc", "-rfakeroot", cwd=tree)
        shutil.rmtree(tree)


def _options(root: Path) -> list[str]:
    """apt-get options that know the sources of the machine's own archives, without a change of the machine."""
    lists, sources = root / "apt" / "lists", root / "apt" / "sources.list"
    options = ["-o", f"Dir::Etc::SourceList={sources}", "-o", "Dir::Etc::SourceParts=/dev/null",
               "-o", f"Dir::State::Lists={lists}", "-o", "APT::Sandbox::User=root"]  # fmt: skip
    if not sources.exists():
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        form = "deb-src $(SITE) $(RELEASE) $(COMPONENT)"
        command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Component: main"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        sources.write_text("".join(sorted(set(found.splitlines(keepends=True)))))
        subprocess.run(["apt-get", *options, "--quiet=2", "update"], check=True)
    return options


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else folder()
    for one in (*RECIPES, CALLING):
        try:
            print(one.name, *(path.name for path in debs(one, place)), sep="\n    ", flush=True)
        except subprocess.CalledProcessError as error:
            print(one.name, f"failed: {error}; see {place / one.name / 'log'}", sep="\n    ", flush=True)
