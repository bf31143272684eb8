"""The libraries of the catalogue (``rules/catalogue/*.toml``) as stubs to link against."""

from pathlib import Path

from archscan.crypto.catalogue import Library, Symbol, exports, load
from corpus.recipes import Stub


def _full(symbol: Symbol) -> str:
    return f"{symbol.name}@{symbol.version or ''}"


def _stub(library: Library, name: str, soname: str) -> Stub:
    symbols = exports(library, soname)
    return Stub(
        name=name,
        soname=soname,
        node=library.node or "",
        symbols=tuple(dict.fromkeys(_full(symbol) for symbol in symbols if not symbol.data)),
        data=tuple(dict.fromkeys(_full(symbol) for symbol in symbols if symbol.data)),
    )


def stubs_of(rules: Path) -> dict[str, Stub]:
    """Library name → stub, for the whole catalogue under ``rules``.

    A library with several sonames is known as ``name`` (for the first) and as ``name/soname`` (for each other);
    an interpreter that plugins call back into has none and is left out. Raises ``RuleError`` as the catalogue does.
    """
    found: dict[str, Stub] = {}
    for library in load(rules).libraries:
        for position, soname in enumerate(library.sonames):
            name = f"{library.id}/{soname}" if position else library.id
            found[name] = _stub(library, name, soname)
    return found
