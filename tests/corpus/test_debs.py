"""What the writer writes, read back by tarfile and dpkg-deb."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
from typing import TYPE_CHECKING, get_args

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from corpus.build import build_all, buildable
from corpus.capabilities import encoded
from corpus.catalogue import stubs_of
from corpus.debs import Compression, ControlCompression, Entry, compressed, deb, tar
from corpus.recipes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from corpus.build import Built

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb")


def read(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as archive:
        return archive.getmembers()


def unpacked(data: bytes, compression: str) -> bytes:
    match compression:
        case "xz" | "lzma":
            return lzma.decompress(data)
        case "zst":
            return zstandard.ZstdDecompressor().decompressobj().decompress(data)
        case "gz":
            return gzip.decompress(data)
        case "bz2":
            return bz2.decompress(data)
    return data


NAMES = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and not name.endswith(b"/"))


@given(name=NAMES, data=st.binary(max_size=2000), mode=st.integers(0, 0o7777))
def test_tarfile_reads_back_any_name_mode_and_content(name: bytes, data: bytes, mode: int) -> None:
    written = tar([Entry(name=name, data=data, mode=mode), Entry(name=b"after")])
    with tarfile.open(fileobj=io.BytesIO(written), encoding="utf-8", errors="surrogateescape") as archive:
        first, second = archive.getmembers()
        file = archive.extractfile(first)
        assert file is not None
        assert file.read() == data
    assert first.name.encode("utf-8", "surrogateescape") == name
    assert first.mode == mode
    assert second.name == "after"


@given(link=NAMES)
def test_tarfile_reads_back_any_link(link: bytes) -> None:
    (found,) = read(tar([Entry(name=b"x", kind="symlink", link=link)]))
    assert found.issym()
    assert found.linkname.encode("utf-8", "surrogateescape") == link


@given(value=st.binary(max_size=1200))
def test_the_length_of_an_extended_record_counts_itself(value: bytes) -> None:
    key = "SCHILY.xattr.user.x"
    (found,) = read(tar([Entry(name=b"x", pax={key: value})]))
    assert found.pax_headers[key].encode("utf-8", "surrogateescape") == value


def test_owners_devices_and_kinds_are_written() -> None:
    found = read(
        tar(
            [
                Entry(name=b"a", kind="character", device=(1, 3), owner="daemon", group="shadow"),
                Entry(name=b"b", kind="hardlink", link=b"a"),
                Entry(name=b"c", kind="fifo"),
                Entry(name=b"d/", kind="directory"),
            ]
        )
    )
    assert (found[0].uname, found[0].gname, found[0].uid, found[0].gid) == ("daemon", "shadow", 1, 42)
    assert (found[0].ischr(), found[0].devmajor, found[0].devminor) == (True, 1, 3)
    assert [found[1].islnk(), found[2].isfifo(), found[3].isdir()] == [True, True, True]


@pytest.mark.parametrize("compression", get_args(Compression))
def test_what_is_compressed_unpacks_to_itself(compression: Compression) -> None:
    data = bytes(range(256)) * 50
    assert unpacked(compressed(data, compression), compression) == data


@needs_dpkg
@pytest.mark.parametrize("data", get_args(Compression))
@pytest.mark.parametrize("control", get_args(ControlCompression))
def test_dpkg_reads_every_compression(control: ControlCompression, data: Compression, tmp_path: Path) -> None:
    fields = b"Package: x\nVersion: 1\nArchitecture: all\nMaintainer: m <m@x>\nDescription: d\n"
    file = tmp_path / "x.deb"
    file.write_bytes(
        deb(
            [Entry(name=b"./control", data=fields)],
            [Entry(name=b"./greeting", data=b"hello")],
            control_compression=control,
            data_compression=data,
        )
    )
    subprocess.run(["dpkg-deb", "--extract", file, tmp_path / "out"], check=True, capture_output=True)
    assert (tmp_path / "out/greeting").read_bytes() == b"hello"
    shown = subprocess.run(["dpkg-deb", "--field", file, "Package"], check=True, capture_output=True)
    assert shown.stdout.strip() == b"x"


@needs_dpkg
@pytest.mark.parametrize("name", buildable())
def test_dpkg_lists_every_package(name: str, corpus_builds: dict[str, Built]) -> None:
    built = corpus_builds[name]
    done = subprocess.run(["dpkg-deb", "--contents", built.deb], check=True, capture_output=True)
    assert len(done.stdout.splitlines()) == len(data_members(built.deb))
    field = subprocess.run(["dpkg-deb", "--field", built.deb, "Package"], check=True, capture_output=True)
    assert field.stdout.decode().strip() == name


def data_members(file: Path) -> list[tarfile.TarInfo]:
    raw, place = file.read_bytes(), 8
    while not raw[place:].startswith(b"data.tar"):
        place += 60 + int(raw[place + 48 : place + 58]) + 1 & ~1
    size, suffix = int(raw[place + 48 : place + 58]), raw[place : place + 16].decode().strip().partition("tar")[2]
    return read(unpacked(raw[place + 60 : place + 60 + size], suffix.lstrip(".")))


def test_hostile_names_arrive_as_they_are(corpus_debs: dict[str, Path]) -> None:
    found = {member.name.encode("utf-8", "surrogateescape") for member in data_members(corpus_debs["names"])}
    assert found >= {
        "./usr/share/names/grüße".encode(),
        b"./usr/share/names/caf\xe9",
        b"./usr/share/names/new\nline",
        b"./usr/share/names/back\\slash",
        b"../climbing",
        b"/absolute/program",
    }


def test_privileges_arrive_as_modes_and_attributes(corpus_debs: dict[str, Path]) -> None:
    modes = {member.name: member.mode for member in data_members(corpus_debs["privileged"])}
    assert modes["./usr/bin/suid-weak"] == modes["./usr/bin/suid-strong"] == 0o4755
    assert modes["./usr/bin/plain-weak"] == 0o755
    attributes = {member.name: member.pax_headers for member in data_members(corpus_debs["privileged-capabilities"])}
    held = attributes["./usr/bin/capable"]["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape")
    # As setcap writes cap_net_raw=ep: revision 2 with the effective bit, bit 13 permitted.
    assert held == bytes.fromhex("0100000200200000000000000000000000000000")
    assert not attributes["./usr/bin/incapable"]


def test_links_name_one_object(corpus_debs: dict[str, Path]) -> None:
    links = {member.name: member.linkname for member in data_members(corpus_debs["links"]) if member.linkname}
    assert links == {
        "./usr/bin/two": "./usr/bin/one",
        "./usr/bin/three": "one",
        "./usr/lib/links/four": "../../bin/one",
        "./usr/lib/links/elsewhere": "/usr/bin/elsewhere",
    }


def test_capabilities_above_31_go_to_the_second_word() -> None:
    assert struct.unpack("<5I", encoded("cap_perfmon,cap_net_raw=p")) == (
        0x02000000,
        1 << 13,
        0,
        1 << (38 - 32),
        0,
    )


@pytest.mark.parametrize("text", ["", "cap_net_raw", "cap_nonsense=ep", "=ep", "cap_net_raw=x"])
def test_unknown_capabilities_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        encoded(text)


def test_the_same_recipe_gives_the_same_bytes(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    wanted = ["hardened", "archives", "md5-import", "no-pie"]
    (tmp_path / "out").mkdir()
    (tmp_path / "work").mkdir()
    for built in build_all(wanted, tmp_path / "out", tmp_path / "work", stubs_of(ROOT.parent / "rules")):
        assert built.deb.read_bytes() == corpus_debs[built.name].read_bytes(), built.name
