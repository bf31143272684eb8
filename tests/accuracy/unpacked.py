"""Packages unpacked for the peers, which open no .deb."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec


class File(msgspec.Struct, frozen=True, order=True):
    """An ELF file of a package: its name and path in it are those of archscan's tables, ``place`` is where it lies."""

    package: str
    path: str
    place: str


def unpacked(debs: Sequence[Path], root: Path) -> list[File]:
    """The ELF files of packages, each unpacked in a folder of its own; what is there already stays.

    Members of static libraries are no files: the peers do not see them.
    """
    root.mkdir(parents=True, exist_ok=True)
    found = []
    for deb in debs:
        folder = root / deb.stem
        if not folder.exists():
            subprocess.run(["dpkg-deb", "--extract", deb, folder], check=True)
        files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path))
        found += [File(deb.name, str(path.relative_to(folder)), str(path)) for path in files]
    return sorted(found)


def _is_elf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except PermissionError:
        return False
