"""The catalogue held against what a library exports: what is missing, and what it does not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.catalogue import Catalogue, exports, stem
from archscan.crypto.mangled import narrower

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archscan.crypto.catalogue import Library
    from archscan.model import Export

# Words of names, as programmers join them: by underscores, by a capital letter, or not at all.
_WEAK = re.compile(
    r"(?:^|_|[a-z])(?:MD[245]|Md[245]|md[245]|SHA1|Sha1|sha1|RIPEMD|ripemd|RMD160|rmd160|DES(?![A-Z])|Des|RC[24]|Rc[24]"
    r"|rc[24]|ARC4|arc4|ARCFOUR|arcfour|BLOWFISH|Blowfish|blowfish|CAST5|cast5|CAST128|cast128|IDEA(?![A-Z]))(?![a-z0-9])"
    r"|(?:^|_)(?:3des|des3?)(?![a-z0-9])"
)


class Difference(msgspec.Struct, frozen=True):
    """One symbol of which catalogue and library say different things; ``what``: missing, version or unknown."""

    library: str
    soname: str
    what: str
    symbol: str
    expected: str | None
    found: str | None


def library_of(catalogue: Catalogue, soname: str | None, path: str) -> Library | None:
    """The library of the catalogue that an object with a soname, or a program at a path, is."""
    owner = catalogue.stems.get(stem(soname)) if soname else None
    return next((one for one in catalogue.libraries if one.id == owner or (one.binary and one.binary == path)), None)


def differences(library: Library, soname: str, exported: Sequence[Export]) -> Iterator[Difference]:
    """What the catalogue names and the object does not export, or under another version; then what looks weak.

    ``soname`` is the object's own; of one that the catalogue does not list, only what all of its sonames have must be
    there.
    """
    nodes: dict[str, set[str | None]] = {}
    for row in exported:
        nodes.setdefault(row.symbol, set()).add(row.version)
    for symbol in exports(library, soname):
        names = (symbol.name, *narrower(symbol.name))
        found = next((nodes[name] for name in names if name in nodes), None)
        if found is None:
            yield Difference(library.id, soname, "missing", symbol.name, symbol.version, None)
        elif symbol.version not in found and soname == next(iter(library.sonames), soname):
            have = ", ".join(sorted(node or "" for node in found))
            yield Difference(library.id, soname, "version", symbol.name, symbol.version, have)
    named = {name for symbol in library.symbols for name in (symbol.name, *narrower(symbol.name))}
    for name in sorted(nodes.keys() - named):
        if _WEAK.search(name):
            yield Difference(library.id, soname, "unknown", name, None, next(iter(nodes[name])))
