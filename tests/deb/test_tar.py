"""Tar headers: the members that tarfile sees, and hostile ones within bounds."""

from __future__ import annotations

import io
import tarfile
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.errors import DebError, LimitError
from archscan.model import Limits, escape, unescape
from corpus.debs import Entry, tar
from tests.deb.building import listed

TYPES = {
    tarfile.REGTYPE: "regular", tarfile.LNKTYPE: "hardlink", tarfile.SYMTYPE: "symlink", tarfile.DIRTYPE: "directory",
    tarfile.FIFOTYPE: "other", tarfile.CHRTYPE: "other",
}  # fmt: skip
NAMES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=180)


@st.composite
def infos(draw: st.DrawFn) -> tarfile.TarInfo:
    info = tarfile.TarInfo("usr/" + draw(NAMES).strip("/") + "x")
    info.type = draw(st.sampled_from(list(TYPES)))
    info.linkname = draw(NAMES) if info.type in (tarfile.LNKTYPE, tarfile.SYMTYPE) else ""
    info.size = draw(st.integers(0, 2000)) if info.type == tarfile.REGTYPE else 0
    info.mode = draw(st.integers(0, 0o7777))
    info.uid, info.gid = draw(st.integers(0, 2**31)), draw(st.integers(0, 70_000))
    info.uname, info.gname = draw(st.sampled_from(["", "root", "müller"])), draw(st.sampled_from(["", "shadow"]))
    info.mtime = draw(st.one_of(st.integers(0, 2**33), st.floats(0, 2**31)))
    return info


@given(wanted=st.lists(infos(), max_size=6), form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_what_tarfile_writes_is_read(wanted: list[tarfile.TarInfo], form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
        for info in wanted:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    for info, member in zip(wanted, listed(out.getvalue()), strict=True):
        assert unescape(member.name) == info.name.removeprefix("./").encode()
        assert member.type == TYPES[info.type]
        assert (member.mode, member.size, int(member.modified)) == (info.mode, info.size, int(info.mtime))
        assert (member.owner, member.group) == (info.uname or str(info.uid), info.gname or str(info.gid))
        if info.linkname:
            assert unescape(member.link or "") == info.linkname.encode().removeprefix(b"./").rstrip(b"/") or member.link


RAW = st.binary(min_size=1, max_size=400).filter(lambda name: b"\0" not in name and not name.endswith(b"/"))


@given(name=RAW)
def test_any_name_survives_reversibly(name: bytes) -> None:
    (member,) = listed(tar([Entry(name=b"./" + name)]))
    assert unescape(member.name) == name
    member.name.encode("utf-8")
    assert member.name.isprintable() or not member.name.isascii()


@given(raw=st.binary(max_size=60))
def test_unescape_inverts_escape(raw: bytes) -> None:
    assert unescape(escape(raw)) == raw
    assert unescape(escape(raw.decode("utf-8", "surrogateescape"))) == raw


@pytest.mark.parametrize("name", ["new\nline", "../up", "/abs", "back\\slash", "ri\u202eght", "tab\t", "n" * 100_000])
def test_odd_names(name: str) -> None:
    (member,) = listed(tar([Entry(name=name.encode())]))
    assert unescape(member.name) == name.encode()


GOOD = tar([Entry(name=b"./one", data=b"1" * 700), Entry(name=b"./" + b"two" * 50, data=b"2" * 512)])


@given(at=st.integers(0, len(GOOD) - 1))
def test_an_archive_cut_anywhere_is_damaged(at: int) -> None:
    # Within the last empty block dpkg, too, has seen the end.
    if at >= len(GOOD) - 512:
        assert len(listed(GOOD[:at])) == 2
        return
    with pytest.raises(DebError) as caught:
        listed(GOOD[:at])
    assert caught.value.kind == "truncated"


@given(at=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_read_or_damage(at: int, bit: int) -> None:
    broken = bytearray(GOOD)
    broken[at] ^= 1 << bit
    try:
        found = listed(bytes(broken))
    except DebError:
        return
    assert [member.size for member in found] == [700, 512]


@pytest.mark.parametrize("tail", [b"garbage" * 100, tar([Entry(name=b"hidden")])])
def test_what_follows_the_end_is_told(tail: bytes) -> None:
    with pytest.raises(DebError, match="data follows the end"):
        listed(GOOD + tail)


def test_garbage_instead_of_a_header_is_told() -> None:
    with pytest.raises(DebError, match="damaged after 2 members"):
        listed(GOOD[:-1024] + b"garbage!" * 128 + bytes(1024))


def header(name: bytes = b"x", kind: bytes = b"0", size: int | bytes = 0, extra: bytes = b"") -> bytes:
    """One header block with a checksum; ``extra`` stands at offset 257."""
    field = size if isinstance(size, bytes) else b"%011o\0" % size
    fields = name.ljust(100, b"\0") + b"0000644\0" * 3 + field + b"%011o\0" % 0 + b" " * 8 + kind
    block = (fields.ljust(257, b"\0") + extra).ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def pax(body: bytes, kind: bytes = b"x") -> bytes:
    return header(kind=kind, size=len(body)) + body + bytes(-len(body) % 512)


def record(key: str, value: object) -> bytes:
    r"""``length key=value\n``: the length counts its own digits."""
    rest = f" {key}={value}\n".encode()
    return str(len(rest) + len(str(len(rest) + 2))).encode() + rest


END = bytes(1024)


@pytest.mark.parametrize(
    ("archive", "limit"),
    [
        (pax(b"x" * (2 << 20)), "header_bytes"),
        (pax(b"", b"x") * 5000 + header() + END, "header_bytes"),
        (pax(b"", b"L") * 5000 + header() + END, "header_bytes"),
        (pax(record("a", 1), b"g") * 5000 + header() + END, "header_bytes"),
        (header(kind=b"S", extra=bytes(225) + b"\1") + (bytes(504) + b"\1" + bytes(7)) * 5000, "header_bytes"),
        (header() * 3000 + END, "members"),
    ],
    ids=["one huge", "many pax", "many long names", "many global", "sparse map", "members"],
)
def test_headers_have_a_budget(archive: bytes, limit: str) -> None:
    started = time.process_time()
    with pytest.raises(LimitError) as caught:
        listed(archive, limits=Limits(members=2000))
    assert caught.value.limit == limit
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "body",
    [b"1" * 900_000, b"2 " * 400_000 + b"=", b"4 a=\n", b"99 a=b\n", b"0 a=b\n", b"-5 a=b\n", b"6 a=bc", b"7 abcd\n",
     b"14 size=many\n\n", b"12 size=-1\n\n", b"13 mtime=inf\n", b"13 mtime=1:0\n"],
)  # fmt: skip
def test_damaged_records_are_damage_and_quick(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(DebError):
        listed(pax(body) + header() + END)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "size", [b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"nonsense\0\0\0\0", b"99999999999\0"]
)
def test_sizes_that_are_none_are_damage(size: bytes) -> None:
    with pytest.raises(DebError) as caught:
        listed(header(size=size) + END)
    assert caught.value.kind == "corrupt"


def test_a_terabyte_of_nothing_is_a_sparse_member_in_every_form() -> None:
    terabyte = b"\x80" + (1 << 40).to_bytes(11, "big")
    old = header(kind=b"S", extra=b"ustar  \0".ljust(226, b"\0") + terabyte)
    records = record("GNU.sparse.major", 1) + record("GNU.sparse.minor", 0) + record("GNU.sparse.realsize", 1 << 40)
    new = pax(records) + header(size=512) + b"0\n".ljust(512, b"\0")
    middle = pax(record("GNU.sparse.size", 1 << 40)) + header()
    found = listed(old + new + middle + header(name=b"after") + END)
    assert [(member.type, member.size) for member in found] == [("sparse", 1 << 40)] * 3 + [("regular", 0)]


def test_links_have_no_content_whatever_their_size_says() -> None:
    found = listed(header(kind=b"1", size=4096) + header(name=b"after") + END)
    assert [member.name for member in found] == ["x", "after"]
