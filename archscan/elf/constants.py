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
    behind = 0  # headers may overlap thousands of times; no byte is searched twice, but for what joins two of them
    for start, end in sorted(places):
        if end > behind and image.data.find(text, max(start, behind - len(text)), end) >= 0:
            return True
        behind = max(behind, end)
    return False
