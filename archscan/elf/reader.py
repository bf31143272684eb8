"""An ``Image`` from bytes: the headers held against the size, then LIEF, then pyelftools for what LIEF refuses."""

from __future__ import annotations

import msgspec

from archscan.elf.classify import only_debug
from archscan.elf.headers import Layout, checked
from archscan.elf.image import Image
from archscan.errors import ElfError


def read(data: bytes) -> Image:
    """The object. Raises ElfError where the file is cut off or damaged, or neither library can read it."""
    image = _image(data, checked(data))
    # What its segments describe stands in the file it was split off from; here is something else at the same offsets.
    return msgspec.structs.replace(image, dynamic=(), tags={}) if image.dynamic and only_debug(image) else image


def _image(data: bytes, layout: Layout) -> Image:
    try:
        from archscan.elf import lief_reader

        return lief_reader.read(data, layout)
    except (ElfError, ValueError, TypeError, OverflowError):  # nanobind's complaints about values out of range
        from archscan.elf import pyelftools_reader

        return pyelftools_reader.read(data, layout)
