"""Where the data is: in a wheel under the package, in a checkout in its top-level folders."""

from __future__ import annotations

from pathlib import Path

import archscan
from archscan.errors import ArchscanError


def data_directory(name: str) -> Path:
    """The folder ``rules`` or ``reports``. Raises ArchscanError where the installation lacks it."""
    package = Path(archscan.__file__).parent
    for place in (package / "_data" / name, package.parent / name):
        if place.is_dir():
            return place
    raise ArchscanError(f"the data folder {name!r} is missing: archscan is not installed whole")


def rule_directories(own: tuple[Path, ...]) -> tuple[Path, ...]:
    """Our folder of rules and catalogue, then the user's."""
    return (data_directory("rules"), *own)
