"""What the tables of ciphers show, and what tells them from others that share their digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.constants.known import TABLES
from archscan.crypto.constants.places import address_at, loaded
from archscan.elf.arrays import np
from archscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from archscan.crypto.constants.reach import Reach
    from archscan.elf.image import Image

_BOXES, _P, _LAST_WORDS = 4096, 72, 16  # bytes of Blowfish's boxes, of its P array, of the words that are looked for
_BCRYPT = ("bcrypt", "bcrypt_words", "bcrypt_pbkdf")


class Shown(msgspec.Struct, frozen=True):
    """An algorithm that is shown: where it begins in the file, and which functions hold or read it, by number."""

    algorithm: str
    role: str
    confidence: Confidence
    text: str
    start: int
    functions: list[int]
    evidence: str


def shown(
    image: Image, reach: Reach, found: dict[str, list[int]], *, bcrypt: bool, ciphers: Callable[[], bool]
) -> Iterator[Shown]:
    """What the tables of an object show; ``found`` are their offsets.

    ``bcrypt``: instructions hold the text that it encrypts. ``ciphers``: whether others call Blowfish in it by its
    name, so that it serves not only bcrypt.
    """
    tables = {name: loaded(image, np.array(places, np.int64)).tolist() for name, places in found.items()}
    tables = {name: places for name, places in tables.items() if places}
    yield from _blowfish(reach, tables, bcrypt=bcrypt, ciphers=ciphers)
    yield from _cast(reach, tables)
    yield from _des(reach, tables)
    for name in ("md2", "rc2", "seed", "info_md5", "info_sha1"):
        for start in tables.get(name, ()):
            yield _one(reach, name, start)


def _one(reach: Reach, name: str, start: int, text: str = "", size: int = 0) -> Shown:
    """A table at an offset, read by the functions that take an address in it."""
    table = TABLES[name]
    section, address = address_at(reach.image, start)
    readers = reach.readers(address, address + (size or table.size)) if section is None else []
    return Shown(table.algorithm, table.role, Confidence.CERTAIN, text or table.text, start, readers, "constant")


def _blowfish(
    reach: Reach, tables: dict[str, list[int]], *, bcrypt: bool, ciphers: Callable[[], bool]
) -> Iterator[Shown]:
    """Blowfish, or bcrypt where the text that it encrypts is there, too.

    The P array lies before the boxes, behind them, or elsewhere.
    """
    magic = bcrypt or any(name in tables for name in _BCRYPT)
    for end in tables.get("blowfish_s", ()):
        start = end + _LAST_WORDS - _BOXES
        near = [at for at in tables.get("blowfish_p", ()) if start - _P <= at <= end + 2 * _LAST_WORDS]
        text, size = ("P array and S boxes", _BOXES + _P) if near else ("S boxes", _BOXES)
        one = _one(reach, "blowfish_s", min([start, *near]), text, size)
        if magic:
            text = one.text + " of Blowfish, text of bcrypt"
            yield msgspec.structs.replace(one, algorithm="bcrypt", role="password", text=text)
        if not magic or ciphers():
            yield one


def _cast(reach: Reach, tables: dict[str, list[int]]) -> Iterator[Shown]:
    """CAST5, whose keys need four more boxes than those that it shares with CAST-256."""
    for start in tables.get("cast_s5", ()) if "cast_s1" in tables else ():
        yield _one(reach, "cast_s5", start, text="S1 and S5")
    for start in tables.get("cast_s1", ()) if "cast_s5" not in tables else ():
        yield _one(reach, "cast_s1", start, text="S1 without S5")


def _des(reach: Reach, tables: dict[str, list[int]]) -> Iterator[Shown]:
    """DES once for each form of its S boxes, or by its permutation; the DES of crypt(3) alone where that is there."""
    names = [name for name in TABLES if name.startswith("des_") and name in tables]
    boxes = [name for name in names if not name.startswith("des_pc1")]
    permutation = ", PC1" if len(names) > len(boxes) else ""
    for name in boxes or names[:1]:
        yield _one(reach, name, tables[name][0], text=TABLES[name].text + (permutation if boxes else ""))
