"""Objects whose trade it is to offer an algorithm: libraries of the catalogue, and what the data lists beside them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from archscan.crypto.catalogue import stem
from archscan.elf.symbols import exports, symbols
from archscan.model import ElfKind

if TYPE_CHECKING:
    from archscan.crypto.catalogue import Catalogue
    from archscan.elf.image import Image
    from archscan.model import Elf

_LIBRARIES = frozenset(
    {ElfKind.SHARED_LIBRARY, ElfKind.RUNNABLE_LIBRARY, ElfKind.PLUGIN, ElfKind.RELOCATABLE, ElfKind.KERNEL_MODULE}
)
_ARCHIVE_MEMBER = re.compile(r"([^/]+)\.a\(")


def is_provider(catalogue: Catalogue, image: Image, facts: Elf, algorithm: str) -> bool:
    """Whether an object offers an algorithm to others rather than using it."""
    archive = _ARCHIVE_MEMBER.search(facts.path)
    own = stem(facts.soname) if facts.soname else archive[1] if archive else ""
    if own in catalogue.stems:
        return True
    if any(fnmatchcase("/" + facts.path_key, one.path) for one in catalogue.copies.provider):
        return True
    pattern = catalogue.copies.named.get(algorithm)
    if pattern is None or facts.kind not in _LIBRARIES:
        return False
    wanted = re.compile(pattern)
    return any(wanted.search(row.symbol) for row in exports(image, symbols(image)))
