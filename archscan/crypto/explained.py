"""What the catalogue says of one call: which of its arguments matter, and what their values are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.crypto.catalogue import Catalogue, Use
from archscan.crypto.entries import Selector
from archscan.crypto.selected import by_number, by_text, is_text
from archscan.elf.texts import string_at
from archscan.elf.values.domain import Along, Element, Memory, Number, Text, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from archscan.elf.image import Image

_SMALL = 1 << 12  # larger numbers are addresses, and told as such
_MOST = 12  # values that are told of one place


def arguments_of(catalogue: Catalogue, symbol: str, role: str | None, algorithm: str | None) -> tuple[int, ...]:
    """The arguments by which a function is told what to use, the selecting one first; none where its name says it.

    Of several uses that of the ``role``, and of those one that can be of the ``algorithm``. Where no argument selects,
    it is the handle, which another call has made.
    """
    uses = [use for entry in catalogue.index.get(symbol, ()) for use in entry.symbol.uses]
    if not uses:
        return ()
    use = max(uses, key=lambda one: _fit(catalogue, one, role, algorithm))
    found = [] if use.algorithm is not None else [0 if use.argument is None else use.argument]
    if use.when is not None:
        found.append(use.when.argument)
    return tuple(dict.fromkeys(found))


def _fit(catalogue: Catalogue, use: Use, role: str | None, algorithm: str | None) -> int:
    selector = catalogue.selectors.get(use.selector or "")
    names = selector is not None and any(value.algorithm == algorithm for value in selector.values)
    return 2 * (use.role.value == role) + 4 * (use.algorithm == algorithm or names) + (use.algorithm is None)


def selecting(catalogue: Catalogue, symbol: str) -> int | None:
    """The argument by which a function is told its algorithm; -1 where its name says it, None where nothing does."""
    uses = [use for entry in catalogue.index.get(symbol, ()) for use in entry.symbol.uses]
    if uses and all(use.algorithm is not None for use in uses):
        return -1
    found = [use.argument for use in uses if use.algorithm is None and (use.selector or use.points)]
    return found[0] if found else None


def told(catalogue: Catalogue, image: Image, slots: Mapping[int, str], symbol: str | None, value: Value) -> str:
    """A value in words: numbers with what the header calls them, texts, addresses of symbols, entries of tables.

    ``symbol`` is the function that it is passed to; None where it may be another value by then. Empty where nothing of
    it can be told.
    """
    selectors = _selectors(catalogue, symbol) if symbol else ()
    parts = list(dict.fromkeys(_parts(image, slots, selectors, value)))
    return ", ".join(parts[:_MOST]) + (", …" if len(parts) > _MOST else "")


def _selectors(catalogue: Catalogue, symbol: str) -> tuple[Selector, ...]:
    uses = [use for entry in catalogue.index.get(symbol, ()) for use in entry.symbol.uses]
    return tuple(catalogue.selectors[use.selector] for use in uses if use.selector)


def _parts(image: Image, slots: Mapping[int, str], selectors: tuple[Selector, ...], value: Value) -> Iterator[str]:
    for one in sorted(value, key=repr):
        if isinstance(one, Number):
            yield _number(image, selectors, one.value)
        elif isinstance(one, Text):
            yield f'"{one.text.decode("ascii", "replace")}"'
        elif isinstance(one, Memory):
            yield f"&{slots[one.address]}" if one.address in slots else f"what stands at {one.address:#x}"
        elif isinstance(one, Element | Along):
            table = one.at if isinstance(one, Element) else one
            yield f"an entry of the table at {table.start:#x}" if table.start >= _SMALL else "a number that varies"


def _number(image: Image, selectors: tuple[Selector, ...], number: int) -> str:
    """A number as the source writes it, as far as that is known."""
    text = string_at(image, number) if _SMALL <= number < 1 << 62 else None
    if text:
        return f'"{text}"' + _named([one.algorithm for s in selectors if is_text(s) for one in by_text(s, text) or ()])
    written = str(number) if 0 <= number < 10 else f"{number:#x}"  # as the disassembler writes it
    if number == 0 and any(map(is_text, selectors)):
        return "NULL"
    numeric = [one for one in selectors if not is_text(one)]
    names = [one.text for selector in numeric for one in by_number(selector, number) or ()][:1]
    return written + _named(names or ([str(number)] if 10 <= number < _SMALL else []))


def _named(names: list[str]) -> str:
    return f" ({', '.join(dict.fromkeys(names))})" if names else ""
