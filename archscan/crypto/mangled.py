"""Names of C++ functions where a pointer has 32 bits: types that are `unsigned long` elsewhere have other letters."""

from __future__ import annotations

import re

# What stands in the types of parameters for something that was named before.
_PART = re.compile(r"(S[0-9A-Z]*_|S[a-z]|T[0-9]*_)")
# `size_t` is `unsigned int`, `uint64_t` is `unsigned long long`; and those with a sign
# (Itanium C++ ABI, <builtin-type>: https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangle.builtin-type).
_SIZES, _LONGS = str.maketrans("ml", "ji"), str.maketrans("ml", "yx")


def narrower(name: str) -> tuple[str, ...]:
    """What a function may be called on 32-bit processors that has this ``name`` on 64-bit ones; empty if the same.

    Only with all sizes, or with all numbers of 64 bits, and only behind the last name that is written in full: no
    function of the catalogue needs more.
    """
    end = name.rfind("E") + 1
    types = name[end:]
    if ("m" not in types and "l" not in types) or not name.startswith("_Z") or not end:
        return ()
    parts = _PART.split(types)
    found = (
        "".join(part if number % 2 else part.translate(letters) for number, part in enumerate(parts))
        for letters in (_SIZES, _LONGS)
    )
    return tuple(name[:end] + one for one in found if one != types)
