"""Addresses that a file names without encryption."""

from __future__ import annotations

import time

import pytest

from archscan.files.endpoints import endpoints, in_place
from tests.files.hostile import BYTES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("curl http://get.project.dev/a.sh", [(1, "http://get.project.dev/a.sh")]),
        ('a\nb\nURL = "ftp://ftp.project.dev/x"', [(3, "ftp://ftp.project.dev/x")]),
        ("uri ldap://ldap.project.dev:389/", [(1, "ldap://ldap.project.dev:389/")]),
        ("x=(http://a.project.dev/x), y", [(1, "http://a.project.dev/x")]),
        ("http://8.8.8.8/dns", [(1, "http://8.8.8.8/dns")]),
        ("http://user:secret@a.project.dev/", [(1, "http://user:secret@a.project.dev/")]),
        ("a http://a.project.dev/ b http://a.project.dev/", [(1, "http://a.project.dev/")]),
        ("/* x\nhttp://c.project.dev/ */\nhttp://b.project.dev/", [(3, "http://b.project.dev/")]),
        ('"""\nhttp://c.project.dev/\n"""\nx = "http://b.project.dev/"', [(4, "http://b.project.dev/")]),
        ("x\n=head1 A\nhttp://c.project.dev/\n=cut\nhttp://b.project.dev/", [(5, "http://b.project.dev/")]),
        ("x\n=pod\nhttp://c.project.dev/\n", []),
        ("__END__\nhttp://c.project.dev/\n", []),
        ("cp /usr/* x\nwget http://b.project.dev/", [(2, "http://b.project.dev/")]),
        ("https://a.project.dev/", []),
        ("# http://a.project.dev/", []),
        ("x = 1  # http://a.project.dev/", []),
        ("int x; // http://a.project.dev/", []),
        ("<!-- http://a.project.dev/ -->", []),
        ("<x xmlns='http://a.project.dev/ns'/>", []),
        ('<!DOCTYPE x PUBLIC "-//X" "http://a.project.dev/x.dtd">', []),
        ("Documentation=http://a.project.dev/", []),
        ("license: http://a.project.dev/", []),
        ("http://www.w3.org/2001/XMLSchema http://schemas.microsoft.com/x http://jabber.org/protocol/muc", []),
        ("http://example.com/ http://a.example.org http://x.test http://localhost:80/ http://foo.localhost", []),
        (
            "http://127.0.0.1/ http://192.0.2.1 http://198.51.100.7 http://203.0.113.9 http://10.0.0.1 http://169.254.1.1",
            [],
        ),
        ("http://$HOST/ http://%s/ http://{host}/ http://hostname/ http://*.x.dev", []),
        ("http://your-server.com/x http://yourdomain.tld", []),
        ("http:// http:///x", []),
    ],
)
def test_what_counts(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(one.line, one.url) for one in endpoints(text.encode())] == expected


def test_what_is_no_text_has_none() -> None:
    assert endpoints(b"\0\1 http://a.project.dev/") == ()


def test_at_most_64_and_short() -> None:
    many = b"".join(b"http://a%d.project.dev/%s\n" % (number, b"x" * 1500) for number in range(100))
    found = endpoints(many)
    assert len(found) == 64
    assert max(len(one.url) for one in found) == 500


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [("etc/apt/x", b"", True), ("usr/bin/x", b"#!/bin/sh\n", True), ("usr/bin/x", b"", False),
     ("usr/lib/python3/x.py", b"", True), ("usr/share/x/README", b"", False), ("etc/x/README.md", b"", False),
     ("usr/share/x/tests/a.py", b"#!/usr/bin/python3\n", False), ("usr/share/x/a.svg", b"", False)],
)  # fmt: skip
def test_where_addresses_are_looked_for(path: str, data: bytes, *, expected: bool) -> None:
    assert in_place(path, data) == expected


def test_hostile_bytes_are_read_in_time() -> None:
    for data in BYTES:
        started = time.process_time()
        for one in endpoints(data):
            one.url.encode()
        assert time.process_time() - started < 3, data[:20]
