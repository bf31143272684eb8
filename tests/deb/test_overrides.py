"""Lintian overrides, in the forms that lintian's manual gives them and in those that packages have."""

from __future__ import annotations

import gzip
import subprocess
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.deb.overrides import overrides
from archscan.model import Message, Override, unescape
from corpus.debs import Entry
from tests.deb.building import LIMITS, package, problems, said

FILE = b"./usr/share/lintian/overrides/thing"


def _read(text: str | bytes, architecture: str | None = "amd64") -> list[Override]:
    content = text.encode() if isinstance(text, str) else text
    return list(overrides(content, "foo", architecture))


def _line(text: str) -> tuple[str, str] | None:
    """Tag and context of the only override in a text, or None."""
    found = [(one.tag, one.context) for one in _read(text)]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("some-tag", ("some-tag", "")),
        ("some-tag exact match", ("some-tag", "exact match")),
        ("  some-tag \t exact\u00a0 match  ", ("some-tag", "exact match")),
        ("foo: some-tag", ("some-tag", "")),
        ("foo binary: some-tag [usr/bin/x]", ("some-tag", "[usr/bin/x]")),
        ("binary: some-tag", ("some-tag", "")),
        ("binary:some-tag *", ("some-tag", "*")),
        ("[amd64]: some-tag", ("some-tag", "")),
        ("foo [amd64 i386] binary : some-tag", ("some-tag", "")),
        ("foo [amd64]: some-tag", ("some-tag", "")),
        # What names something must end with a colon, or else is none (Debian bug 699628).
        ("foo some-tag", None),
        ("binary some-tag", None),
        ("[amd64] some-tag", None),
        ("foo binary:", None),
        # Only the package's own name and type are known: the rest is taken for a tag, which no rule has.
        ("bar: some-tag", ("bar:", "some-tag")),
        ("source: some-tag", ("source:", "some-tag")),
        ("foobar some-tag", ("foobar", "some-tag")),
        ("binary-without-manpage usr/bin/x", ("binary-without-manpage", "usr/bin/x")),
        ("# some-tag", None),
    ],
)
def test_a_line(line: str, expected: tuple[str, str] | None) -> None:
    assert _line(line) == expected


# The two examples of "Documenting overrides" in lintian's manual, as tags and comments.
DOCUMENTED = """
# shown above all tags of the
#   next two

foo: not-commented
# shown above both
# of them
foo binary: some-tag exact match
foo binary: some-tag wildcard * match
# its own
foo binary: some-tag another exact match
foo binary: other-tag directly below

foo binary: some-tag without a comment
#
#no space
foo binary: some-tag last
"""


def test_comments_belong_to_the_lines_below_them() -> None:
    assert [(one.line, one.context or one.tag, one.comment) for one in _read(DOCUMENTED)] == [
        (5, "not-commented", ""),
        (8, "exact match", "shown above both of them"),
        (9, "wildcard * match", "shown above both of them"),
        (11, "another exact match", "its own"),
        (12, "directly below", ""),
        (14, "without a comment", ""),
        (17, "last", "no space"),
    ]


# Lists and architectures, with what `dpkg-architecture -aARCHITECTURE -iNAME` says of each (Policy 11.1.1).
WILDCARDS = [
    ("amd64", "amd64", True),
    ("amd64", "i386", False),
    ("any", "amd64", True),
    ("any", "kfreebsd-amd64", True),
    ("any-amd64", "amd64", True),
    ("any-amd64", "x32", True),
    ("any-amd64", "kfreebsd-amd64", True),
    ("any-amd64", "musl-linux-amd64", True),
    ("any-i386", "amd64", False),
    ("any-i386", "hurd-i386", True),
    ("any-arm", "armhf", True),
    ("any-arm", "armel", True),
    ("any-arm", "arm64", False),
    ("any-arm", "uclibc-linux-armel", True),
    ("any-armhf", "armhf", False),
    ("linux-any", "ppc64el", True),
    ("linux-any", "kfreebsd-amd64", False),
    ("kfreebsd-any", "kfreebsd-amd64", True),
    ("hurd-any", "hurd-i386", True),
    ("gnu-any-any", "s390x", True),
    ("gnu-any-any", "freebsd-amd64", False),
    ("bsd-any-any", "freebsd-amd64", True),
    ("musl-linux-any", "musl-linux-armhf", True),
    ("musl-linux-any", "armhf", False),
    ("eabihf-any-any-any", "armhf", True),
    ("eabihf-any-any-any", "armel", False),
    ("any-any-linux-arm", "armhf", True),
    ("abi64-any-any-any", "mips64el", True),
    ("any-mips64el", "mipsn32el", True),
    ("linux-amd64", "amd64", False),
]


@pytest.mark.parametrize(("name", "architecture", "expected"), WILDCARDS)
def test_an_architecture_and_its_wildcards(name: str, architecture: str, expected: bool) -> None:
    (one,) = _read(f"[{name}]: some-tag", architecture)
    assert (one.architectures, one.applies) == (name, expected)


def test_the_architectures_are_those_of_dpkg() -> None:
    for name, architecture, expected in WILDCARDS:
        if "any" in name.split("-"):
            done = subprocess.run(
                ["dpkg-architecture", "-a", architecture, "-i", name], capture_output=True, check=False
            )
            assert (done.returncode == 0) == expected, (name, architecture)


@pytest.mark.parametrize(
    ("names", "architecture", "expected"),
    [
        ("amd64 i386", "i386", True),
        ("amd64 i386", "arm64", False),
        ("!amd64 !i386", "arm64", True),
        ("!amd64 !i386", "i386", False),
        ("!any-i386", "hurd-i386", False),
        ("!any-i386", "amd64", True),
        ("any", "all", False),
        ("all", "all", True),
        ("", "amd64", True),
        ("amd64", None, False),
        ("any-any-any-any-any", "amd64", False),
    ],
)
def test_lists_of_architectures(names: str, architecture: str | None, expected: bool) -> None:
    (one,) = _read(f"[{names}]: some-tag", architecture)
    assert one.applies == expected


def test_odd_bytes_are_kept_escaped() -> None:
    (one,) = _read(b"# caf\xe9 \\ \xe2\x80\xae\nsome-tag [usr/bin/na\xefve]\x00\n")
    assert one.comment == "caf\\xe9 \\\\ \\xe2\\x80\\xae"
    assert unescape(one.context) == b"[usr/bin/na\xefve]\x00"


def test_texts_are_bounded_and_a_comment_is_not_multiplied() -> None:
    content = b"# " + b"word " * 100_000 + b"\n" + b"tag x\n" * 80_000
    started = time.process_time()
    found = _read(content)
    assert time.process_time() - started < 5
    assert len(found) == 80_000
    assert len(found[-1].comment) <= 2_000
    assert found[-1].comment.endswith("…")
    assert _read(b"tag " + b"x" * 100_000) == _read(b"t" * 1_000) == []
    message = msgspec.msgpack.encode(_read(b"# \xff\n" * 10_000 + b"tag " + b"\xff" * 8_000)[0])
    assert msgspec.msgpack.decode(message, type=Override).comment.endswith("…")


@given(st.one_of(st.binary(max_size=300), st.text("foo binary:#[]!amd64-any* \n\t\x1c", max_size=200).map(str.encode)))
def test_nothing_breaks_the_reader(content: bytes) -> None:
    for one in overrides(content, "foo", "amd64"):
        assert msgspec.convert(msgspec.to_builtins(one), Override) == one
        assert one.tag


def _overrides(messages: list[Message]) -> list[tuple[str, str]]:
    return [(one.tag, one.context) for one in messages if isinstance(one, Override)]


def test_only_the_packages_own_file_is_read(tmp_path: Path) -> None:
    others = [
        Entry(name=b"./usr/share/lintian/overrides/other", data=b"tag other\n"),
        Entry(name=b"./usr/share/lintian/overrides/thing/nested", data=b"tag nested\n"),
        Entry(name=b"./usr/share/doc/thing", data=b"tag doc\n"),
    ]
    assert _overrides(said(package(*others, Entry(name=FILE, data=b"tag own\n")), tmp_path)) == [("tag", "own")]
    assert _overrides(said(package(*others), tmp_path)) == []


def test_of_a_file_that_is_there_twice_the_last_counts(tmp_path: Path) -> None:
    twice = package(Entry(name=FILE, data=b"tag 1\ntag 2\n"), Entry(name=FILE, data=b"tag 3\n"))
    assert _overrides(said(twice, tmp_path)) == [("tag", "3")]


def test_a_compressed_file_counts_where_there_is_no_plain_one(tmp_path: Path) -> None:
    packed = Entry(name=FILE + b".gz", data=gzip.compress(b"tag packed\n"))
    plain = Entry(name=FILE, data=b"tag plain\n")
    assert _overrides(said(package(packed), tmp_path)) == [("tag", "packed")]
    for both in ((packed, plain), (plain, packed)):
        assert _overrides(said(package(*both), tmp_path)) == [("tag", "plain")]


def test_a_file_that_was_compressed_in_parts_is_read_whole(tmp_path: Path) -> None:
    """As gunzip does it, zeros behind them included."""
    data = gzip.compress(b"tag one\n") + gzip.compress(b"") + gzip.compress(b"tag two\n") + bytes(512)
    messages = said(package(Entry(name=FILE + b".gz", data=data)), tmp_path)
    assert ([context for _, context in _overrides(messages)], problems(messages)) == (["one", "two"], [])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"tag 1\n", "corrupt"),
        (gzip.compress(b"tag 1\n")[:-9], "truncated"),
        (gzip.compress(b"tag 1\n") + gzip.compress(b"tag 2\n")[:-9], "truncated"),
        (gzip.compress(b"tag 1\n")[:-5] + bytes(5), "corrupt"),
        (gzip.compress(b"t\n" * LIMITS.override_bytes) + gzip.compress(b"t\n"), "limit"),
        (gzip.compress(b"t\n" * (LIMITS.override_bytes // 2 + 1)), "limit"),
    ],
    ids=["no-gzip", "cut", "second-cut", "wrong-sum", "bomb-of-two", "bomb"],
)
def test_a_compressed_file_that_cannot_be_unpacked(data: bytes, kind: str, tmp_path: Path) -> None:
    messages = said(package(Entry(name=FILE + b".gz", data=data)), tmp_path)
    assert (_overrides(messages), problems(messages)) == ([], [("data", kind, FILE.decode()[2:] + ".gz")])


def test_limits(tmp_path: Path) -> None:
    small = msgspec.structs.replace(LIMITS, override_bytes=20)
    path = FILE.decode().removeprefix("./")
    messages = said(package(Entry(name=FILE, data=b"tag 1\n" * 4)), tmp_path, small)
    assert (_overrides(messages), problems(messages)) == ([], [("data", "limit", path)])
    messages = said(package(Entry(name=FILE, data=b"tag 1\n" * 3)), tmp_path, small)
    assert (len(_overrides(messages)), problems(messages)) == (3, [])
    messages = said(package(Entry(name=FILE, data=b"t\n" * 20_001)), tmp_path)
    assert (len(_overrides(messages)), problems(messages)) == (20_000, [("data", "limit", path)])


def test_an_elf_object_cannot_hide_in_its_place(tmp_path: Path) -> None:
    messages = said(package(Entry(name=FILE, data=b"\x7fELF\ntag\n" + b"\0" * 100)), tmp_path)
    assert [stage for stage, _, _ in problems(messages)] == ["elf"]
    assert _overrides(messages) == []
