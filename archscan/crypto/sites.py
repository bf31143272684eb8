"""The calls of catalogued functions in an object, each with what it selects, and addresses of such functions."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.catalogue import Catalogue
from archscan.crypto.evidence import with_evidence
from archscan.crypto.linked_in import NOTHING, Linked
from archscan.crypto.selected import is_text
from archscan.crypto.uses import attributed, sonames_of, use_of
from archscan.elf.call_sites import Site, Sites
from archscan.model import CallSite, Confidence, CryptoUse, Outcome, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archscan.elf.image import Image
    from archscan.model import Import

from archscan.crypto.answer import NO_ALGORITHM, SELECTS_NOTHING
from archscan.crypto.answers import answer
from archscan.crypto.book import Book, holding
from archscan.crypto.key_sizes import key_size


def seen(
    catalogue: Catalogue,
    image: Image,
    sites: Sites,
    imports: Sequence[Import],
    needed: Sequence[str],
    linked: Linked = NOTHING,
) -> tuple[tuple[CallSite, ...], tuple[CryptoUse, ...]]:
    """The calls of catalogued functions with what they select, in the order of their addresses.

    And the uses that addresses of such functions show, which are kept or passed on: whoever calls them was not seen.
    """
    sonames = sonames_of(catalogue, needed)
    whose = dict(linked.whose)
    for one in imports:
        found = attributed(catalogue, one, sonames) if one.symbol in catalogue.index else []
        if found:
            whose[one.symbol] = found[0]
    known = [site for site in sites.sites if site.symbol in whose]
    by_function = {number: tuple(group) for number, group in groupby(sorted(known, key=_number), _number)}
    book = Book(catalogue, image, sites, {site.address: site for site in sites.sites}, by_function, whose)
    numbers = {f"{one.address:#x}": one.number for one in known}
    numbers |= {f"{one.address:#x}": one.number for one in sites.taken}
    return with_evidence(book, numbers, [_row(book, site) for site in known], tuple(_data_uses(book)))


def reading(catalogue: Catalogue, symbol: str) -> frozenset[int]:
    """The arguments by which a function is passed the name of an algorithm, which it only reads."""
    uses = (use for entry in catalogue.index.get(symbol, ()) for use in entry.symbol.uses)
    return frozenset(
        use.argument
        for use in uses
        if use.argument is not None and is_text(catalogue.selectors.get(use.selector or ""))
    )


def _data_uses(book: Book) -> Iterator[CryptoUse]:
    for one in book.sites.taken:
        if one.symbol not in book.whose:
            continue
        symbol, library, confidence = book.whose[one.symbol]
        for use in symbol.uses:
            if use.algorithm is not None and use.when is None and use.algorithm not in NO_ALGORITHM:
                found = use_of(book.catalogue, symbol, use, library, confidence, use.algorithm)
                place = {"function": _function(one.function), "address": f"{one.address:#x}"}
                yield msgspec.structs.replace(found, evidence="data", **place)


def _function(label: str | None) -> str | None:
    return escape(label.encode("ascii", "replace")) if label else None


def _number(site: Site) -> int:
    return site.number


def _surely(known: Confidence, outcome: Outcome, *, sure: bool) -> Confidence:
    """How sure it is that a call uses an algorithm, whose function is known with some confidence."""
    if not sure or outcome not in (Outcome.VALUE, Outcome.SET):
        return Confidence.POSSIBLE
    return Confidence.LIKELY if (known, outcome) == (Confidence.CERTAIN, Outcome.SET) else known


def _row(book: Book, site: Site) -> CallSite:
    symbol, library, confidence = book.whose[site.symbol]
    use, sure = holding(book, symbol, site)
    found = answer(book, site, use, library, 0, sure=sure) if use else SELECTS_NOTHING
    address = f"{site.address:#x}"
    function = _function(site.function)
    texts: dict[str, list[str]] = {}
    for algorithm, text in found.algorithms:
        texts.setdefault(algorithm, []).append(text)
    size = key_size(book, site, use) if use else None
    uses = tuple(
        msgspec.structs.replace(
            use_of(book.catalogue, symbol, use, library, _surely(confidence, found.outcome, sure=sure), algorithm),
            evidence="call",
            function=function,
            address=address,
            argument=", ".join(filter(None, (*written, size))) or None,
        )
        for algorithm, written in texts.items()
        if use and algorithm not in NO_ALGORITHM
    )
    values = ", ".join(dict.fromkeys(text for text in (*(text for _, text in found.algorithms), size) if text))
    return CallSite(address=address, function=function, library=library, symbol=site.symbol, outcome=found.outcome,
                    value=values or None, reason=found.reason, uses=uses)  # fmt: skip
