"""Packages that are not unpacked, or not to their end: what each condition of that is worth, and what becomes of it."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from archscan.deb.candidates import load_kinds, wanted
from archscan.model import Elf, File, Message, Problem, Unread
from corpus.debs import Entry, ar, deb, tar
from corpus.recipes import ROOT
from tests.deb import building
from tests.deb.building import CONTROL
from tests.scan import scanning
from tests.scan.scanning import archscan, dumped, rows

ELF_ONLY = wanted(load_kinds([ROOT.parent / "rules"]), ["elf"])
SUM = b"d41d8cd98f00b204e9800998ecf8427e  "
COPYRIGHT = Entry(name=b"./usr/share/doc/thing/copyright", data=b"free")
PAGE = Entry(name=b"./usr/share/man/man1/thing.1.gz", data=b"a page")
SCRIPT = Entry(name=b"./usr/bin/thing", data=b"#!/bin/sh\n", mode=0o755)


def scan(db: Path, *arguments: str | Path) -> int:
    """The exit code of a quiet scan, for objects alone unless other facts are asked for."""
    return scanning.scan(db, *(() if "--facts" in arguments else ("--facts", "elf")), *arguments)


def summed(entries: Sequence[Entry]) -> bytes:
    """md5sums as debhelper writes it."""
    files = [entry for entry in entries if entry.kind in ("file", "hardlink") and not entry.name.startswith(b"./etc/")]
    return b"".join(SUM + entry.name.removeprefix(b"./") + b"\n" for entry in files)


def package(
    *entries: Entry, more: Sequence[Entry] = (), control: bytes = CONTROL, md5sums: bytes | None = None
) -> bytes:
    """A .deb that lists its files, or says ``md5sums`` of them; ``more`` is of the control archive."""
    lists = Entry(name=b"./md5sums", data=summed(entries) if md5sums is None else md5sums)
    return deb([Entry(name=b"./control", data=control), lists, *more], entries, data_compression="none")


said = functools.partial(building.said, candidates=ELF_ONLY)
"""Everything that is said of a .deb of which only candidates matter."""


def unread(messages: list[Message]) -> str | None:
    """Why not everything was unpacked."""
    assert not [one for one in messages if isinstance(one, Problem)]
    return next((one.reason.value for one in messages if isinstance(one, Unread)), None)


def unpacked(content: bytes) -> bytes:
    """The same package with a data archive that is damaged from its first byte on: whoever looks at it will say so."""
    at = content.index(b"data.tar")
    return content[: at + 60] + b"x" * (len(content) - at - 60)


@pytest.fixture
def program(corpus_objects: dict[str, dict[str, Path]]) -> bytes:
    """An ELF object with a fault."""
    return corpus_objects["no-pie"]["usr/bin/no-pie"].read_bytes()


def test_documentation_is_skipped_and_nothing_of_it_is_unpacked(tmp_path: Path) -> None:
    built = package(COPYRIGHT, PAGE)
    assert unread(said(built, tmp_path)) == "no-candidates"
    assert unread(said(unpacked(built), tmp_path)) == "no-candidates"


def test_a_package_without_files_is_skipped(tmp_path: Path) -> None:
    assert unread(said(package(), tmp_path)) == "no-candidates"


def test_without_md5sums_everything_is_read(tmp_path: Path) -> None:
    content = deb([Entry(name=b"./control", data=CONTROL)], [COPYRIGHT], data_compression="none")
    assert unread(said(content, tmp_path)) is None


@pytest.mark.parametrize("md5sums", [b"nothing of that kind\n", SUM + b"../x\n", b"\0" * 100, SUM + b"usr/share/doc/x"])
def test_with_md5sums_that_make_no_sense_everything_is_read(md5sums: bytes, tmp_path: Path) -> None:
    assert unread(said(package(COPYRIGHT, md5sums=md5sums), tmp_path)) is None


def test_lists_that_are_no_files_or_twice_there_count_for_nothing(tmp_path: Path) -> None:
    for more in (Entry(name=b"./md5sums", data=b""), Entry(name=b"./md5sums", kind="symlink", link=b"control"),
                 Entry(name=b"./conffiles", kind="directory")):  # fmt: skip
        assert unread(said(package(COPYRIGHT, more=[more]), tmp_path)) is None


def test_a_configuration_file_is_a_candidate_and_found(tmp_path: Path, program: bytes) -> None:
    entry = Entry(name=b"./etc/thing/hook", data=program, mode=0o755)
    messages = said(package(entry, COPYRIGHT, more=[Entry(name=b"./conffiles", data=b"/etc/thing/hook\n")]), tmp_path)
    assert unread(messages) is None
    assert [one.path for one in messages if isinstance(one, Elf)] == ["etc/thing/hook"]


@pytest.mark.parametrize("line", [b"chmod u+s /usr/share/doc/thing/copyright", b"chmod $MODE $FILE", b"setcap $CAPS $F",
                                  b"dpkg-statoverride --update --add a b 0$M $F", b"install -m $M a b"])  # fmt: skip
def test_where_a_script_sets_modes_everything_is_read(line: bytes, tmp_path: Path) -> None:
    script = Entry(name=b"./postinst", data=b"#!/bin/sh\n" + line + b"\n", mode=0o755)
    assert unread(said(package(COPYRIGHT, PAGE, more=[script]), tmp_path)) is None
    assert unread(said(package(SCRIPT, COPYRIGHT, more=[script]), tmp_path)) is None
    harmless = Entry(name=b"./postinst", data=b"#!/bin/sh\nldconfig\n", mode=0o755)
    assert unread(said(package(COPYRIGHT, PAGE, more=[harmless]), tmp_path)) == "no-candidates"


def test_a_privilege_from_a_script_is_found(tmp_path: Path) -> None:
    script = Entry(name=b"./postinst", data=b"#!/bin/sh\nchmod 4755 /usr/share/doc/thing/copyright\n", mode=0o755)
    messages = said(package(COPYRIGHT, more=[script]), tmp_path)
    assert [(one.path, one.privilege) for one in messages if isinstance(one, File)] == [
        ("usr/share/doc/thing/copyright", "setuid")
    ]


def test_what_is_far_larger_than_its_files_is_read(tmp_path: Path) -> None:
    control = CONTROL + b"Installed-Size: 500000\n"
    assert unread(said(package(COPYRIGHT, control=control), tmp_path)) is None
    hidden = Entry(name=b"./usr/bin/hidden", data=bytes(12 << 20))
    assert unread(said(package(COPYRIGHT, hidden, md5sums=summed([COPYRIGHT])), tmp_path)) is None


def test_the_stream_ends_behind_the_last_candidate(tmp_path: Path) -> None:
    link = Entry(name=b"./usr/bin/other", kind="symlink", link=b"thing")
    built = package(SCRIPT, COPYRIGHT, PAGE, link)
    assert unread(said(built, tmp_path)) == "no-more-candidates"
    damaged = built[: built.index(b"./usr/share/doc")] + b"x" * (len(built) - built.index(b"./usr/share/doc"))
    assert unread(said(damaged, tmp_path)) == "no-more-candidates"
    assert unread(said(package(COPYRIGHT, PAGE, link, SCRIPT), tmp_path)) == "no-more-candidates"


def test_behind_an_object_everything_is_read(tmp_path: Path, program: bytes) -> None:
    entry = Entry(name=b"./usr/bin/thing", data=program, mode=0o755)
    links = [Entry(name=b"./usr/share/thing/same", kind="hardlink", link=b"./usr/bin/thing"),
             Entry(name=b"./usr/bin/other", kind="symlink", link=b"thing")]  # fmt: skip
    messages = said(package(entry, COPYRIGHT, *links), tmp_path)
    assert unread(messages) is None
    assert [one.kind.value for one in messages if isinstance(one, File)] == ["elf", "hardlink", "symlink"]


def test_behind_a_static_library_and_a_privileged_file_everything_is_read(tmp_path: Path) -> None:
    library = Entry(name=b"./usr/lib/libx.a", data=ar([("empty", b"")]))
    privileged = Entry(name=b"./usr/bin/thing", data=b"#!/bin/sh\n", mode=0o4755)
    for entry in (library, privileged):
        assert unread(said(package(entry, COPYRIGHT), tmp_path)) is None


def test_behind_a_nested_archive_the_stream_may_end(tmp_path: Path) -> None:
    jar = Entry(name=b"./usr/share/java/x.jar", data=b"PK\x03\x04 and so on")
    script = Entry(name=b"./usr/sbin/thing", data=b"#!/bin/sh\n")
    messages = said(package(jar, script, COPYRIGHT), tmp_path)
    assert unread(messages) == "no-more-candidates"
    assert [one.kind.value for one in messages if isinstance(one, File)] == ["archive"]


def test_a_list_that_lacks_a_file_that_is_met_is_a_lie(tmp_path: Path, program: bytes) -> None:
    hidden = Entry(name=b"./usr/bin/aaa", data=b"#!/bin/sh\n")
    last = Entry(name=b"./usr/share/thing/program", data=program)
    messages = said(package(hidden, SCRIPT, COPYRIGHT, last, md5sums=summed([SCRIPT, COPYRIGHT])), tmp_path)
    assert unread(messages) is None
    assert [one.path for one in messages if isinstance(one, Elf)] == ["usr/share/thing/program"]


def test_a_list_of_what_is_not_there_is_read_to_the_end(tmp_path: Path) -> None:
    assert unread(said(package(SCRIPT, COPYRIGHT, md5sums=summed([SCRIPT, COPYRIGHT]) + SUM + b"usr/bin/gone\n"),
                       tmp_path)) is None  # fmt: skip


def test_what_is_given_up(tmp_path: Path, program: bytes) -> None:
    """An object that a package hides from its list, or under a name that none has: --thorough is for these."""
    hidden = Entry(name=b"./usr/share/zz/program", data=program)
    disguised = Entry(name=b"./usr/share/doc/thing/program.html", data=program, mode=0o4755)
    assert unread(said(package(COPYRIGHT, hidden, md5sums=summed([COPYRIGHT])), tmp_path)) == "no-candidates"
    assert unread(said(package(disguised, COPYRIGHT), tmp_path)) == "no-candidates"


def test_too_large_a_list_is_the_limit_that_it_was(tmp_path: Path) -> None:
    huge = SUM + b"usr/share/doc/" + b"a" * 17_000_000 + b"\n"
    messages = said(package(COPYRIGHT, md5sums=huge), tmp_path)
    (problem,) = (one for one in messages if isinstance(one, Problem))
    assert problem.kind.value == "limit"
    assert "control" in problem.message


def test_a_damaged_container_is_still_found_out(tmp_path: Path) -> None:
    messages = said(package(COPYRIGHT, PAGE)[:-2000], tmp_path)
    assert [one.kind.value for one in messages if isinstance(one, Problem)] == ["truncated"]


# --- what the database and the command make of it ---


def _write(folder: Path, version: str, *entries: Entry) -> Path:
    control = f"Package: thing\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n".encode()
    path = folder / f"thing_{version}_amd64.deb"
    path.write_bytes(package(*entries, control=control))
    return path


def _kept(db: Path) -> list[tuple[object, ...]]:
    return rows(db, "SELECT version, status, unread, facts FROM package ORDER BY version")


def test_thorough_reads_what_was_not_unpacked_and_nothing_else(tmp_path: Path, program: bytes) -> None:
    db = tmp_path / "a.db"
    skipped = _write(tmp_path, "1", COPYRIGHT, Entry(name=b"./usr/share/doc/thing/x.html", data=program))
    ended = _write(tmp_path, "2", SCRIPT, COPYRIGHT)
    whole = _write(tmp_path, "3", Entry(name=b"./usr/bin/thing", data=program))
    assert scan(db, tmp_path) == 0
    assert _kept(db) == [("1", "skipped", "no-candidates", "elf"), ("2", "complete", "no-more-candidates", "elf"),
                         ("3", "complete", None, "elf")]  # fmt: skip
    assert scan(db, "--retry", tmp_path) == 0
    assert rows(db, "SELECT value FROM metric WHERE scan_id = 2 AND name = 'packages read'") == [(0.0,)]
    assert scan(db, "--thorough", skipped, ended, whole) == 0
    assert rows(db, "SELECT value FROM metric WHERE scan_id = 3 AND name = 'packages read'") == [(2.0,)]
    assert [row[1:3] for row in _kept(db)] == [("complete", None)] * 3
    assert rows(db, "SELECT path FROM elf ORDER BY 1") == [("usr/bin/thing",), ("usr/share/doc/thing/x.html",)]
    before = dumped(db)
    assert scan(db, tmp_path) == 0  # what is known whole is not forgotten
    assert dumped(db) == before


def test_a_newer_version_that_was_not_unpacked_closes_nothing(tmp_path: Path, program: bytes) -> None:
    db = tmp_path / "a.db"

    def state() -> object:
        return rows(db, "SELECT state FROM finding WHERE rule_id = 'no-pie'")[0][0]

    scan(db, _write(tmp_path, "1", Entry(name=b"./usr/bin/thing", data=program, mode=0o755)))
    assert state() == "open"
    for version, entries in (("2", (COPYRIGHT,)), ("3", (SCRIPT, COPYRIGHT))):
        newer = _write(tmp_path, version, *entries)
        scan(db, newer)
        assert state() == "unchecked"
        scan(db, "--thorough", newer)
        assert state() == "fixed"


def test_the_summary_and_the_questions_say_what_was_not_unpacked(tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    _write(tmp_path, "1", COPYRIGHT)
    _write(tmp_path, "2", SCRIPT, COPYRIGHT)
    shown = archscan("scan", "--facts", "elf", "--db", db, tmp_path).stdout
    assert "1 package skipped" in shown
    assert "no-candidates" in shown
    assert "1 package not unpacked to the end" in shown
    looked = archscan("query", "not-looked-at", "--db", db, "--format", "csv").stdout
    assert "package skipped: no-candidates" in looked
    assert "package complete: no-more-candidates" in looked
    assert "no-candidates,skipped,1," in archscan("query", "unread", "--db", db, "--format", "csv").stdout


def test_kinds_of_facts_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    built = _write(tmp_path, "1", COPYRIGHT)
    for words in (["scripts"], ["elf,scripts", "--thorough"], [""], ["files"]):
        done = archscan("scan", "--db", tmp_path / "a.db", "--facts", *words, built)
        assert done.returncode == 2
        assert ("expected elf,files" if words == ["files"] else "expected one of elf, files") in done.stderr
    assert not (tmp_path / "a.db").exists()
    assert scan(tmp_path / "a.db", "--facts", "elf", built) == 0


def test_with_files_privileges_and_archives_are_looked_for_outside_of_programs(tmp_path: Path) -> None:
    """What `elf` alone gives up; a second scan with more kinds reads again, and one with fewer reads nothing."""
    db = tmp_path / "a.db"
    entries = (COPYRIGHT, Entry(name=b"./usr/share/thing/run.py", data=b"#!/usr/bin/python3\n", mode=0o4755))
    inner = (COPYRIGHT, Entry(name=b"./usr/share/thing/plugin.zip", data=b"PK\3\4" + b"x" * 60))
    built = [_write(tmp_path, "1", *entries), _write(tmp_path, "2", *inner), _write(tmp_path, "3", COPYRIGHT, PAGE)]
    assert scan(db, *built) == 0
    assert rows(db, "SELECT version, status, facts FROM package ORDER BY 1") == [
        (number, "skipped", "elf") for number in "123"]  # fmt: skip
    assert scan(db, "--facts", "elf,files", *built) == 0
    assert rows(db, "SELECT version, status, facts FROM package ORDER BY 1") == [
        ("1", "complete", "elf,files"), ("2", "complete", "elf,files"), ("3", "skipped", "elf,files")]  # fmt: skip
    assert rows(db, "SELECT path, privilege, kind FROM file ORDER BY path") == [
        ("usr/share/thing/plugin.zip", None, "archive"), ("usr/share/thing/run.py", "setuid", "regular")]  # fmt: skip
    assert "0 read, 3 known already" in archscan("scan", "--db", db, *built).stdout


def test_an_older_database_learns_of_what_was_not_unpacked(tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    scan(db, _write(tmp_path, "1", COPYRIGHT))
    connection = sqlite3.connect(db)
    connection.execute("ALTER TABLE package DROP COLUMN unread")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm018_unread'")
    connection.commit()
    connection.close()
    assert scan(db, _write(tmp_path, "2", COPYRIGHT)) == 0
    assert [row[:3] for row in _kept(db)] == [("1", "skipped", None), ("2", "skipped", "no-candidates")]


def test_tar_archives_that_go_on_for_ever_do_not_matter_behind_the_last_candidate(tmp_path: Path) -> None:
    data = tar([SCRIPT]).rstrip(b"\0").ljust(1024, b"\0") + b"?" * 1_000_000
    lists = [Entry(name=b"./control", data=CONTROL), Entry(name=b"./md5sums", data=summed([SCRIPT]))]
    content = ar([("debian-binary", b"2.0\n"), ("control.tar", tar(lists)), ("data.tar", data)])
    assert unread(said(content, tmp_path)) == "no-more-candidates"
