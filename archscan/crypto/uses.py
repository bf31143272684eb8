"""What an object's imports say about the algorithms it uses.

Where a symbol of the catalogue stands for one algorithm, importing it is a use. Where the symbol comes from is told, in
this order, by the version record of the import, by the only NEEDED library that exports it, or by nobody
(``ambiguous``: the program that loads a plugin may resolve it). How sure the statement is follows from that:

``certain``
    the version record names the file, and that library is known to export the symbol.
``likely``
    no version record, and exactly one NEEDED library is known to export the symbol.
``possible``
    several NEEDED libraries export it, or none does and its name says what it is. A vague name (``encrypt``) that
    no NEEDED library is known for is no use at all: anybody may have written that function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.crypto.catalogue import Catalogue, Entry, Role, Symbol, Use, stem
from archscan.model import Confidence, CryptoUse, Import

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

AMBIGUOUS = "ambiguous"
_DIRECTIONS = {Role.SIGN: "generate", Role.VERIFY: "verify"}


def import_uses(catalogue: Catalogue, imports: Sequence[Import], needed: Sequence[str]) -> tuple[CryptoUse, ...]:
    """The uses that ``imports`` show, without repetition, sorted by symbol, library, algorithm and role.

    ``needed`` are the DT_NEEDED names in order. ``library`` of a use is the soname as the object writes it.
    """
    known = [one for one in imports if one.symbol in catalogue.index]
    if not known:
        return ()
    sonames = sonames_of(catalogue, needed)
    uses = {
        use_of(catalogue, symbol, use, library, confidence, use.algorithm)
        for one in known
        for symbol, library, confidence in attributed(catalogue, one, sonames)
        for use in symbol.uses
        if use.algorithm is not None and use.when is None
    }
    return tuple(sorted(uses, key=_order))


def sonames_of(catalogue: Catalogue, needed: Iterable[str]) -> dict[str, list[str]]:
    """The NEEDED names of each library of the catalogue, by its id."""
    found: dict[str, list[str]] = {}
    for soname in dict.fromkeys(needed):
        if library := catalogue.stems.get(stem(soname)):
            found.setdefault(library, []).append(soname)
    return found


def attributed(
    catalogue: Catalogue, one: Import, sonames: Mapping[str, Sequence[str]]
) -> list[tuple[Symbol, str, Confidence]]:
    """The symbols that ``one`` may be, with library and confidence."""
    entries: tuple[Entry, ...] = catalogue.index[one.symbol]
    if one.library is not None:
        library = catalogue.stems.get(stem(one.library))
        return [(entry.symbol, one.library, Confidence.CERTAIN) for entry in entries if entry.library == library]
    found = [(entry.symbol, soname) for entry in entries for soname in sonames.get(entry.library, ())]
    if len(found) == 1:
        return [(*found[0], Confidence.LIKELY)]
    candidates = [symbol for symbol, _ in found] or [entry.symbol for entry in entries if not entry.symbol.vague]
    return [(symbol, AMBIGUOUS, Confidence.POSSIBLE) for symbol in candidates]


def use_of(
    catalogue: Catalogue, symbol: Symbol, use: Use, library: str, confidence: Confidence, algorithm: str
) -> CryptoUse:
    """A use of an algorithm as an import shows it."""
    return CryptoUse(
        algorithm=algorithm,
        strength=catalogue.strengths[algorithm],
        role=use.role.value,
        direction=use.direction or _DIRECTIONS.get(use.role),
        library=library,
        symbol=symbol.name,
        evidence="import",
        confidence=confidence,
    )


def _order(use: CryptoUse) -> tuple[str, ...]:
    return (use.symbol or "", use.library or "", use.algorithm, use.role, use.confidence)
