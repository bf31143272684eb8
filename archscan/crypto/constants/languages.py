"""Implementations in Go and Rust, by what those tools leave: Go's table of functions, and crates with their symbols.

Go's linker leaves out functions that nothing can call, so a name in the table of a program, which strip keeps, is a
function that may run. The list of a Rust program's crates says what it was built with, symbols which code is inside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from archscan.elf.language import Language
from archscan.elf.language.go_functions import GoFunctions, address_of_name, go_functions
from archscan.elf.symbol_names import spelled
from archscan.model import Confidence, CryptoUse, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from archscan.crypto.catalogue import Catalogue
    from archscan.elf.image import Image
    from archscan.model import Elf

_LONGEST_NAME = 1024
_MOST = 10_000  # names of one package that are looked at
# What runs when a program starts is there whether or not anybody asks for the algorithm.
_INIT = re.compile(rb"\.(?:\.?init|map\.init)")
_ROLES = {"md2": "hash", "md4": "hash", "md5": "hash", "sha1": "hash", "ripemd160": "hash", "bcrypt": "password"}


class _Shown(msgspec.Struct, frozen=True):
    """An algorithm, and what shows it: a package or crate, one of its functions, and a sentence."""

    algorithm: str
    package: str
    function: str | None
    address: int | None
    text: str
    confidence: Confidence


def language_uses(catalogue: Catalogue, image: Image, facts: Elf) -> tuple[CryptoUse, ...]:
    """What a program's table of functions or its crates show: a use for each algorithm and package, sorted."""
    shown: Iterator[_Shown] = iter(())
    if facts.language == Language.GO:
        table = go_functions(image)
        shown = _go(catalogue, table) if table else shown
    elif any(row.ecosystem == "cargo" for row in facts.components) or facts.language == Language.RUST:
        shown = _rust(catalogue, image, facts)
    known = (one for one in shown if one.algorithm in catalogue.strengths)
    return tuple(_use(catalogue, one) for one in sorted(known, key=lambda one: (one.algorithm, one.package, one.text)))


def _go(catalogue: Catalogue, table: GoFunctions) -> Iterator[_Shown]:
    """The packages of Go that have functions in the table."""
    for package, algorithm in catalogue.copies.go.items():
        places = list(_named(table.names, package.encode() + b"."))
        if places:
            # What is inlined everywhere has a name and no place.
            first = next((one for one in places if address_of_name(table, one) is not None), places[0])
            name = _name(table.names, first)
            text = f"{len(places)} functions of {package}" if len(places) > 1 else f"a function of {package}"
            yield _Shown(algorithm, package, name, address_of_name(table, first), text, Confidence.CERTAIN)
    for function, algorithm in catalogue.copies.go_functions.items():
        for place in _named(table.names, function.encode() + b"\0"):
            name, package = _name(table.names, place), function.rpartition(".")[0]
            yield _Shown(algorithm, package, name, address_of_name(table, place), function, Confidence.CERTAIN)
            break


def _named(names: bytes, wanted: bytes) -> Iterator[int]:
    """Where names begin that are a package's, perhaps of a copy in another one (`vendor/`), and not its `init`."""
    at = -1
    for _ in range(_MOST):
        at = names.find(wanted, at + 1)
        if at < 0:
            return
        start = names.rfind(b"\0", max(at - _LONGEST_NAME, 0), at) + 1
        copied = names[start:at].endswith(b"vendor/")
        if (start == at or copied) and not _INIT.match(names, at + len(wanted) - 1):
            yield start


def _name(names: bytes, place: int) -> str:
    return escape(names[place : place + _LONGEST_NAME].partition(b"\0")[0])


def _rust(catalogue: Catalogue, image: Image, facts: Elf) -> Iterator[_Shown]:
    """The crates that are listed, or named by paths, and those with symbols."""
    crates: Mapping[str, str] = catalogue.copies.rust
    for row in facts.components:
        if row.ecosystem == "cargo" and row.name in crates and row.evidence != "dep-v0-build":
            text = f"crate {row.name} {row.version or ''}".rstrip() + f" ({row.evidence})"
            yield _Shown(crates[row.name], row.name, None, None, text, Confidence.LIKELY)
    libraries = {name.replace("-", ""): algorithm for name, algorithm in crates.items()}
    for name, algorithm in sorted(libraries.items()):
        symbols = sorted(spelled(image, _symbols(name)))
        if symbols:
            text = (
                f"{len(symbols)} symbols of the crate {name}" if len(symbols) > 1 else f"a symbol of the crate {name}"
            )
            yield _Shown(algorithm, name, escape(symbols[0].encode()), None, text, Confidence.CERTAIN)


def _symbols(crate: str) -> re.Pattern[bytes]:
    """Names of a crate's functions in the older and the present form (rustc book, "Symbol Mangling")."""
    name = f"{len(crate)}{crate}".encode()
    older, present = rb"_ZN" + name + rb"\d", rb"_R[^\0]{0,256}?C(?:s[0-9A-Za-z]{0,16}_)?" + name
    return re.compile(rb"\0(?:" + older + rb"|" + present + rb")[^\0]{0,1024}")


def _use(catalogue: Catalogue, one: _Shown) -> CryptoUse:
    return CryptoUse(
        algorithm=one.algorithm,
        strength=catalogue.strengths[one.algorithm],
        role=_ROLES.get(one.algorithm, "cipher"),
        library=escape(one.package.encode()),
        evidence="language",
        confidence=one.confidence,
        function=one.function,
        address=None if one.address is None else hex(one.address),
        argument=one.text,
    )
