"""Uses of algorithms that a configuration chooses: the words of configurations, and what they mean.

The algorithms are those of ``rules/algorithms.toml``; a test holds the strengths here against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from archscan.files.forms.text import cut
from archscan.model import Confidence, CryptoUse, Strength

MOST = 1_000  # uses of one file
WEAK = frozenset(
    """
    md2 md4 md5 md5-sha1 sha1 ripemd160 mdc2 des 3des rc4 rc2 blowfish cast5 idea ssl2 ssl3 tls1.0 tls1.1 dtls1.0
    export weak-dh anon null crypt-des crypt-md5 s2k-simple s2k-salted
    """.split()
)
OK = frozenset(
    """
    sha224 sha256 sha384 sha512 aes chacha20 camellia twofish rsa dsa ecdsa ed25519 crypt-sha256 crypt-sha512 bcrypt
    yescrypt tls1.2 tls1.3 dtls1.2
    """.split()
)
# Names of digests in OpenSSL, GnuPG and elsewhere, in lower case and without what separates.
_DIGESTS = {
    "md2": "md2", "md4": "md4", "md5": "md5", "md5sha1": "md5-sha1", "mdc2": "mdc2", "sha": "sha1", "sha1": "sha1",
    "dss1": "sha1", "rmd160": "ripemd160", "ripemd160": "ripemd160", "ripemd": "ripemd160", "sha224": "sha224",
    "sha256": "sha256", "sha384": "sha384", "sha512": "sha512", "sha2224": "sha224", "sha2256": "sha256",
    "sha2384": "sha384", "sha2512": "sha512",
}  # fmt: skip


def digest(word: str) -> str | None:
    """The algorithm that a name of a digest means, such as ``SHA-1`` or ``ripemd160``; None where it is none known."""
    return _DIGESTS.get(re.sub(r"[-_/]", "", word.strip().lower()[:20]))


def use(algorithm: str, role: str, *, library: str, symbol: str, argument: str, line: int) -> CryptoUse:
    """The use of an algorithm that ``symbol``, a directive of a file for ``library``, chooses by ``argument``."""
    return CryptoUse(
        algorithm=algorithm,
        strength=Strength.WEAK if algorithm in WEAK else Strength.OK,
        role=role,
        library=library,
        symbol=cut(symbol),
        evidence="config",
        confidence=Confidence.CERTAIN,
        line=line,
        argument=cut(argument, 500),
    )


def once(uses: Iterable[CryptoUse]) -> tuple[CryptoUse, ...]:
    """The uses, each algorithm of a role once for each line and directive, at most 1,000."""
    found: dict[tuple[object, ...], CryptoUse] = {}
    for one in uses:
        found.setdefault((one.line, one.symbol, one.algorithm, one.role), one)
    return tuple(found.values())[:MOST]


# Words of cipher strings, openssl-ciphers(1): each turns something on that stands alone, and is part of some names.
_CIPHER_WORDS = (
    (re.compile(r"(?:^|[-+])(?:RC4|ARCFOUR)(?:$|[-+])"), "rc4", "cipher"),
    (re.compile(r"(?:^|[-+])(?:3DES|DES-CBC3)(?:$|[-+])"), "3des", "cipher"),
    (re.compile(r"(?:^|[-+])(?:DES(?!-CBC3)|DES-CBC|LOW)(?:$|[-+])"), "des", "cipher"),
    (re.compile(r"(?:^|[-+])RC2(?:$|[-+])"), "rc2", "cipher"),
    (re.compile(r"(?:^|[-+])IDEA(?:$|[-+])"), "idea", "cipher"),
    (re.compile(r"(?:^|[-+])(?:eNULL|NULL|COMPLEMENTOFALL)(?:$|[-+])"), "null", "cipher"),
    (re.compile(r"(?:^|[-+])(?:aNULL|ADH|AECDH|aDH|aECDH)(?:$|[-+])"), "anon", "tls"),
    (re.compile(r"(?:^|[-+])(?:EXP|EXPORT\d*)(?:$|[-+])"), "export", "cipher"),
    (re.compile(r"(?:^|[-+])MD5(?:$|[-+])"), "md5", "hmac"),
)


def cipher_string(text: str) -> Iterator[tuple[str, str, str]]:
    """The weak algorithms that a cipher string of OpenSSL turns on: each with its role and the word that says so.

    What begins with ``!`` or ``-`` takes away, with ``+`` only moves what is there; what is killed by ``!`` stays away.
    """
    words = [word for word in re.split(r"[:, ]+", text.strip("\"'")[:4096]) if word]
    killed = {word[1:] for word in words if word.startswith("!")}
    for word in words:
        if word[0] in "!-+@" or word in killed or set(re.split(r"[-+]", word)) & killed:
            continue
        for pattern, algorithm, role in _CIPHER_WORDS:
            if pattern.search(word):
                yield algorithm, role, word
