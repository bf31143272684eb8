"""The list of maintainers, as dd-list(1) prints it."""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from pathlib import Path

import pytest

from archscan.bugs.announcement import announcement
from archscan.bugs.developers import dd_list, read
from archscan.errors import BugError, UsageError
from tests.bugs.facts import TEMPLATES, drafted, pack

SOURCES = """\
Package: two
Binary: two, two-doc
Version: 1.0-1
Maintainer: zoe Doe <zoe@example.org>
Uploaders: Jane Doe <jane@example.org>, "Doe, John" <john@example.org>,
 Ann <ann@example.org>

Package: tool
Version: 1:0.9-1
Maintainer: Jane Doe <jane@example.org>

Package: tool
Version: 1:0.10-1
Maintainer: Jane Doe <jane@example.org>
Uploaders: Ann <ann@example.org>

Package: old
Version: 1
Extra-Source-Only: yes
Maintainer: Ann <ann@example.org>

Package: unasked
Version: 1
Maintainer: Ann <ann@example.org>
"""
LIST = """\
"Doe, John" <john@example.org>
   two (U)

Ann <ann@example.org>
   tool (U)
   two (U)

Jane Doe <jane@example.org>
   tool
   two (U)

zoe Doe <zoe@example.org>
   two

"""


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "Sources"
    path.write_text(SOURCES)
    return path


def test_the_list_has_maintainers_and_uploaders(index: Path) -> None:
    assert dd_list(read(index, {"two", "tool", "old"}).values()) == LIST


@pytest.mark.parametrize(("end", "pack_it"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_packed_indices_are_read(end: str, pack_it: object, index: Path) -> None:
    packed = index.with_suffix(end)
    assert callable(pack_it)
    packed.write_bytes(pack_it(SOURCES.encode()))
    assert dd_list(read(packed, {"two", "tool"}).values()) == LIST


def test_what_is_no_index_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "Sources.xz").write_bytes(b"junk")
    for name in ("Sources.xz", "missing"):
        with pytest.raises(BugError, match="cannot be read as a Sources index"):
            read(tmp_path / name, {"two"})


@pytest.mark.full
@pytest.mark.skipif(shutil.which("dd-list") is None, reason="dd-list (devscripts) is not installed")
def test_dd_list_prints_the_same(index: Path) -> None:
    done = subprocess.run(["dd-list", "--sources", index, "two", "tool"], capture_output=True, text=True, check=True)
    assert dd_list(read(index, {"two", "tool"}).values()) == done.stdout


def test_the_announcement_names_everybody(index: Path) -> None:
    connection = drafted(pack(), pack("two"), pack("nobody"))
    text = announcement(connection, TEMPLATES, "pie", [str(index)])
    assert "Intent to file many bugs: is loaded at a fixed address" in text
    assert LIST in text
    assert "Not in the indices that were read: nobody" in text
    assert "3 bugs about 3\nsource packages" in text
    assert "> Severity: minor" in text
    by_binaries = announcement(connection, TEMPLATES, "pie", [])
    assert "tool <tool@example.org>\n   tool\n" in by_binaries
    with pytest.raises(UsageError, match="no campaign 'x'; there is: pie"):
        announcement(connection, TEMPLATES, "x", [])
