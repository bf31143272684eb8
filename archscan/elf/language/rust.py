"""What Rust's tools leave: the crates of a program, and the compiler that made it.

`cargo auditable` writes `.dep-v0`: JSON with every crate, compressed by zlib (cargo-auditable,
PARSING.md). Without it, the messages of panics name the source files that they come from, and so the crates.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

import msgspec

from archscan.elf.language.look import COMPONENTS, Found, Language, Look, constants, holds, part
from archscan.model import Component, escape

_JSON_BYTES, _NAME = 8 << 20, 256  # a list of 500 crates has about 50 KB
_SEARCHED = 64 << 20  # bytes of constants that paths are looked for in
_LIBRARY = (b"library/std/src/", b"library/core/src/", b"library/alloc/src/")
_LIBRARY_TEXT = "holds paths of the sources of Rust's own library"
_REGISTRY = b"/usr/share/cargo/registry/"
_COMPILER = re.compile(rb"/rustc/([0-9a-f]{40})/")
_PACKAGED = re.compile(rb"/usr/src/rustc-(\d+\.\d+\.\d+[\w.~+-]{0,64})/")
_CRATE = rb"([A-Za-z]\w{0,63}(?:-\w{1,63}){0,9}?)"
_VERSION = rb"-(\d{1,9}\.\d{1,9}\.\d{1,9}[\w.+-]{0,64})"
_COPIED = _CRATE + rb"(?:" + _VERSION + rb")?/src/[\w/-]{1,128}\.rs"
# Each begins with what bytes.find finds fast; a regular expression that begins otherwise looks at every byte.
_CRATES = (
    (b"registry/src/", re.compile(rb"registry/src/[^/\0]{1,128}/" + _CRATE + _VERSION + rb"/")),
    (b"/cargo/registry/", re.compile(rb"/cargo/registry/" + _CRATE + _VERSION + rb"/")),  # Debian's packages of crates
    (b"/cargo_registry/", re.compile(rb"/cargo_registry/" + _CRATE + _VERSION + rb"/")),  # debcargo's in a build
    (b"/rust/deps/", re.compile(rb"/rust/deps/" + _CRATE + _VERSION + rb"/")),
    (b"git/checkouts/", re.compile(rb"git/checkouts/" + _CRATE + rb"-[0-9a-f]{16}/([0-9a-f]{7,40})/")),
    # `cargo vendor` adds versions where it must, or is asked to; Chromium adds what is compatible, `-v1`, `-v0_22`.
    (b"/vendor/", re.compile(rb"/vendor/(?<!chromium_crates_io/vendor/)" + _COPIED)),
    (b"_crates_io/vendor/", re.compile(rb"_crates_io/vendor/" + _CRATE + rb"-v\d{1,9}(?:_\d{1,9}){0,2}/src/()")),
    (b"/third_party/rust/", re.compile(rb"/third_party/rust/" + _COPIED)),  # Mozilla
)


class _Package(msgspec.Struct):
    """A crate in `.dep-v0`. ``kind`` is ``build`` for what ran at build time only."""

    name: str
    version: str
    kind: str = "runtime"


class _Packages(msgspec.Struct):
    packages: list[_Package]


_DECODER = msgspec.json.Decoder(_Packages)


def shows_rust(look: Look) -> Found | None:
    """What shows Rust among an object's strings, or None."""
    places = constants(look)
    for path in _LIBRARY:
        if holds(look.image, places, path):
            return Found(Language.RUST, "rust-library", _LIBRARY_TEXT, (path.decode(),))
    if holds(look.image, places, _REGISTRY):
        return Found(Language.RUST, "crate-paths", "holds paths of crates' sources", (_REGISTRY.decode(),))
    for start, end in _bounded(places):
        found = _COMPILER.search(look.image.data, start, end) or _PACKAGED.search(look.image.data, start, end)
        if found:
            return Found(Language.RUST, "rust-library", _LIBRARY_TEXT, (escape(found[0]),))
    return None


def crates(look: Look) -> tuple[tuple[Component, ...], bool]:
    """The crates of an object, and whether the list was read whole."""
    packed = part(look, ".dep-v0")
    audited = audited_crates(packed) if packed else None
    if audited is not None:
        return audited
    named, whole = _named_crates(look)
    return named, whole and not packed  # else a list is there that cannot be read


def audited_crates(packed: bytes) -> tuple[tuple[Component, ...], bool] | None:
    """The crates in the bytes of `.dep-v0`, and whether all are there; None where they cannot be read."""
    try:
        engine = zlib.decompressobj()
        text = engine.decompress(packed, _JSON_BYTES)
        if not engine.eof:
            return None
        packages = _DECODER.decode(text).packages
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    rows = [row for row in packages[:COMPONENTS] if len(row.name) <= _NAME and len(row.version) <= _NAME]
    found = {
        Component("cargo", _plain(row.name), _plain(row.version), "dep-v0-build" if row.kind == "build" else "dep-v0")
        for row in rows
    }
    return tuple(sorted(found, key=_order)), len(rows) == len(packages)


def _plain(text: str) -> str:
    """The escaped text of a JSON string, which can hold surrogates that stand for no byte."""
    return escape(text.encode("utf-8", "replace"))


def _named_crates(look: Look) -> tuple[tuple[Component, ...], bool]:
    """The crates that source paths among the constants name."""
    found: set[tuple[bytes, bytes]] = set()
    for start, end in _bounded(constants(look)):
        for sign, pattern in _CRATES:
            at = look.image.data.find(sign, start, end)
            for match in pattern.finditer(look.image.data, at, end) if at >= 0 else ():
                found.add((match[1], match[2] or b""))
                if len(found) >= COMPONENTS:
                    break
    rows = [
        Component("cargo", escape(name), escape(version) or None, "crate-paths")
        for name, version in found
        if len(name) <= _NAME
    ]
    return tuple(sorted(rows, key=_order)), len(found) < COMPONENTS


def _bounded(places: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The places as far as they are searched with regular expressions, which bad input can make slow."""
    left = _SEARCHED
    for start, end in places:
        stop = min(end, start + left)
        yield start, stop
        left -= stop - start


def _order(row: Component) -> tuple[str, str, str]:
    return row.name, row.version or "", row.evidence


def compiler(look: Look) -> Component | None:
    """The compiler by the paths of its library: its version where Debian built it, else the commit that it is of."""
    for pattern in (_PACKAGED, _COMPILER):
        for start, end in _bounded(constants(look)):
            found = pattern.search(look.image.data, start, end)
            if found:
                return Component("toolchain", "rustc", escape(found[1]), "library-paths")
    return None
