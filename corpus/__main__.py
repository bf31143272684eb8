"""``python -m corpus OUT [NAME…]``: builds the recipes into OUT and prints the packages, one a line."""

import sys
import tempfile
from pathlib import Path

from archscan.errors import ArchscanError, UsageError
from corpus.build import build_all, lacking
from corpus.catalogue import stubs_of
from corpus.recipes import ROOT, load, names


def _wanted(asked: list[str]) -> list[str]:
    """Those of ``asked`` (none: all) whose flags are for this machine and whose compiler is there."""
    known = names()
    for name in asked:
        if name not in known:
            raise UsageError(f"{name}: expected a recipe: {', '.join(known)}")
    wanted = []
    for name in asked or known:
        if lack := lacking(load(ROOT / name / "recipe.toml")):
            print(f"{name}: left out: {lack}", file=sys.stderr)
        else:
            wanted.append(name)
    return wanted


def _build_all(out: Path, asked: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        for built in build_all(_wanted(asked), out, Path(work), stubs_of(ROOT.parent / "rules")):
            print(built.deb)


def main(arguments: list[str]) -> int:
    """The exit code: 0 when everything was built, 1 when a recipe or command failed, 2 for wrong usage."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        _build_all(Path(arguments[0]), arguments[1:])
    except ArchscanError as error:
        print(f"corpus: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
