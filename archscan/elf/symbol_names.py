"""Names of symbols looked for as bytes, in every table of an object at once.

A table of a browser has a million names; a search for a handful of them makes no value of any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.elf.image import DT_STRSZ, DT_STRTAB, SHT_SYMTAB, Image, file_offset, tag


def spelled(image: Image, pattern: re.Pattern[bytes]) -> frozenset[str]:
    """The names that a pattern matches, defined or not; it begins with the NUL before a name and matches ASCII only."""
    return frozenset(
        match.group().strip(b"\0").decode("ascii", "replace")
        for start, end in _tables(image)
        for match in pattern.finditer(image.data, start, end)
    )


def _tables(image: Image) -> Iterator[tuple[int, int]]:
    """Where in the file the names of symbols stand: those that the loader uses, and those of the linker."""
    address, size = tag(image, DT_STRTAB), tag(image, DT_STRSZ)
    offset = None if address is None else file_offset(image, address)
    if offset is not None and size is not None:
        yield offset, offset + size
    for section in image.sections:
        if section.type == SHT_SYMTAB and section.link < len(image.sections):
            names = image.sections[section.link]
            yield names.offset, names.offset + names.size
