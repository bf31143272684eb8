"""``python -m corpus OUT [NAME…]``: builds the recipes into OUT and prints the packages, one a line."""

import sys
import tempfile
from pathlib import Path

from archscan.errors import ArchscanError, UsageError
from corpus.build import build, fits
from corpus.catalogue import stubs_of
from corpus.recipes import ROOT, load, names
from corpus.target import target


def _wanted(asked: list[str]) -> tuple[str, ...]:
    known = names()
    for name in asked:
        if name not in known:
            raise UsageError(f"{name}: expected a recipe: {', '.join(known)}")
    return tuple(asked) or known


def _build_all(out: Path, asked: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    known = stubs_of(ROOT.parent / "rules")
    for name in _wanted(asked):
        recipe = load(ROOT / name / "recipe.toml")
        if fits(recipe, target(recipe.build.compiler)):
            with tempfile.TemporaryDirectory() as work:
                print(build(name, out, Path(work), known).deb)
        else:
            print(f"{name}: for {', '.join(recipe.build.architectures)} only", file=sys.stderr)


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
