"""Files that are no ELF objects go through a scan: a row for what is kept, and what it says on that."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.debs import Entry, deb
from tests.deb.building import CONTROL, package
from tests.scan.scanning import archscan, rows, scan

PYTHON = b"import hashlib\nhashlib.md5(b'')\n"
COPYRIGHT = Entry(name=b"./usr/share/doc/thing/copyright", data=b"free")


def _scanned(folder: Path, content: bytes, *options: str) -> Path:
    (folder / "x.deb").write_bytes(content)
    assert scan(folder / "a.db", folder / "x.deb", *options) in (0, 11)
    return folder / "a.db"


def _files(db: Path) -> list[tuple[object, ...]]:
    return rows(db, "SELECT path, kind, privilege, what FROM file ORDER BY path")


def test_a_row_is_kept_for_what_says_something_or_is_noteworthy(tmp_path: Path) -> None:
    entries = (
        Entry(name=b"./etc/thing", data=b"a\n"),
        Entry(name=b"./usr/bin/tool", data=b"#!/bin/sh\n", mode=0o755),
        Entry(name=b"./usr/lib/thing/says.py", data=PYTHON),
        Entry(name=b"./usr/lib/thing/silent.py", data=b"import os\n"),
        Entry(name=b"./usr/lib/thing/data", data=b"x"),
        Entry(name=b"./usr/share/thing/open", data=b"x", mode=0o666),
        Entry(name=b"./usr/share/thing/owned", data=b"x", owner="games"),
        Entry(name=b"./usr/lib/systemd/system/x.service", data=b"[Service]\nExecStart=/usr/bin/tool\n"),
        Entry(name=b"./usr/bin/other", kind="symlink", link=b"tool"),
        COPYRIGHT,
    )
    db = _scanned(tmp_path, package(*entries))
    assert _files(db) == [
        ("etc/thing", "regular", None, "text"),
        ("usr/bin/other", "symlink", None, None),
        ("usr/bin/tool", "regular", None, "shell"),
        ("usr/lib/systemd/system/x.service", "regular", None, "unit"),
        ("usr/lib/thing/says.py", "regular", None, "python"),
        ("usr/share/thing/open", "regular", None, "text"),
        ("usr/share/thing/owned", "regular", None, "text"),
    ]
    assert rows(db, "SELECT members FROM contents") == [(len(entries),)]
    assert rows(db, "SELECT algorithm, line FROM crypto_use") == [("md5", 2)]
    assert rows(db, "SELECT p.path FROM service_program p") == [("/usr/bin/tool",)]


def test_of_objects_alone_nothing_of_this_is_read(tmp_path: Path) -> None:
    db = _scanned(
        tmp_path, package(Entry(name=b"./usr/lib/thing/says.py", data=PYTHON)), "--facts", "elf", "--thorough"
    )
    assert _files(db) == []
    assert rows(db, "SELECT count(*) FROM contents") == [(0,)]


def test_what_is_too_large_to_be_read_is_said_and_keeps_its_privilege(tmp_path: Path) -> None:
    large = Entry(name=b"./usr/lib/thing/run", data=b"#!/bin/sh\n" + b":\n" * 1000, mode=0o4755)
    db = _scanned(tmp_path, package(large), "--limit", "file_bytes=1000")
    assert _files(db) == [("usr/lib/thing/run", "regular", "setuid", None)]
    assert rows(db, "SELECT path, kind, stage FROM problem") == [("usr/lib/thing/run", "limit", "data")]


@pytest.mark.parametrize("name", [b"./usr/lib/thing/run", b"./usr/lib/thing/run.py"])
def test_what_breaks_off_keeps_its_privilege(name: bytes, tmp_path: Path) -> None:
    long = Entry(name=name, data=b"#!/bin/sh\n" + b":\n" * 4000, mode=0o4755)
    whole = deb([Entry(name=b"./control", data=CONTROL)], [long], data_compression="none")
    cut = whole[: len(whole) - 4096]
    size = int(cut[cut.index(b"data.tar") + 48 : cut.index(b"data.tar") + 58])
    db = _scanned(tmp_path, cut.replace(b"%-10d`" % size, b"%-10d`" % (size - 4096)))
    assert [row[2] for row in _files(db)] == ["setuid"]
    assert rows(db, "SELECT stage FROM problem") == [("data",)]


def test_java_archives_are_looked_into_and_others_are_not(tmp_path: Path) -> None:
    """An archive that is too large counts as not looked into, which is no problem of the package."""
    entries = (Entry(name=b"./usr/share/java/x.jar", data=b"PK\3\4" + b"x" * 60),
               Entry(name=b"./usr/share/java/y.jar", data=b"PK\3\4" + b"x" * 2000),
               Entry(name=b"./usr/lib/thing/z.zip", data=b"PK\3\4" + b"x" * 60))  # fmt: skip
    db = _scanned(tmp_path, package(*entries), "--limit", "file_bytes=1000")
    kinds = [(path, kind, what) for path, kind, _, what in _files(db)]
    assert kinds == [("usr/lib/thing/z.zip", "archive", None), ("usr/share/java/x.jar", "regular", "java"),
                     ("usr/share/java/y.jar", "archive", None)]  # fmt: skip
    listed = archscan("query", "not-looked-at", "--db", db, "--format", "csv").stdout
    assert "z.zip" in listed
    assert "y.jar" in listed
    assert "x.jar" not in listed
    assert rows(db, "SELECT count(*) FROM problem") == [(0,)]


def test_files_of_the_control_archive_stand_under_their_own_folder(tmp_path: Path) -> None:
    db = _scanned(tmp_path, package(COPYRIGHT, postinst=b"#!/bin/sh\nset -e\nchmod 777 /var/lib/thing\n"))
    assert _files(db) == [("DEBIAN/postinst", "regular", None, "maintainer-script")]
    assert rows(db, "SELECT what, line FROM script_call") == [("world-writable", 3)]
