"""Objects whose trade it is to offer an algorithm: libraries of the catalogue, and what the data lists beside them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from archscan.crypto.catalogue import Role, stem
from archscan.elf.symbols import exports, symbols
from archscan.model import ElfKind

if TYPE_CHECKING:
    from archscan.crypto.catalogue import Catalogue
    from archscan.crypto.entries import Provider
    from archscan.elf.image import Image
    from archscan.model import Elf

_LIBRARIES = frozenset(
    {ElfKind.SHARED_LIBRARY, ElfKind.RUNNABLE_LIBRARY, ElfKind.PLUGIN, ElfKind.RELOCATABLE, ElfKind.KERNEL_MODULE}
)
_ARCHIVE_MEMBER = re.compile(r"([^/]+)\.a\(")


class Trade:
    """What an object offers to others."""

    def __init__(self, catalogue: Catalogue, image: Image, facts: Elf) -> None:
        self._catalogue, self._image, self._facts = catalogue, image, facts

    def offers(self, algorithm: str) -> bool:
        """Whether the object offers an algorithm to others rather than using it."""
        listed = any(self._is(one, algorithm) for one in self._catalogue.copies.provider)
        return listed or algorithm in self._catalogued or self.names(algorithm)

    def _is(self, one: Provider, algorithm: str) -> bool:
        return (
            fnmatchcase("/" + self._facts.path_key, one.path)
            and one.language in (None, self._facts.language)
            and (not one.algorithms or algorithm in one.algorithms)
        )

    def names(self, algorithm: str) -> bool:
        """Whether a function that a library exports is named for an algorithm; programs offer nothing by names."""
        pattern = self._catalogue.copies.named.get(algorithm) if self._facts.kind in _LIBRARIES else None
        return pattern is not None and re.search(pattern, self._exported) is not None

    @cached_property
    def _catalogued(self) -> frozenset[str]:
        """The algorithms that the object offers as a library of the catalogue."""
        archive = _ARCHIVE_MEMBER.search(self._facts.path)
        own = stem(self._facts.soname) if self._facts.soname else archive[1] if archive else ""
        library = self._catalogue.stems.get(own)
        uses = [
            use
            for one in self._catalogue.libraries
            if one.id == library
            for symbol in one.symbols
            for use in symbol.uses
            if use.role != Role.TLS  # what a connection may agree on is computed by others
        ]
        selected = {name for use in uses for name in (use.selector, *(other for _, other in use.selectors)) if name}
        known = self._catalogue.selectors
        chosen = {value.algorithm for name in selected if name in known for value in known[name].values}
        return frozenset({use.algorithm for use in uses if use.algorithm} | chosen)

    @cached_property
    def _exported(self) -> str:
        """The names that the object exports, one a line; methods of a plugin's classes are exported by habit."""
        names = (row.symbol for row in exports(self._image, symbols(self._image)))
        by_habit = "_Z" if self._facts.kind == ElfKind.PLUGIN else "\n"
        return "\n".join(name for name in names if not name.startswith(by_habit))
