"""URLs, the passwords in them, and the proxies that are asked."""

from __future__ import annotations

import base64

import pytest

from archscan.sources import discreet
from archscan.sources.addresses import authorization, login, stripped
from archscan.sources.proxies import proxy

LOGINS = ("http://me:one@archive.test/debian", "http://me:two@archive.test/debian/private/", "https://you@archive.test")


@pytest.mark.parametrize(("url", "pair"), [
    ("http://archive.test/debian/pool/a.deb", b"me:one"),
    ("http://archive.test:80/debian", b"me:one"),
    ("http://ARCHIVE.test/debian/private/a.deb", b"me:two"),
    ("http://own:p%40ss%3A@archive.test/debian/a.deb", b"own:p@ss:"),
    ("https://archive.test/anything", b"you:"),
    ("http://archive.test/debian-security/a.deb", None),
    ("http://archive.test:81/debian/a.deb", None),
    ("http://archive.test.example/debian/a.deb", None),
    ("http://other.test/debian/a.deb", None),
])  # fmt: skip
def test_a_password_is_for_what_lies_below_its_url(url: str, pair: bytes | None) -> None:
    expected = "Basic " + base64.b64encode(pair).decode() if pair else None
    assert login(url, LOGINS) == expected


def test_what_is_shown_and_sent_has_no_password() -> None:
    assert stripped("http://me:se%40cret@archive.test:8080/a?b#c") == "http://archive.test:8080/a?b"
    assert stripped("http://archive.test/a@b") == "http://archive.test/a@b"
    assert authorization("http://archive.test/a@b") is None


@pytest.mark.parametrize(("text", "told"), [
    ("scan http://me:secret@archive.test/x --db a", "scan http://archive.test/x --db a"),
    ("HTTPS://me:s@cret@archive.test", "HTTPS://archive.test"),
    ("'--a=http://me@h/' 'https://u:p@h'", "'--a=http://h/' 'https://h'"),
    ("mail@archive.test http://archive.test/pool/a@b.deb", "mail@archive.test http://archive.test/pool/a@b.deb"),
])  # fmt: skip
def test_commands_are_stored_without_passwords(text: str, told: str) -> None:
    assert discreet(text) == told


@pytest.mark.parametrize(("exceptions", "url", "asked"), [
    ("", "http://archive.test/", True),
    ("archive.test", "http://archive.test/", False),
    (".test", "http://archive.test/", False),
    ("test", "http://archive.test/", False),
    ("est", "http://archive.test/", True),
    ("other.test, archive.test:81", "http://archive.test/", True),
    ("archive.test:81", "http://archive.test:81/", False),
    ("*", "http://archive.test/", False),
    ("127.0.0.1", "http://127.0.0.1:8080/", False),
    ("::1", "http://[::1]/", False),
    ("[::1]", "http://[::1]:80/", False),
    ("ARCHIVE.TEST", "http://archive.TEST/", False),
])  # fmt: skip
def test_hosts_that_are_asked_without_a_proxy(exceptions: str, url: str, asked: bool) -> None:
    environ = {"http_proxy": "proxy.test:3128", "no_proxy": exceptions}
    assert proxy(url, environ) == ("http://proxy.test:3128" if asked else None)


def test_each_scheme_has_its_proxy() -> None:
    environ = {"http_proxy": "http://a.test", "HTTPS_PROXY": "http://b.test", "HTTP_PROXY": "http://evil.test"}
    assert proxy("http://archive.test/", environ) == "http://a.test"
    assert proxy("https://archive.test/", environ) == "http://b.test"
    assert proxy("http://archive.test/", {"HTTP_PROXY": "http://evil.test"}) is None
    assert proxy("https://archive.test/", {"all_proxy": "http://c.test"}) == "http://c.test"
