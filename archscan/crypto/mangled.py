"""Names of C++ functions where a pointer has 32 bits: types that are `unsigned long` elsewhere have other letters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# What stands in a name for itself: a part that was named before, a constructor or destructor, or the length of an
# identifier, which follows.
_LENGTH_OR_PART = re.compile(r"S[0-9A-Z]*_|S[a-z]|T[0-9]*_|[CD][0-5]|([0-9]+)")
# `size_t` is `unsigned int`, `uint64_t` is `unsigned long long`; and those with a sign
# (Itanium C++ ABI, <builtin-type>: https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangle.builtin-type).
_SIZES, _LONGS = str.maketrans("ml", "ji"), str.maketrans("ml", "yx")


def narrower(name: str) -> tuple[str, ...]:
    """What a function may be called on 32-bit processors that has this ``name`` on 64-bit ones; empty if the same.

    Only with all sizes, or with all numbers of 64 bits: no library of the catalogue has a function with both.
    """
    if not name.startswith("_Z"):
        return ()
    found = ("".join(part if own else part.translate(letters) for part, own in _parts(name[2:]))
             for letters in (_SIZES, _LONGS))  # fmt: skip
    return tuple(f"_Z{one}" for one in found if f"_Z{one}" != name)


def _parts(name: str) -> Iterator[tuple[str, bool]]:
    """The parts of a mangled name in order, and whether each stands for itself."""
    at = 0
    while match := _LENGTH_OR_PART.search(name, at):
        yield name[at : match.start()], False
        end = match.end() + int(match[1] or 0)
        yield name[match.start() : end], True
        at = end
    yield name[at:], False
