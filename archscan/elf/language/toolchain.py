"""The compilers of an object, as components: what they say of themselves, where stripping left it."""

from __future__ import annotations

import re

from archscan.elf.language import rust
from archscan.elf.language.look import Language, Look, constants, part, spans
from archscan.model import Component, escape

_COMMENT_BYTES = 1 << 16
_VERSION = rb"(\d{1,9}(?:\.\d{1,9}){1,3}[\w.+~-]{0,64})"
_COMMENTS = (
    ("rustc", re.compile(rb"rustc version " + _VERSION)),
    ("ghc", re.compile(rb"GHC " + _VERSION)),
    ("ldc", re.compile(rb"ldc version " + _VERSION)),
    ("clang", re.compile(rb"clang version " + _VERSION)),
    ("gcc", re.compile(rb"GCC: \([^\0]{0,256}\) " + _VERSION)),
)
_NEEDED = (("ghc", re.compile(r"^libHS.*-ghc(\d[\d.]*\d)\.so")), ("gnat", re.compile(r"^libgnat-(\d+)")))
_FPC = re.compile(rb"FPC (\d{1,9}\.\d{1,9}\.\d{1,9}[\w.+~-]{0,64}) \[")
_GHC = re.compile(rb"\0(\d{1,2}\.\d{1,2}\.\d{1,9}(?:\.\d{1,9})?)\0")
_GHC_RANGE = 256  # bytes around the words that GHC's run-time system describes itself with


def toolchain(look: Look, language: Language) -> tuple[Component, ...]:
    """The compilers that made an object of the language, as far as it says; Go's version stands in its build info."""
    found = dict(_commented(look))
    for name, row in _by_language(look, language):
        found.setdefault(name, row)
    return tuple(found.values())


def _commented(look: Look) -> list[tuple[str, Component]]:
    """What compilers wrote into `.comment`; Debian removes it from what it ships."""
    text = part(look, ".comment")[:_COMMENT_BYTES]
    rows = []
    for name, pattern in _COMMENTS if text else ():
        match = pattern.search(text)
        if match:
            rows.append((name, Component("toolchain", name, escape(match[1]), "comment")))
    return rows


def _by_language(look: Look, language: Language) -> list[tuple[str, Component]]:
    rows: list[tuple[str, Component]] = []
    for name, pattern in _NEEDED:
        match = next(filter(None, map(pattern.match, (*look.needed, look.soname))), None)
        if match:
            rows.append((name, Component("toolchain", name, escape(match[1]), "needed")))
    if language is Language.RUST:
        made = rust.compiler(look)
        rows += [("rustc", made)] if made else []
    elif language is Language.PASCAL:
        rows += _signed(look)
    elif language is Language.HASKELL:
        rows += _described(look)
    return rows


def _signed(look: Look) -> list[tuple[str, Component]]:
    """The version that Free Pascal signs programs with."""
    for start, end in spans(look.image, writable=True):
        match = _FPC.search(look.image.data, start, end)
        if match:
            return [("fpc", Component("toolchain", "fpc", escape(match[1]), "signature"))]
    return []


def _described(look: Look) -> list[tuple[str, Component]]:
    """The version that GHC's run-time system prints of itself; it stands beside the words for it."""
    for start, end in constants(look):
        at = look.image.data.find(b"GHC version", start, end)
        if at >= 0:
            match = _GHC.search(look.image.data, max(at - _GHC_RANGE, start), min(at + _GHC_RANGE, end))
            if match:
                return [("ghc", Component("toolchain", "ghc", escape(match[1]), "runtime-strings"))]
    return []
