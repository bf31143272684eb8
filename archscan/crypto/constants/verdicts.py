"""What the constants of a place say, by rules whose thresholds were measured.

Every hash function of the family shares some of its constants with the others, so what is *not* there counts as much.
Carriers of MD5 have 60 and more of its 64 words in one place, everything else at most 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.constants.known import BCRYPT, BCRYPT_COPIED, BCRYPT_KEYS_COPIED, HALF_MD4, IV, K, R, T
from archscan.model import Confidence

if TYPE_CHECKING:
    from collections import Counter

_MOST_OF_T = 48
_IV_OF_MD4 = 3
_RIPEMD128 = ("K0", "K1", "K2", "R1", "R2", "R3")


class Verdict(msgspec.Struct, frozen=True):
    """An algorithm that constants show, how sure that is, and what was found."""

    algorithm: str
    confidence: Confidence
    text: str


def of_place(counts: Counter[str], everywhere: Counter[str]) -> list[Verdict]:
    """The hash functions of a place; ``everywhere`` are the words of the whole object."""
    found = []
    words = sum(name in counts for name in T)
    if words >= _MOST_OF_T:
        found.append(Verdict("md5", Confidence.CERTAIN, f"{words} of 64 T words"))
    if _all(counts, *K):
        found.append(Verdict("sha1", Confidence.CERTAIN, "K0 K1 K2 K3" + _with_iv(everywhere, "IV4")))
    elif _all(counts, "K0", "K1", "K2") and _all(everywhere, "IV0", "IV4") and everywhere.keys().isdisjoint(R):
        # Where numbers are costly, compilers add the difference of two of them, or invert one (gcc -Os for ARM).
        found.append(Verdict("sha1", Confidence.LIKELY, "K0 K1 K2, IV, and nothing of RIPEMD"))
    if _all(counts, "K0", "K1", "K2", "R0", "R1") or (_all(counts, *R) and not counts.keys().isdisjoint(K)):
        found.append(Verdict("ripemd160", Confidence.CERTAIN, _ripemd(counts)))
    elif _all(counts, *_RIPEMD128) and "R0" not in counts and "R4" not in counts:
        found.append(Verdict("ripemd128", Confidence.CERTAIN, _ripemd(counts)))
    return found or _md4(counts, everywhere)


def of_object(everywhere: Counter[str]) -> list[Verdict]:
    """What the words of all places together show, where compilers have spread them."""
    found = []
    words = sum(name in everywhere for name in T)
    if words >= _MOST_OF_T:
        found.append(Verdict("md5", Confidence.LIKELY, f"{words} of 64 T words, in several places"))
    if _all(everywhere, *K):
        confidence = Confidence.LIKELY if "IV4" in everywhere else Confidence.POSSIBLE
        found.append(Verdict("sha1", confidence, "K0 K1 K2 K3, in several places" + _with_iv(everywhere, "IV4")))
    if _all(everywhere, "K0", "K1", "K2", *R):
        found.append(Verdict("ripemd160", Confidence.LIKELY, _ripemd(everywhere) + ", in several places"))
    return found


def has_text_of_bcrypt(counts: Counter[str]) -> bool:
    """Whether instructions put together the text that bcrypt encrypts."""
    return any(_all(counts, *text) for text in (BCRYPT, BCRYPT_COPIED, BCRYPT_KEYS_COPIED))


def _md4(counts: Counter[str], everywhere: Counter[str]) -> list[Verdict]:
    """MD4 has two constants, which others have, too: nothing else may stand there, and its initial values must be."""
    values = sum(name in everywhere for name in IV if name != "IV4")
    if not _all(counts, "K0", "K1") or any(name in counts for name in ("K2", "K3", *R)) or values < _IV_OF_MD4:
        return []
    if _all(everywhere, *HALF_MD4):
        return [Verdict("half-md4", Confidence.LIKELY, "K0 K1, and the other directory hashes of ext2")]
    # A function that is alone with its constants, or one in which each of 16 steps has its own.
    sure = min(counts["K0"], counts["K1"]) >= 8
    return [Verdict("md4", Confidence.CERTAIN if sure else Confidence.LIKELY, f"K0 K1, {values} of 4 IV words")]


def _ripemd(counts: Counter[str]) -> str:
    return " ".join(name for name in ("K0", "K1", "K2") if name in counts) + ", " + _hex(counts)


def _hex(counts: Counter[str]) -> str:
    return " ".join(f"{word:08x}" for name, word in R.items() if name in counts)


def _with_iv(everywhere: Counter[str], name: str) -> str:
    return ", IV" if name in everywhere else ""


def _all(counts: Counter[str], *names: str) -> bool:
    return all(name in counts for name in names)
