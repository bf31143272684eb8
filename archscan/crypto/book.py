"""What is known of an object's calls (`Book`), and which use of a function holds at one (`holding`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.catalogue import Catalogue, Symbol, Use
from archscan.elf.call_sites import Site, Sites
from archscan.elf.texts import is_constant
from archscan.elf.values.domain import (
    Atom,
    Field,
    Filled,
    Kept,
    Memory,
    Number,
    Parameter,
    Result,
    Value,
)
from archscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from archscan.elf.image import Image

_HANDLES = Result | Filled | Parameter | Field | Memory  # what stands for something that another call made


class Book(msgspec.Struct, frozen=True):
    """What is known of an object's calls: the catalogue, the sites in two orders, and whose the symbols are."""

    catalogue: Catalogue
    image: Image
    sites: Sites
    by_address: Mapping[int, Site]
    by_function: Mapping[int, Sequence[Site]]  # of catalogued functions only
    whose: Mapping[str, tuple[Symbol, str, Confidence]]


def holding(book: Book, symbol: Symbol, site: Site) -> tuple[Use | None, bool]:
    """The first use that holds at a call, or may, and whether that is sure; None where none does."""
    for use in symbol.uses:
        held = holds(book, use, site)
        if held is not False:
            return use, held is True
    return None, True


def holds(book: Book, use: Use, site: Site) -> bool | None:
    """Whether the other argument is as the use wants it; None where nobody knows."""
    when = use.when
    if when is None:
        return True
    arguments = site.arguments
    if arguments is None or when.argument >= len(arguments):
        return None
    values = book.sites.followed(site, arguments[when.argument])
    if when.given:
        return _is_given(book, values)
    numbers = [one.value if isinstance(one, Number) else None for one in values]
    if when.words or None in numbers:
        return None
    said = {
        bool(number & when.bits) if when.bits else number in when.numbers for number in numbers if number is not None
    }
    return said.pop() if len(said) == 1 else None


def _is_given(book: Book, values: Value) -> bool | None:
    """Whether a pointer is something else than NULL; None where it may be, as what is passed or looked up by a name."""
    said = {_is_pointer(book, one) for one in values}
    return said.pop() if len(said) == 1 else None


def _is_pointer(book: Book, one: Atom) -> bool | None:
    if isinstance(one, Number):
        return one.value != 0
    called = book.sites.called(one.call) if isinstance(one, Result) else None
    known = book.whose.get(called) if called else None
    return True if known and known[0].returns and known[0].uses[0].algorithm else None


def count(book: Book, site: Site, argument: int) -> int:
    """How many numbers a list has, by an argument; -1 where nobody knows."""
    given = site.arguments[argument] if site.arguments and argument < len(site.arguments) else frozenset()
    counts = book.sites.followed(site, given) if given else given
    (one,) = counts if len(counts) == 1 else (None,)
    return one.value if isinstance(one, Number) else -1


def handle_of(site: Site) -> Value:
    """What a call gets first, if that is something that another call made or that was passed or kept."""
    first = site.arguments[0] if site.arguments else frozenset()
    return frozenset(one for one in first if isinstance(one, _HANDLES))


def written(book: Book, site: Site, one: Atom) -> Value:
    """Who puts a text together at an address, where that is in memory that may be written; or the address itself."""
    if not isinstance(one, Number) or not one.value or is_constant(book.image, one.value):
        return frozenset({one})
    first = book.sites.followed(site, frozenset({Memory(one.value, 1)}))
    return frozenset(by for by in first if isinstance(by, Kept)) or frozenset({one})
