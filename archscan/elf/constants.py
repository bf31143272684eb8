"""Texts among the constants of an object: what is mapped and never written."""

from __future__ import annotations

from archscan.elf.image import PF_W, SHF_ALLOC, SHF_WRITE, SHT_NOBITS, Image, loads


def holds(image: Image, text: bytes) -> bool:
    """Whether a text stands among the object's constants."""
    if image.sections:
        places = [
            (one.offset, one.offset + one.size)
            for one in image.sections
            if one.flags & (SHF_ALLOC | SHF_WRITE) == SHF_ALLOC and one.type != SHT_NOBITS
        ]
    else:
        places = [(one.offset, one.offset + one.file_size) for one in loads(image) if not one.flags & PF_W]
    return any(image.data.find(text, start, end) >= 0 for start, end in places)
