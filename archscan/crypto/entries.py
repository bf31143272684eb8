"""The values of the catalogue: what an algorithm is, what a library exports, and how an argument chooses."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from archscan.model import Strength


class Role(StrEnum):
    """What an algorithm is used for; the words of the column ``crypto_use.role``."""

    HASH = "hash"
    HMAC = "hmac"
    CIPHER = "cipher"
    SIGN = "sign"
    VERIFY = "verify"
    KDF = "kdf"
    PASSWORD = "password"  # noqa: S105 - a word of the vocabulary
    TLS = "tls"
    CERTIFICATE_FINGERPRINT = "certificate-fingerprint"
    CHECKSUM = "checksum"
    PRNG = "prng"
    LOOKUP = "lookup"
    PROVIDER = "provider"
    ANY = "any"


class Algorithm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One algorithm, protocol version or password scheme, judged by itself. A row of the table ``algorithm``."""

    name: str
    family: str
    strength: Strength
    note: str | None = None


class Kind(StrEnum):
    """How the value of an argument stands for an algorithm.

    ``number``: it equals one of several. ``bits``: each that is set adds an algorithm. ``word``: a string, in any
    case. ``prefix``: the longest one that a string begins with. ``tokens``: parts of a string, the longest first.
    """

    NUMBER = "number"
    BITS = "bits"
    WORD = "word"
    PREFIX = "prefix"
    TOKENS = "tokens"


class Value(msgspec.Struct, frozen=True):
    """One value: the number, or what stands in the string, and what the header calls the number."""

    algorithm: str
    number: int | None
    text: str


class Selector(msgspec.Struct, frozen=True, kw_only=True):
    """The values by which callers name algorithms, and where that is written."""

    name: str
    kind: Kind
    source: str
    values: tuple[Value, ...]


class When(msgspec.Struct, frozen=True, kw_only=True):
    """What another argument must be: one of the numbers, one of the words, to have all of the bits, or not NULL."""

    argument: int
    numbers: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    bits: int = 0
    given: bool = False


class Text(StrEnum):
    """How a string is passed."""

    POINTER = "pointer"
    STD_STRING = "std::string"
    QSTRING = "QString"


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a function, or an object, uses an algorithm.

    ``algorithm`` is fixed, or None where the ``argument`` (counted from 0 in the order of the source, the hidden place
    of a result included) says which: by the values of a ``selector`` (``selectors`` by soname, where these differ), or
    by pointing to what is of the type ``points`` and comes from another symbol. It holds ``when`` another argument is
    as told. ``also``: more arguments, each of which selects by itself. ``list``: the argument points to a list of
    numbers of 32 bits, as many as the argument ``count`` says, or up to a 0. ``size``: the argument that is the size of
    a key in bits.
    """

    role: Role
    algorithm: str | None = None
    argument: int | None = None
    also: tuple[int, ...] = ()
    list: bool = False
    count: int | None = None
    selector: str | None = None
    selectors: tuple[tuple[str, str], ...] = ()
    points: str | None = None
    text: Text = Text.POINTER
    direction: str | None = None
    when: When | None = None
    size: int | None = None
    note: str | None = None


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """One exported symbol, and how it uses algorithms.

    ``version`` is the version node (None: unversioned), ``data`` tells objects from functions, ``returns`` names the
    type by which the algorithm travels on, ``hidden`` says that the caller passes the place of the result before all
    arguments, ``only_in`` the sonames that have it (empty: all). A ``vague`` name says nothing of its algorithm
    (``encrypt``), so it counts only where the library is known.
    """

    name: str
    version: str | None
    data: bool
    returns: str | None
    hidden: bool
    only_in: tuple[str, ...]
    vague: bool
    uses: tuple[Use, ...]


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Objects that offer algorithms by trade, and why they do.

    By their path keys (``*`` stands for anything), by the language whose run-time system lies in them, or both; only
    some ``algorithms`` where these are listed.
    """

    reason: str
    path: str = "*"
    language: str | None = None
    algorithms: tuple[str, ...] = ()


class Copies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What implementations inside objects mean.

    ``named`` are regular expressions for exported functions, by algorithm: who exports one offers it. ``go`` and
    ``rust`` are the algorithms of packages and crates, ``go_functions`` of functions that say more than their package.
    """

    provider: tuple[Provider, ...] = ()
    named: dict[str, str] = {}
    go: dict[str, str] = {}
    go_functions: dict[str, str] = {}
    rust: dict[str, str] = {}


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """One library, or a program whose plugins call back into it (``binary``, then there is no soname).

    ``node`` is the version node of most of its symbols, as in the first of ``sonames``; ``symbols`` is sorted by name.
    ``prefixes`` are beginnings of names that nobody gives to functions of their own.
    """

    id: str
    sonames: tuple[str, ...]
    binary: str | None
    node: str | None
    note: str | None
    symbols: tuple[Symbol, ...]
    prefixes: tuple[str, ...] = ()
