"""Copies of libraries inside objects: the shipped texts, on bytes as compilers lay them down."""

from __future__ import annotations

from pathlib import Path

import pytest

from archscan.elf.embedded import FILE, embedded, load_embedded
from archscan.errors import RuleError
from archscan.model import Component
from corpus.recipes import ROOT

LIBRARIES = load_embedded([ROOT.parent / "rules"])

INFLATE = b"\0 inflate 1.2.11 Copyright 1995-2017 Mark Adler \0incorrect header check\0"
DEFLATE = b"\0 deflate 1.2.11 Copyright 1995-2017 Jean-loup Gailly and Mark Adler \0"
CRYPTO = b'\0OpenSSL 1.1.1k  25 Mar 2021\0OPENSSLDIR: "/usr/lib/ssl"\0'


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (INFLATE, {("zlib", "1.2.11")}),
        (DEFLATE + INFLATE, {("zlib", "1.2.11")}),
        (INFLATE + INFLATE.replace(b"1.2.11", b"1.2.13"), {("zlib", None)}),
        (CRYPTO, {("openssl", "1.1.1k")}),
        (b'\0OpenSSL 3.0.11 19 Sep 2023\0OPENSSLDIR: "/x"\0', {("openssl", "3.0.11")}),
        (b"\0expat_2.4.1\0not well-formed (invalid token)\0", {("expat", "2.4.1")}),
        (b"\0libpng version 1.6.37 - April 14, 2019\0Application built with libpng-\0", {("libpng", "1.6.37")}),
        (b"\0$LuaVersion: Lua 5.3.6  Copyright (C) 1994-2020 Lua.org, PUC-Rio $$LuaAuthors\0", {("lua", "5.3.6")}),
        (b"\n\nbzip2/libbzip2: internal error number %d.\n", {("bzip2", None)}),
        (b"\0libcurl/7.68.0\0URL using bad/illegal format or missing URL\0", {("libcurl", "7.68.0")}),
        # What a header alone brings along, or a message about a library.
        (b"\0built with OpenSSL 1.1.1k  25 Mar 2021\0", set()),
        (b"\0User-Agent: libcurl/7.68.0\0", set()),
        (b"\0libpng version 1.6.37 is too old\0", set()),
        (b"\0libpng version %s\0Application built with libpng-\0", set()),
        (b"\0zlib: inflate 1.2.11\0", set()),
        (b"\0expat_2.4.1\0", set()),
        (b"", set()),
        (b"flate 1." * 10_000 + b"incorrect header check", set()),
    ],
)
def test_copies_by_their_texts(data: bytes, expected: set[tuple[str, str | None]]) -> None:
    found = embedded(data, None, LIBRARIES)
    assert {(one.name, one.version) for one in found} == expected
    assert {(one.ecosystem, one.evidence) for one in found} <= {("embedded", "text")}


def test_a_library_is_no_copy_of_itself() -> None:
    assert embedded(INFLATE, "libz.so.1", LIBRARIES) == ()
    assert embedded(INFLATE, "libfoo.so.1", LIBRARIES) == (Component("embedded", "zlib", "1.2.11", "text"),)
    assert embedded(CRYPTO, "libcrypto.so.1.1", LIBRARIES) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x", "expected TOML"), ("[[library]]\nname='a'", "sonames"),
     ("[[library]]\nname='a'\nsonames=[]\ntext='abc'", "text: expected at least 4"),
     ("[[library]]\nname='a'\nsonames=[]\ntext='abcd'\nversion='('", "regular expression"),
     ("[[library]]\nname='a'\nsonames=[]\ntext='abcd'\nversion='a'", "expected one group, got 0"),
     ("[[library]]\nname='a'\nsonames=[]\ntext='abcd'\nwhy='a'", "why")],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(RuleError, match=expected) as caught:
        load_embedded([tmp_path])
    assert FILE in str(caught.value)


def test_a_folder_of_ones_own_replaces_a_library(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[[library]]\nname='zlib'\nsonames=[]\ntext='mine mine'\n")
    found = load_embedded([ROOT.parent / "rules", tmp_path])
    assert len(found) == len(LIBRARIES)
    assert embedded(INFLATE, None, found) == ()
    assert embedded(b"mine mine", None, found) == (Component("embedded", "zlib", None, "text"),)
