"""The constants by which implementations are told: words of hash functions, and the beginnings of ciphers' tables.

From the specifications: RFC 1319 (MD2), 1320 (MD4), 1321 (MD5), FIPS 180-4 (SHA-1), Dobbertin, Bosselaers and Preneel
(RIPEMD), FIPS 46-3 (DES), RFC 2268 (RC2), Schneier (Blowfish), RFC 2144 and 2612 (CAST), RFC 4269 (SEED), RFC 8017
(DigestInfo). The forms of DES's tables are those in which libraries lay them out.
"""

from __future__ import annotations

import math
import struct

import msgspec

MASK = 0xFFFF_FFFF

T = {f"T{number}": int(abs(math.sin(number)) * 2**32) for number in range(1, 65)}
K = {"K0": 0x5A827999, "K1": 0x6ED9EBA1, "K2": 0x8F1BBCDC, "K3": 0xCA62C1D6}
R = {"R0": 0xA953FD4E, "R1": 0x50A28BE6, "R2": 0x5C4DD124, "R3": 0x6D703EF3, "R4": 0x7A6D76E9}
IV = {"IV0": 0x67452301, "IV1": 0xEFCDAB89, "IV2": 0x98BADCFE, "IV3": 0x10325476, "IV4": 0xC3D2E1F0}
# Of the directory hashes of ext2, which are told from MD4 by what stands beside its half (e2fsprogs, dirhash.c).
HALF_MD4 = {"H0": 0x12A3FE2D, "H1": 0x37ABE8F9}

# What tells bcrypt from Blowfish: the text that it encrypts, and that of its form for keys, as bytes or words in data,
# or copied to the stack by instructions; of bytes the first 16, as gcc copies so many at once and the rest as a number.
_COPIED_AT_ONCE = 16
_MAGIC, _MAGIC_OF_KEYS = b"OrpheanBeholderScryDoubt", b"OxychromaticBlowfishSwatDynamite"
# Of the words those that are parts of no others.
_RARE_WORDS, _RARE_WORDS_OF_KEYS = (b"Orph", b"eanB", b"cryD"), (b"Oxyc", b"Swat")
BCRYPT = {f"B{at}": int.from_bytes(text, "big") for at, text in enumerate(_RARE_WORDS)}
BCRYPT_COPIED = {f"C{at}": int.from_bytes(text, "little") for at, text in enumerate(_RARE_WORDS)}
BCRYPT_KEYS_COPIED = {f"D{at}": int.from_bytes(text, "little") for at, text in enumerate(_RARE_WORDS_OF_KEYS)}

WORDS = T | K | R | IV | HALF_MD4 | BCRYPT | BCRYPT_COPIED | BCRYPT_KEYS_COPIED
# Compilers may subtract the negated number instead; of initial values, which are stored, none is.
SUBTRACTED = {f"-{name}": -word & MASK for name, word in (T | K | R).items()}

# Words without which none of the hash functions is made: if none of these is there, no other is looked for.
RARE = ("T1", "T2", "T64", "K0", "K1", "K2", "K3", "R0", "IV0")
RARE_SUBTRACTED = tuple(f"-{name}" for name in RARE if name != "IV0")


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table by its first bytes or words: whose it is, and what it is called.

    ``size`` are the bytes of what belongs together, from there on. One that is only ``seen`` serves to tell others
    apart.
    """

    algorithm: str
    role: str
    text: str
    octets: bytes = b""
    words: tuple[int, ...] = ()
    size: int = 256
    seen: bool = False


def _table(algorithm: str, role: str, text: str, numbers: str, **more: int) -> Table:
    """A table of words of 32 bits, or of bytes where the numbers are short."""
    parts = numbers.split()
    if all(len(part) == 2 for part in parts):
        return Table(algorithm=algorithm, role=role, text=text, octets=bytes.fromhex(numbers), **more)  # type: ignore[arg-type]
    return Table(algorithm=algorithm, role=role, text=text, words=tuple(int(part, 16) for part in parts), **more)  # type: ignore[arg-type]


_PC1 = "39 31 29 21 19 11 09 01 3a 32 2a 22 1a 12 0a 02"
TABLES = {
    "md2": _table("md2", "hash", "S table", "29 2e 43 c9 a2 d8 7c 01 3d 36 54 a1 ec f0 06 13"),
    "rc2": _table("rc2", "cipher", "PITABLE", "d9 78 f9 c4 19 dd b5 ed 28 e9 fd 79 4a a0 d8 9d"),
    "des_sp": _table("des", "cipher", "SP table", "01010400 00000000 00010000 01010404", size=2048),
    "des_libdes": _table("des", "cipher", "SPtrans table", "02080800 00080000 02000002 02080802", size=2048),
    "des_shifted": _table("des", "cipher", "SP table, rotated", "00808200 00000000 00008000 00808202", size=2048),
    "des_nettle": _table("des", "cipher", "SP table of nettle", "02080008 02082000 00002008 00000000", size=2048),
    "des_freesec": _table("crypt-des", "password", "m_sbox of FreeSec",
                          "ef e3 e1 ed e8 e4 ee e7 e6 ef eb e2 e3 e8 e4 ee", size=16384),
    # Four boxes side by side in words of 64 bits, all of which are read whatever is chosen; in either order of halves.
    "des_selected": _table("des", "cipher", "S boxes for a choice in constant time",
                           "83008500 f6009700 7b002e00 0e00eb00", size=512),
    "des_selected_big": _table("des", "cipher", "S boxes for a choice in constant time",
                               "f6009700 83008500 0e00eb00 7b002e00", size=512),
    "des_s1": _table("des", "cipher", "S1 as bytes", "0e 04 0d 01 02 0f 0b 08 03 0a 06 0c 05 09 00 07", size=512),
    "des_s1_words": _table("des", "cipher", "S1 as words", "0000000e 00000004 0000000d 00000001 00000002 0000000f",
                           size=2048),
    "des_pc1": _table("des", "cipher", "PC1", "38 30 28 20 18 10 08 00 39 31 29 21 19 11 09 01", size=56),
    "des_pc1_from_1": _table("des", "cipher", "PC1", _PC1, size=64),
    "blowfish_p": _table("blowfish", "cipher", "P array", "243f6a88 85a308d3 13198a2e 03707344", size=72),
    # The last words of the last box: BLAKE and HAVAL begin with the same digits of pi, but do not get there.
    "blowfish_s": _table("blowfish", "cipher", "S boxes", "b74e6132 ce77e25b 578fdfe3 3ac372e6", size=16),
    "cast_s1": _table("cast-256", "cipher", "S1", "30fb40d4 9fa0ff0b 6beccd2f 3f258c7a", size=4096),
    "cast_s5": _table("cast5", "cipher", "S5", "7ec90c04 2c6e74b9 9b0e66df a6337911", size=4096),
    "seed": _table("seed", "cipher", "SS0", "2989a1a8 05858184 16c6d2d4 13c3d3d0", size=4096),
    "info_md5": _table("md5", "sign", "DigestInfo of PKCS #1", "30 20 30 0c 06 08 2a 86 48 86 f7 0d 02 05 05 00 04 10",
                       size=18),
    "info_sha1": _table("sha1", "sign", "DigestInfo of PKCS #1", "30 21 30 09 06 05 2b 0e 03 02 1a 05 00 04 14",
                        size=15),
}  # fmt: skip

TOLD_APART = {
    "bcrypt": Table(algorithm="bcrypt", role="password", text="", octets=_MAGIC[:_COPIED_AT_ONCE], seen=True),
    "bcrypt_words": Table(algorithm="bcrypt", role="password", text="", words=struct.unpack(">6I", _MAGIC), seen=True),
    "bcrypt_pbkdf": Table(algorithm="bcrypt", role="password", text="", octets=_MAGIC_OF_KEYS[:_COPIED_AT_ONCE],
                          seen=True),
    "sha1dc": _table("sha1", "hash", "", "9800000c d8000010 08000010 b8000010", seen=True),
}  # fmt: skip
