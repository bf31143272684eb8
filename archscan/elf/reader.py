"""An ``Image`` from bytes: the headers held against the size, then LIEF, then pyelftools for what LIEF refuses."""

from __future__ import annotations

from archscan.elf.headers import checked
from archscan.elf.image import Image
from archscan.errors import ElfError


def read(data: bytes) -> Image:
    """The object. Raises ElfError where the file is cut off or damaged, or neither library can read it."""
    layout = checked(data)
    try:
        from archscan.elf import lief_reader

        return lief_reader.read(data, layout)
    except (ElfError, ValueError, TypeError, OverflowError):  # nanobind's complaints about values out of range
        from archscan.elf import pyelftools_reader

        return pyelftools_reader.read(data, layout)
