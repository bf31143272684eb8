"""Which algorithms a value selects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.crypto.entries import Kind, Selector, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

_MASK = 0xFFFF_FFFF  # enumerations have 32 bits, whatever their sign


def is_text(selector: Selector | None) -> bool:
    """Whether a selector's values are strings."""
    return selector is not None and selector.kind not in (Kind.NUMBER, Kind.BITS)


def by_number(selector: Selector, number: int) -> Sequence[Value] | None:
    """The values of a selector that a number means; None where it is none of them."""
    if selector.kind == Kind.BITS:
        return [one for one in selector.values if one.number and one.number & number & _MASK == one.number & _MASK]
    found = [one for one in selector.values if one.number is not None and one.number & _MASK == number & _MASK]
    return found[:1] or None


def by_text(selector: Selector, text: str) -> Sequence[Value] | None:
    """The same for a string."""
    if selector.kind == Kind.WORD:
        return [one for one in selector.values if one.text == text.lower()][:1] or None
    longest = sorted(selector.values, key=lambda one: -len(one.text))
    if selector.kind == Kind.PREFIX:
        # What begins with nothing in particular is still something.
        return [one for one in longest if text.startswith(one.text) and text][:1] or None
    return _tokens(longest, text)


def _tokens(longest: Sequence[Value], text: str) -> Sequence[Value]:
    """What stands in a list and is not taken away there; of overlapping ones the longest.

    A sign before an element of the list takes all of it away (ciphers(1), gnutls_priority_init(3)).
    """
    found = []
    for element in re.split(r"[:, ]+", text):
        left, taken = element, element[:1] in ("!", "-")
        for one in longest:
            at = left.find(one.text)
            if at >= 0:
                if not taken and one not in found:
                    found.append(one)
                left = left[:at] + " " * len(one.text) + left[at + len(one.text) :]
    return found
