"""The catalogue held against the libraries themselves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from archscan.crypto.catalogue import exports, load

RULES = Path(__file__).parents[2] / "rules"


def dynamic_symbols(library: Path) -> dict[str, tuple[str, set[str]]]:
    """What ``library`` defines according to readelf: name → (type, version nodes)."""
    text = subprocess.run(["readelf", "--dyn-syms", "-W", library], check=True, capture_output=True, text=True).stdout
    found: dict[str, tuple[str, set[str]]] = {}
    for match in re.finditer(
        r"^ *\d+: [0-9a-f]+ +\S+ +(\w+) +(?:GLOBAL|WEAK) +DEFAULT +(\w+) (\S+)", text, re.MULTILINE
    ):
        kind, section, name = match.groups()
        if section != "UND":
            name, _, node = name.partition("@")
            found.setdefault(name, (kind, set()))[1].add(node.removeprefix("@"))
    return found


@pytest.mark.full
@pytest.mark.parametrize(
    ("package", "soname", "library"),
    [
        ("libssl3", "libcrypto.so.3", "openssl-crypto"),
        ("libssl3", "libssl.so.3", "openssl-ssl"),
        ("libnettle8", "libnettle.so.8", "nettle"),
        ("libmd0", "libmd.so.0", "libmd"),
        ("libtomcrypt1", "libtomcrypt.so.1", "libtomcrypt"),
    ],
)
def test_every_symbol_is_exported_as_the_catalogue_says(
    tmp_path: Path, package: str, soname: str, library: str
) -> None:
    fetched = subprocess.run(
        ["apt-get", "download", package], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert fetched.returncode == 0, fetched.stderr
    (deb,) = tmp_path.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, tmp_path / "root"], check=True)
    (path,) = (tmp_path / "root").rglob(soname)
    found = dynamic_symbols(path)
    book = load(RULES)
    (known,) = (one for one in book.libraries if one.id == library)
    for symbol in exports(known, soname):
        kind, nodes = found[symbol.name]
        assert symbol.data is (kind == "OBJECT"), symbol.name
        assert (symbol.version or "") in nodes, symbol.name
