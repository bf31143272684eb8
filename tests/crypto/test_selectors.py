"""The numbers of the selectors, held against the headers that they are from, by the compiler."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from archscan.crypto.catalogue import Selector, load

BOOK = load(Path(__file__).parents[2] / "rules")
# What else a header needs before it, and in which packages that is.
BEFORE = {
    "secoidt.h": "#include <seccomon.h>\n",
    "hasht.h": "#include <seccomon.h>\n",
    "pkcs11t.h": "#include <pkcs11.h>\n",
    "winpr/crypto.h": "#include <stdint.h>\n#include <winpr/wtypes.h>\n",
    "gnutls/pkcs12.h": "#include <gnutls/x509.h>\n",
    "wolfssl/wolfcrypt/types.h": "#include <wolfssl/options.h>\n",
    "wolfssl/ssl.h": "#include <wolfssl/options.h>\n",
}
NEEDS = {
    "libgcrypt20-dev": ["libgpg-error-dev"],
    "libnss3-dev": ["libnspr4-dev"],
    "libldns-dev": ["libssl-dev"],
    "libsvn-dev": ["libaprutil1-dev", "libapr1-dev"],
    "krb5-multidev": ["comerr-dev"],
}
FOLDERS = ("usr/include", "usr/include/*", "usr/include/x86_64-linux-gnu/*", "usr/lib/x86_64-linux-gnu/*/include")


def numbered() -> Iterator[tuple[str, str, Selector]]:
    """Header and package of each selector that names one."""
    for one in BOOK.selectors.values():
        match = re.fullmatch(r"(\S+\.h), ([a-z0-9.+-]+)", one.source)
        if match:
            yield match[1], match[2], one


def test_most_numbers_are_from_a_header() -> None:
    known = sum(len(one.values) for _, _, one in numbered())
    every = sum(len(one.values) for one in BOOK.selectors.values() if one.kind in ("number", "bits"))
    assert known > 0.85 * every


@pytest.fixture(scope="session")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("headers")
    wanted = {name for _, package, _ in numbered() for name in (package, *NEEDS.get(package, ()))}
    subprocess.run(["apt-get", "download", *sorted(wanted)], cwd=folder, check=True, capture_output=True)
    for deb in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, folder / deb.name.partition("_")[0]], check=True)
    return folder


def values(folder: Path, header: str, packages: list[str], names: list[str]) -> dict[str, int]:
    """The value of each name that the header knows; Debian 13 has some that Debian 12 has not."""
    include = [f"-idirafter{path}" for one in packages for place in FOLDERS for path in (folder / one).glob(place)]
    plus, text = "::" in names[0], folder / "names.cc"
    before = f"{BEFORE.get(header, '')}#include <{header}>\n#include <stdio.h>\nint main(void) {{\n"
    while names:
        lines = [f'printf("%s\\t%lld\\n", "{name}", (long long)({name}));' for name in names]
        text.write_text(before + "\n".join(lines) + "\nreturn 0; }\n")
        language = ["g++"] if plus else ["gcc", "-x", "c"]
        command: list[str | Path] = [
            *language,
            "-w",
            "-fPIC",
            "-fmax-errors=0",
            "-c",
            text,
            "-o",
            folder / "names.o",
            *include,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.returncode:
            break
        first = before.count("\n") + 1
        wrong = {int(line) - first for line in re.findall(r"names\.cc:(\d+):\d+: error", done.stderr)}
        kept = [name for position, name in enumerate(names) if position not in wrong]
        assert len(kept) < len(names), done.stderr
        names = kept
    # Some headers' macros name functions of the library, which nobody calls here.
    link: list[str | Path] = ["g++", folder / "names.o", "-o", folder / "names", "-Wl,--unresolved-symbols=ignore-all"]
    subprocess.run(link, check=True, capture_output=True)
    out = subprocess.run([folder / "names"], capture_output=True, text=True, check=True).stdout
    return {name: int(value) for name, value in (line.split("\t") for line in out.splitlines())}


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(one.name for _, _, one in numbered()))
def test_the_compiler_says_the_same_numbers(name: str, headers: Path) -> None:
    header, package, selector = next(row for row in numbered() if row[2].name == name)
    listed = [one.text for one in selector.values]
    found = values(headers, header, [package, *NEEDS.get(package, ())], listed)
    assert len(found) >= 0.6 * len(listed)
    assert {one.text: one.number for one in selector.values if one.text in found} == found
