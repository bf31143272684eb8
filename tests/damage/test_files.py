"""No text makes a parser of files fail, or take time that grows with its square."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec
import pytest

from archscan import files
from archscan.files.parser import Parser
from archscan.files.places import PLACES
from archscan.model import FileFacts, Message

BOOK = files.load_book([Path("rules")])
SCRIPTS = {
    "a/x.py": b"import hashlib\nhashlib.md5()\n", "a/x.pl": b"use Digest::MD5;\nmd5_hex($a);\n",
    "a/x.php": b"<?php md5($a);\n", "a/x.rb": b"require 'digest'\nDigest::MD5.hexdigest('a')\n",
    "a/x.sh": b"md5sum a\n", "a/x.class": b"\xca\xfe\xba\xbe\0\0\0\x34", "a/x.jar": b"PK\x03\x04",
}  # fmt: skip
# What is special in one of the languages, again and again: open ends, nesting, and what begins something.
UNITS = (
    b'a', b'(', b"'", b'"', b'\\\n', b'\\', b'<a>', b'<!--', b'{', b'$(', b'$((', b'`', b'[x]\n', b'a=', b' ',
    b'\t\n', b'#', b'/*', b'-----BEGIN RSA PRIVATE KEY-----\n', b'-----BEGIN CERTIFICATE-----\nAAAA\n', b'://',
    b'http://a ', b'http://', b'\n', b'a b c d e f g h\n', b'0 0 * * * root x\n', b'<<a\n', b'<<', b'${', b'${a:-',
    b'if ', b'case x in ', b'Template: a/b\nType: string\n\n', b'ExecStart=/bin/x ', b'ExecStart=', b'profile x {\n',
    b'@{a}', b'{a,', b'ALL=(ALL) ', b'ALL ALL=', b'User_Alias A=', b'net.a=1\n', b'*/', b'f /a 777 - - -\n',
    b'KERNEL=="a", ', b'%', b'&&', b'|', b';', b'\xff', b'\x00', b'\xe2\x80\xae', b'return polkit.Result.YES;\n',
    b'if (a) {', b'polkit.addRule(function(a,b) {', b'function a() {\n', b'a() { ', b'esac\n', b'ListenStream=',
    b'<policy user="a">', b'<allow a="b"/>', b'auth [a=', b'+', b'-', b',', b'digest-algo md5\n',
    b'# Automatically added by dh_x\n', b'"""', b"'''", b'=pod\n', b'chmod 777 ', b'curl a | sh; ', b'rm -rf $A ',
    b'hashlib.md5(', b'def f():\n ', b'lambda: ', b'[', b"f'{", b'if 1:\n', b'md5(md5(', b'q{', b'qw(', b'<<A;\n',
    b's/a/', b'?>', b'/* md5 */', b'md5sum $(', b'openssl dgst -md5 `', b'#{', b'"#{md5 ', b'%w(', b'a->b', b'::',
)  # fmt: skip
_DECODER = msgspec.msgpack.Decoder(Message)


@contextmanager
def _within(seconds: int) -> Iterator[None]:
    """Whatever takes more time of the processor hangs."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _parsers() -> list[tuple[str, Parser, bytes]]:
    placed = {parser: "etc/x.service" for _, parser in PLACES}
    return [(path, parser, b"") for parser, path in placed.items()] + [
        (path, files.text, begin) for path, begin in SCRIPTS.items()
    ]


def _name(case: tuple[str, Parser, bytes]) -> str:
    path, parser, _ = case
    return path if parser is files.text else parser.__name__


def _survives(case: tuple[str, Parser, bytes], size: int, seconds: int) -> None:
    path, parser, begin = case
    for unit in UNITS:
        data = (begin + unit * (size // len(unit)))[:size]
        with _within(seconds):
            facts = files.said(path, data, parser, BOOK)
        encoded = msgspec.msgpack.encode(facts)
        assert isinstance(_DECODER.decode(encoded), FileFacts), unit
        assert len(encoded) < 8 << 20, unit


@pytest.mark.parametrize("case", _parsers(), ids=_name)
def test_no_text_stops_a_parser(case: tuple[str, Parser, bytes]) -> None:
    _survives(case, 4 << 10, 20)


@pytest.mark.full
@pytest.mark.parametrize("case", _parsers(), ids=_name)
def test_no_large_text_stops_a_parser(case: tuple[str, Parser, bytes]) -> None:
    _survives(case, 256 << 10, 30)  # what grows with the square takes minutes
