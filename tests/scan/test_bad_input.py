"""Bad input is one problem with its stage and kind; nothing else is lost, and nobody sees a traceback."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from corpus.debs import Entry, ar, deb, tar
from tests.scan.scanning import archscan, rows, scan

CONTROL = b"Package: thing\nVersion: 1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n"


def _deb(data: bytes, name: str = "data.tar", control: bytes = CONTROL) -> bytes:
    return ar(
        [
            ("debian-binary", b"2.0\n"),
            ("control.tar.gz", gzip.compress(tar([Entry(name=b"./control", data=control)]), mtime=0)),
            (name, data),
        ]
    )


def _tar(size: int = 200_000) -> bytes:
    return tar([Entry(name=b"./usr/share/thing", data=os.urandom(size))])


def _good() -> bytes:
    return _deb(lzma.compress(_tar()), "data.tar.xz")


def _half(packed: bytes, name: str) -> bytes:
    middle = len(packed) // 2
    return _deb(packed[:middle] + b"\xff" * 64 + packed[middle + 64 :], name)


def _zeros(megabytes: int) -> bytes:
    head = tar([Entry(name=b"./usr/share/zeros", data=b"")])[:512]
    size = megabytes << 20
    header = bytearray(head)
    header[124:136] = b"%011o\0" % size if size < 8 << 30 else b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _xz_bomb() -> bytes:
    packer = lzma.LZMACompressor(preset=0)
    parts = [packer.compress(_zeros(700))]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(700)]
    return _deb(b"".join((*parts, packer.flush())), "data.tar.xz")


def _zst_bomb() -> bytes:
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    parts = [packer.compress(_zeros(700))]
    parts += [packer.compress(bytes(1 << 20)) for _ in range(700)]
    return _deb(b"".join((*parts, packer.flush())), "data.tar.zst")


def _zst_window() -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return _deb(packer.compress(_tar()) + packer.flush(), "data.tar.zst")


def _sparse_terabyte() -> bytes:
    """An old GNU sparse member: its real size stands at offset 483 of the header (tar(5))."""
    header = bytearray(tar([Entry(name=b"./usr/bin/huge", data=b"")])[:512])
    header[156:157] = b"S"
    header[257:265] = b"ustar  \0"
    header[386:398], header[398:410] = b"%011o\0" % 0, b"%011o\0" % 0
    header[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return _deb(bytes(header) + bytes(1024))


CASES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "deb", "not-a-deb"),
    "text": (lambda: b"This is no package.\n" * 10, "deb", "not-a-deb"),
    "other ar": (lambda: ar([("member.o", b"x")]), "deb", "not-a-deb"),
    "cut in data": (lambda: _good()[:-1000], "deb", "truncated"),
    "cut in header": (lambda: _good()[:100], "deb", "truncated"),
    "no data": (lambda: ar([("debian-binary", b"2.0\n"), ("control.tar.gz", gzip.compress(b""))]), "deb", "corrupt"),
    "no control": (lambda: ar([("debian-binary", b"2.0\n"), ("data.tar", _tar())]), "deb", "corrupt"),
    "old format": (lambda: ar([("debian-binary", b"9.0\n")]), "deb", "unsupported"),
    "no name": (lambda: _deb(_tar(), control=b"Version: 1\nArchitecture: all\n"), "control", "corrupt"),
    "empty control": (lambda: _deb(_tar(), control=b""), "control", "corrupt"),
    "xz half": (lambda: _half(lzma.compress(_tar()), "data.tar.xz"), "data", "corrupt"),
    "gz half": (lambda: _half(gzip.compress(_tar()), "data.tar.gz"), "data", "corrupt"),
    "bz2 half": (lambda: _half(bz2.compress(_tar()), "data.tar.bz2"), "data", "corrupt"),
    "wrong suffix": (lambda: _deb(gzip.compress(_tar()), "data.tar.xz"), "data", "corrupt"),
    "unknown suffix": (lambda: _deb(_tar(), "data.tar.lz9"), "data", "unsupported"),
    "packed cut": (lambda: _deb(lzma.compress(_tar())[:-20], "data.tar.xz"), "data", "truncated"),
    "tar cut": (lambda: _deb(_tar()[:100_000]), "data", "truncated"),
    "xz bomb": (_xz_bomb, "data", "limit"),
    "zst bomb": (_zst_bomb, "data", "limit"),
    "zst window": (_zst_window, "data", "limit"),
    "sparse": (_sparse_terabyte, "data", "unsupported"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_problem(case: str, corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    make, stage, kind = CASES[case]
    bad = tmp_path / "bad.deb"
    bad.write_bytes(make())
    db = tmp_path / "a.db"
    assert scan(db, "--limit", "ratio_floor=268435456", bad, corpus_debs["hardened"]) == 11
    assert rows(db, "SELECT stage, kind FROM problem") == [(stage, kind)]
    assert rows(db, "SELECT count(*) > 0 FROM elf") == [(1,)]
    assert rows(db, "SELECT status FROM package WHERE filename <> 'bad.deb'") == [("complete",)]


def test_many_members_reach_a_limit(tmp_path: Path) -> None:
    one = tar([Entry(name=b"./x", data=b"")])[:512]
    bad = tmp_path / "bad.deb"
    bad.write_bytes(_deb(gzip.compress(one * 30_000, 1), "data.tar.gz"))
    db = tmp_path / "a.db"
    assert scan(db, "--limit", "members=20000", bad) == 11
    assert rows(db, "SELECT stage, kind FROM problem") == [("data", "limit")]


def test_of_too_many_programs_those_with_a_privilege_are_kept_and_the_rest_is_counted(tmp_path: Path) -> None:
    modes = {b"a": 0o755, b"b": 0o755, b"c": 0o755, b"d": 0o4755, b"e": 0o755}
    entries = [Entry(name=b"./usr/bin/" + name, data=b"", mode=mode) for name, mode in modes.items()]
    bad = tmp_path / "bad.deb"
    bad.write_bytes(deb([Entry(name=b"./control", data=CONTROL)], entries))
    db = tmp_path / "a.db"
    assert scan(db, "--limit", "kept_files=2", bad) == 11
    assert rows(db, "SELECT path FROM file ORDER BY 1") == [("usr/bin/a",), ("usr/bin/b",), ("usr/bin/d",)]
    (problem,) = rows(db, "SELECT stage, kind, message FROM problem")
    assert problem[:2] == ("data", "limit")
    assert "5 files" in str(problem[2])
    assert "(kept_files)" in str(problem[2])
    assert rows(db, "SELECT members FROM contents") == [(5,)]


def test_a_large_object_reaches_a_limit_and_the_others_are_read(
    corpus_objects: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    good = corpus_objects["hardened"]["usr/bin/hardened"].read_bytes()
    entries = [Entry(name=b"./usr/bin/big", data=good + bytes(1 << 20)), Entry(name=b"./usr/bin/small", data=good)]
    bad = tmp_path / "bad.deb"
    bad.write_bytes(deb([Entry(name=b"./control", data=CONTROL)], entries, data_compression="xz"))
    db = tmp_path / "a.db"
    assert scan(db, "--limit", "member_bytes=1000000", bad) == 11
    assert rows(db, "SELECT path, stage, kind FROM problem") == [("usr/bin/big", "data", "limit")]
    assert rows(db, "SELECT path FROM elf") == [("usr/bin/small",)]


@pytest.mark.parametrize("make", ["fifo", "dangling", "folder", "gone"])
def test_targets_that_are_no_files(make: str, corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    odd = folder / "odd.deb"
    if make == "fifo":
        os.mkfifo(odd)
    elif make == "dangling":
        odd.symlink_to("nowhere")
    elif make == "folder":
        odd.mkdir()
    db = tmp_path / "a.db"
    assert scan(db, odd, corpus_debs["hardened"]) == 11
    assert rows(db, "SELECT count(*) FROM problem WHERE stage = 'source'") == [(1,)]


def test_nothing_at_all_is_a_code_of_its_own(tmp_path: Path) -> None:
    done = archscan("scan", "--db", tmp_path / "a.db", tmp_path / "nothing.deb")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "a.db").exists()


def test_damaged_objects_leave_the_others(corpus_objects: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    good = corpus_objects["hardened"]["usr/bin/hardened"].read_bytes()
    entries = [Entry(name=b"./usr/bin/%d" % size, data=good[:size]) for size in range(4, len(good), 997)]
    entries.append(Entry(name=b"./usr/bin/whole", data=good))
    path = tmp_path / "bad.deb"
    path.write_bytes(deb([Entry(name=b"./control", data=CONTROL)], entries, data_compression="xz"))
    db = tmp_path / "a.db"
    assert scan(db, path) == 11
    assert rows(db, "SELECT path FROM elf") == [("usr/bin/whole",)]
    assert rows(db, "SELECT DISTINCT stage, kind FROM problem") == [("elf", "truncated")]
    assert rows(db, "SELECT count(*) FROM problem") == [(len(entries) - 1,)]
