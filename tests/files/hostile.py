"""Bytes that no parser may stumble over."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from archscan.model import FileFacts

BYTES = (
    b"",
    b"\n" * 100,
    b"\0" * 5000,
    b"\xff\xfe" * 2000,
    b"a" * (1 << 20),
    b"a=" * (1 << 19),
    b'"' * (1 << 20),
    b"'" * 99_999 + b"\n",
    b"[" * 200_000,
    b"a \\\n" * 100_000,
    b"\\" * (1 << 20),
    b"# \xe2\x80\xae evil \xe2\x80\xac\nx \xe2\x80\xae y z w v\n" * 50,
    b"a b c d e f g\n" * 100_000,
    b'KEY=="a" ' * 100_000,
    b"-----BEGIN RSA PRIVATE KEY-----\n" * 20_000,
    b"-----BEGIN CERTIFICATE-----\n" + b"MIIB" * 30_000 + b"\n",
    b"http://" * 100_000,
    b"http://a.b/" + b"c" * (1 << 20),
    b"/*" * 200_000 + b"http://a.b.c/",
    b'"""' * 200_000 + b"http://a.b.c/",
    b"<!--" * 100_000 + b"\n=head http://a.b.c/",
    b"$(" * 100_000 + b"rm -rf $X",
    b"<<A " * 50_000 + b"\n",
    b"# Automatically added by x\n" * 50_000,
    b"Template: a\nType: b\n\n" * 50_000,
)


def survives(parser: Callable[[str, bytes], FileFacts], path: str) -> None:
    """Hold every one of them against a parser: no error, bounded, storable, and in time."""
    for data in BYTES:
        started = time.process_time()
        facts = parser(path, data)
        assert time.process_time() - started < 5, (parser, data[:20])
        assert len(facts.directives) <= 5_000
        assert max(len(facts.commands), len(facts.uses), len(facts.keys)) <= 1_000
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=FileFacts)  # no surrogates, all bounded
        assert again == facts
        assert "\u202e" not in repr(facts.directives)
