"""Copies inside: implementations of weak algorithms that are compiled into an object, told by their constants.

`constant_uses` is the way in. ``search`` finds constants, ``places`` says in which functions and tables they stand,
``verdicts`` what they show together, ``reach`` who comes there, ``carriers`` whose trade it is to offer such
functions. RC4 and IDEA have no constants; they are not guessed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.constants import search
from archscan.crypto.constants.carriers import Trade
from archscan.crypto.constants.hardware import instructions
from archscan.crypto.constants.places import Place, address_at, loaded, places
from archscan.crypto.constants.reach import Reach
from archscan.crypto.constants.tables import Shown, shown
from archscan.crypto.constants.verdicts import has_text_of_bcrypt, of_object, of_place
from archscan.elf.arrays import np
from archscan.elf.image import ET_CORE
from archscan.model import Confidence, CryptoUse, ElfKind

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from archscan.crypto.catalogue import Catalogue
    from archscan.elf.image import Image
    from archscan.model import Elf

__all__ = ["constant_uses", "prepare"]

prepare = search.prepare
_MOST = 16  # uses of one algorithm in an object; OpenSSL has four implementations of SHA-1
_OF_SHA1 = ("K0", "K1", "K2", "K3", "IV4")  # code that leaves the rounds to instructions has its initial values
_ROLES = {"half-md4": "checksum"}


def constant_uses(catalogue: Catalogue, image: Image, facts: Elf) -> tuple[CryptoUse, ...]:
    """The implementations in an object, in the order of their places; those of providers have that role.

    ``context_evidence`` says who calls the function that holds them, whether it is exported, and whether it is unused.
    Algorithms that the catalogue does not know are left out.
    """
    if facts.kind in (ElfKind.DEBUG, ElfKind.CORE) or image.type == ET_CORE:
        return ()
    found = search.found(image)
    if found is None:
        return ()
    reach = Reach(image)
    trade = Trade(catalogue, image, facts)
    uses = []
    counts: dict[str, int] = {}
    for one in sorted(_all(image, reach, trade, found), key=lambda one: one.start):
        counts[one.algorithm] = counts.get(one.algorithm, 0) + 1
        if one.algorithm in catalogue.strengths and counts[one.algorithm] <= _MOST:
            uses.append(_use(catalogue, reach, one, provides=trade.offers(one.algorithm)))
    return tuple(uses)


def _all(image: Image, reach: Reach, trade: Trade, found: search.Found) -> Iterator[Shown]:
    """Everything that constants and instructions show."""
    inside = np.isin(found.offsets, loaded(image, found.offsets))
    names = [name for name, kept in zip(found.names, inside.tolist(), strict=True) if kept]
    known = places(reach.text, reach.view, found.offsets[inside], names)
    copied = any(has_text_of_bcrypt(place.counts) for place in known)
    hashes = list(_hashes(known, reach))
    detects = loaded(image, np.array(found.tables.get("sha1dc", []), np.int64)).size > 0
    for one in hashes:
        also = ", with collision detection" if detects and one.algorithm == "sha1" else ""
        yield msgspec.structs.replace(one, text=one.text + also)
    yield from shown(image, reach, found.tables, bcrypt=copied, ciphers=partial(trade.names, "blowfish"))
    if any(name in place.counts for place in known for name in _OF_SHA1):
        yield from instructions(image, reach)


def _hashes(known: list[Place], reach: Reach) -> Iterator[Shown]:
    """The hash functions that words show, each where they stand."""
    everywhere = sum((place.counts for place in known), start=_none())
    said = set()
    for place in known:
        for verdict in of_place(place.counts, everywhere):
            said.add(verdict.algorithm)
            yield _shown(place, verdict.algorithm, verdict.confidence, verdict.text, reach)
    for verdict in of_object(everywhere):
        if verdict.algorithm not in said:
            most = max(known, key=lambda place: len(place.counts))
            yield _shown(most, verdict.algorithm, verdict.confidence, verdict.text, reach)


def _shown(place: Place, algorithm: str, confidence: Confidence, text: str, reach: Reach) -> Shown:
    numbers = [place.number] if place.number >= 0 else []
    if not place.in_code:
        section, low = address_at(reach.image, place.start)
        numbers = reach.readers(low, low + place.end - place.start + 4) if section is None else []
    role = _ROLES.get(algorithm, "hash")
    return Shown(algorithm, role, confidence, text, place.start, numbers, "constant")


def _none() -> Counter[str]:
    from collections import Counter

    return Counter()


def _use(catalogue: Catalogue, reach: Reach, one: Shown, *, provides: bool) -> CryptoUse:
    section, address = address_at(reach.image, one.start)
    evidence = reach.evidence(one.functions)
    return CryptoUse(
        algorithm=one.algorithm,
        strength=catalogue.strengths[one.algorithm],
        role="provider" if provides else one.role,
        evidence=one.evidence,
        confidence=one.confidence,
        function=reach.label(one.functions[0]) if one.functions else None,
        address=hex(address) if section is None else f"{section}+{address:#x}",
        argument=one.text,
        context_evidence=msgspec.json.encode(evidence).decode(),
    )
