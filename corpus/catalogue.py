"""The libraries of the catalogue (``rules/catalogue/*.toml``) as stubs to link against."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archscan.errors import RuleError
from corpus.recipes import Stub


def _entries(raw: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every table of a library that lists symbols, whatever it says about them."""
    for value in raw.values():
        if isinstance(value, list):
            yield from (entry for entry in value if isinstance(entry, dict) and "symbols" in entry)


def _stub(raw: Mapping[str, Any], name: str, soname: str) -> Stub:
    symbols: dict[str, None] = {}
    data: dict[str, None] = {}
    for entry in _entries(raw):
        if soname in entry.get("only_in", [soname]):
            names = entry["symbols"].split() if isinstance(entry["symbols"], str) else entry["symbols"]
            (data if entry.get("kind") == "data" else symbols).update(dict.fromkeys(names))
    return Stub(name=name, soname=soname, node=raw.get("node", ""), symbols=tuple(symbols), data=tuple(data))


def stubs_of(rules: Path) -> dict[str, Stub]:
    """Library name → stub, for the whole catalogue under ``rules``.

    A library with several sonames is known as ``name`` (for the first) and as ``name/soname`` (for each other).
    Raises ``RuleError`` for a file that is no TOML.
    """
    found: dict[str, Stub] = {}
    for file in sorted((rules / "catalogue").glob("*.toml")):
        try:
            raw = tomllib.loads(file.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RuleError(f"{file}: expected TOML: {error}") from error
        sonames = raw.get("sonames", [])  # an interpreter's plugin API is catalogued without a library
        for soname in reversed(sonames):
            name = file.stem if soname == sonames[0] else f"{file.stem}/{soname}"
            found[name] = _stub(raw, name, soname)
    return found
