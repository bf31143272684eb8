"""Stub libraries carry the soname, nodes and names they stand for, by the word of readelf."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from corpus import stubs
from corpus.catalogue import stubs_of
from corpus.recipes import ROOT, Stub
from corpus.target import target
from tests import oracle

if TYPE_CHECKING:
    from pathlib import Path

RULES = ROOT.parent / "rules"
LIBRARIES = sorted(file.stem for file in (RULES / "catalogue").glob("*.toml"))


def test_soname_node_functions_and_data_are_there(tmp_path: Path) -> None:
    mangled = "_ZN5Botan3MD510compress_nEPKhm"
    stub = Stub(
        name="s", soname="libs.so.7", node="S_1.0", symbols=("one", f"{mangled}@S_2.0", "bare@"), data=("value",)
    )
    found = oracle.facts(stubs.build(stub, target(), tmp_path))
    assert found.soname == "libs.so.7"
    assert set(found.nodes) == {"S_1.0", "S_2.0"}
    versions = {symbol.name: symbol.version for symbol in found.exports if symbol.name not in found.nodes}
    assert versions == {
        "one": "S_1.0",
        mangled: "S_2.0",
        "bare": None,
        "value": "S_1.0",
    }
    assert "OBJECT" in oracle.output(tmp_path / "libs.so.7")


def test_a_library_without_nodes_has_no_versions(tmp_path: Path) -> None:
    found = oracle.facts(stubs.build(Stub(name="s", soname="libs.so", symbols=("one",)), target(), tmp_path))
    assert found.nodes == ()
    assert [(symbol.name, symbol.version) for symbol in found.exports] == [("one", None)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_of_the_catalogue_can_be_linked_against(library: str, tmp_path: Path) -> None:
    raw = tomllib.loads((RULES / "catalogue" / f"{library}.toml").read_text("utf-8"))
    known = stubs_of(RULES)
    for position, soname in enumerate(raw["sonames"]):
        stub = known[f"{library}/{soname}" if position else library]
        found = oracle.facts(stubs.build(stub, target(), tmp_path))
        assert found.soname == soname
        names = {symbol.partition("@")[0] for symbol in (*stub.symbols, *stub.data)}
        assert {symbol.name for symbol in found.exports} - set(found.nodes) == names
        assert names
