"""Whole packages: what is said of their members, and that damage of one leaves the others."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from pathlib import Path

import pytest
import zstandard

from archscan.model import Elf, End, FileKind, Limits, Message, Package
from corpus.debs import Entry, ar, compressed, deb, tar
from tests.deb.building import CONTROL, files, package, problems, raw, said


@pytest.fixture(scope="module")
def program(corpus_objects: dict[str, dict[str, Path]]) -> bytes:
    return corpus_objects["hardened"]["usr/bin/hardened"].read_bytes()


def paths(messages: list[Message]) -> list[str]:
    return [one.path for one in messages if isinstance(one, Elf)]


def test_links_count_an_object_once_and_are_followed_to_their_end(program: bytes, tmp_path: Path) -> None:
    messages = said(
        package(
            Entry(name=b"./lib/x/to-later.so", kind="symlink", link=b"chain.so"),
            Entry(name=b"./lib/x/chain.so", kind="symlink", link=b"/usr/lib/x/../x/real.so"),
            Entry(name=b"./usr/lib/x/real.so", data=program),
            Entry(name=b"./usr/lib/x/hard.so", kind="hardlink", link=b"./usr/lib/x/real.so"),
            Entry(name=b"./usr/bin/to-hard", kind="symlink", link=b"../lib/x/hard.so"),
            Entry(name=b"./loop", kind="symlink", link=b"loop2"),
            Entry(name=b"./loop2", kind="symlink", link=b"loop"),
            Entry(name=b"./nowhere", kind="symlink", link=b"/etc/passwd"),
        ),
        tmp_path,
    )
    assert paths(messages) == ["usr/lib/x/real.so"]
    assert {path: one.kind.value for path, one in files(messages).items()} == {
        "usr/lib/x/real.so": "elf", "usr/lib/x/hard.so": "hardlink", "lib/x/to-later.so": "symlink",
        "lib/x/chain.so": "symlink", "usr/bin/to-hard": "symlink",
    }  # fmt: skip
    assert problems(messages) == []


def test_modes_and_owners_come_from_the_archive(program: bytes, tmp_path: Path) -> None:
    messages = said(
        package(Entry(name=b"./usr/bin/x", data=program, mode=0o6755, owner="root", group="shadow")), tmp_path
    )
    one = files(messages)["usr/bin/x"]
    assert (one.mode, one.owner, one.group, one.size) == (0o6755, "root", "shadow", len(program))
    assert (one.privilege, one.privilege_source) == ("setgid setuid", "tar")


def test_what_scripts_grant_goes_to_programs_only(program: bytes, tmp_path: Path) -> None:
    script = b"""#!/bin/sh
chmod u+s /bin/x; setcap cap_net_raw+ep /usr/bin/x
chmod g+s /var/mail /var/lib/thing /usr/games/elsewhere
chmod 2755 /usr/share/folder
chmod 4755 /usr/bin/not-here
"""
    members = (Entry(name=b"./usr/bin/x", data=program), Entry(name=b"./usr/share/folder/", kind="directory"))
    privileges = {
        path: one.privilege for path, one in files(said(package(*members, postinst=script), tmp_path)).items()
    }
    assert privileges == {
        "usr/bin/x": "cap_net_raw=ep setuid", "usr/games/elsewhere": "setgid", "usr/bin/not-here": "setuid"
    }  # fmt: skip


def test_a_name_that_no_column_holds_is_a_problem_and_the_rest_is_read(program: bytes, tmp_path: Path) -> None:
    messages = said(
        package(
            Entry(name=b"./usr/" + b"n" * 100_000, data=program),
            Entry(name=b"./usr/bin/link", kind="symlink", link=b"\xff" * 30_000),
            Entry(name=b"./usr/bin/x", data=program),
        ),
        tmp_path,
    )
    assert problems(messages) == [("data", "limit", None)] * 2
    assert paths(messages) == ["usr/bin/x"]
    assert isinstance(messages[-1], End)


@pytest.mark.parametrize("kind", ["xz", "zst", "gz"])
def test_packed_modules_are_read(kind: str, program: bytes, tmp_path: Path) -> None:
    packed = compressed(program, kind)  # type: ignore[arg-type]
    assert paths(said(package(Entry(name=f"./lib/m.ko.{kind}".encode(), data=packed)), tmp_path)) == [
        f"lib/m.ko.{kind}"
    ]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        (b"./m.ko.xz", lzma.compress(b"\x7fELF" + bytes(200 << 20)), "limit"),
        (b"./m.ko.zst", zstandard.ZstdCompressor().compress(b"\x7fELF" + bytes(200 << 20)), "limit"),
        (b"./m.ko.gz", gzip.compress(b"\x7fELF" + bytes(200 << 20)), "limit"),
        (b"./m.ko.xz", lzma.compress(bytes(range(256)) * 90)[:-30], "truncated"),
        (b"./m.ko.xz", b"no compressed data at all", "corrupt"),
        (b"./lib.a", b"!<arch>\n" + b"x" * 100, "corrupt"),
        (b"./lib.a", ar([("a.o", b"1234567890")])[:-4], "truncated"),
    ],
)
def test_a_damaged_member_is_one_problem_with_its_path(
    name: bytes, data: bytes, kind: str, program: bytes, tmp_path: Path
) -> None:
    messages = said(package(Entry(name=name, data=data), Entry(name=b"./usr/bin/x", data=program)), tmp_path)
    assert problems(messages) == [("data", kind, name.decode().removeprefix("./"))]
    assert paths(messages) == ["usr/bin/x"]
    assert isinstance(messages[-1], End)


def test_static_libraries_are_read_with_names_of_every_form(program: bytes, tmp_path: Path) -> None:
    bsd = b"#1/20".ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + b"644".ljust(8)
    long = b"a-long-name-of-bsd.o"
    other = bsd + str(len(program) + 20).encode().ljust(10) + b"`\n" + long + program + b"\n" * (len(program) & 1)
    library = ar([("one.o/", program), ("one.o/", program), ("notes.txt/", b"text")]) + other
    found = paths(said(package(Entry(name=b"./usr/lib/l.a", data=library)), tmp_path))
    assert found == [f"usr/lib/l.a({name})" for name in ("one.o", "one.o#2", "a-long-name-of-bsd.o")]


def test_static_libraries_of_binutils_are_read(program: bytes, tmp_path: Path) -> None:
    for name in ("short.o", "a-name-of-more-than-sixteen-bytes.o"):
        (tmp_path / name).write_bytes(program)
    for options, thin in (("rcs", False), ("rcsT", True)):
        library = tmp_path / "l.a"
        library.unlink(missing_ok=True)
        subprocess.run(
            ["ar", options, "l.a", "short.o", "a-name-of-more-than-sixteen-bytes.o"], cwd=tmp_path, check=True
        )
        messages = said(package(Entry(name=b"./l.a", data=library.read_bytes())), tmp_path)
        expected = [] if thin else ["l.a(short.o)", "l.a(a-name-of-more-than-sixteen-bytes.o)"]
        assert paths(messages) == expected
        assert files(messages)["l.a"].kind == (FileKind.ARCHIVE if thin else FileKind.STATIC_ARCHIVE)
        assert problems(messages) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (b"x.jar", b"PK\x03\x04" + bytes(20)), (b"x.deb", b"!<arch>\ndebian-binary"),
        (b"x.tar.gz", b"\x1f\x8b" + bytes(20)),
        (b"x.squashfs", b"hsqs" + bytes(20)), (b"x.7z", b"7z\xbc\xaf\x27\x1c" + bytes(9)),
        (b"initrd.img", b"070701" + bytes(9)),
    ],
)  # fmt: skip
def test_what_is_not_looked_into_is_said(name: bytes, data: bytes, tmp_path: Path) -> None:
    messages = said(package(Entry(name=b"./usr/share/" + name, data=data)), tmp_path)
    assert [one.kind for one in files(messages).values()] == [FileKind.ARCHIVE]
    assert problems(messages) == []


def test_further_members_of_the_outer_archive_and_their_order_are_no_matter(tmp_path: Path) -> None:
    control, data = tar([Entry(name=b"control", data=CONTROL)]), tar([Entry(name=b"x", data=b"")])
    for parts in (
        [("control.tar", control), ("_gpgorigin", b"sig"), ("data.tar", data)],
        [("data.tar", data), ("control.tar", control), ("_extra", b"")],
    ):
        messages = said(ar([("debian-binary", b"2.0\n"), *parts]), tmp_path)
        assert problems(messages) == []
        assert [one.name for one in messages if isinstance(one, Package)] == ["thing"]


def test_a_package_cut_anywhere_is_one_problem(tmp_path: Path) -> None:
    content = deb([Entry(name=b"./control", data=CONTROL)], [Entry(name=b"./x", data=b"")])
    for at in range(0, len(content) - 1, 3):
        ((_, kind, path),) = problems(said(content[:at], tmp_path))
        assert kind in ("not-a-deb", "truncated", "corrupt"), at
        assert path is None


def test_damage_at_the_end_keeps_what_was_found(program: bytes, tmp_path: Path) -> None:
    script = b"#!/bin/sh\nchmod 4755 /usr/bin/not-here\n"
    whole = package(Entry(name=b"./usr/bin/x", data=program), postinst=script)
    link = [Entry(name=b"./usr/bin/x", data=program), Entry(name=b"./l", kind="symlink", link=b"usr/bin/x")]
    messages = said(raw("data.tar", tar(link) + b"garbage" * 100), tmp_path)
    assert problems(messages) == [("data", "corrupt", None)]
    assert set(files(messages)) == {"usr/bin/x", "l"}
    assert set(files(said(whole, tmp_path))) == {"usr/bin/x", "usr/bin/not-here"}


@pytest.mark.parametrize("size", [1 << 20, 40 << 20])
def test_a_control_archive_is_bounded(size: int, tmp_path: Path) -> None:
    control = tar([Entry(name=b"./md5sums", data=bytes(size)), Entry(name=b"./control", data=CONTROL)])
    parts = [("debian-binary", b"2.0\n"), ("control.tar.gz", gzip.compress(control, 1)), ("data.tar", tar([]))]
    expected = [("control", "limit", None)] if size > Limits().control_bytes else []
    assert problems(said(ar(parts), tmp_path)) == expected


@pytest.mark.parametrize("control", ["xz", "zst", "gz", "none"])
@pytest.mark.parametrize("data", ["xz", "zst", "gz", "bz2", "lzma", "none"])
def test_every_compression_is_read(control: str, data: str, program: bytes, tmp_path: Path) -> None:
    content = deb(
        [Entry(name=b"./control", data=CONTROL)],
        [Entry(name=b"./usr/bin/x", data=program)],
        control_compression=control,  # type: ignore[arg-type]
        data_compression=data,  # type: ignore[arg-type]
    )
    messages = said(content, tmp_path)
    assert (paths(messages), problems(messages)) == (["usr/bin/x"], [])


def test_hostile_names_are_stored_as_they_are(program: bytes, tmp_path: Path) -> None:
    names = ["../climbing", "/absolute", "new\nline", "back\\slash", "gr\u00fc\u00dfe", "caf\udce9", "left\u202eright"]
    raw_names = [name.encode("utf-8", "surrogateescape") for name in names]
    found = files(said(package(*(Entry(name=name, data=program) for name in raw_names)), tmp_path))
    assert list(found) == [
        "../climbing", "/absolute", "new\\x0aline", "back\\\\slash", "gr\u00fc\u00dfe", "caf\\xe9",
        "left\\xe2\\x80\\xaeright",
    ]  # fmt: skip
    assert all(one.kind == FileKind.ELF for one in found.values())
