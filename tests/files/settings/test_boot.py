"""tmpfiles.d(5), sysusers.d(5), binfmt.d(5), update-binfmts(8)."""

from __future__ import annotations

import pytest

from archscan.files.settings import boot
from archscan.model import Directive
from tests.files.hostile import survives


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("d /run/a 0755 root root 10d -", ("d", "/run/a", "0755 root root 10d")),
        ("d /run/a", ("d", "/run/a", "- - - -")),
        ("D! /tmp/.X11-unix 1777 root root 10d", ("D!", "/tmp/.X11-unix", "1777 root root 10d")),
        ("d- /root/.ssh :0700 root :root -", ("d-", "/root/.ssh", ":0700 root :root -")),
        ("f^ /etc/hosts - - - - network.hosts", ("f^", "/etc/hosts", "- - - - network.hosts")),
        (r'f "/run/a b" 0644 "the user" - - one  two\n', ("f", "/run/a b", r"0644 the_user - - one  two\\n")),
        (r"f /run/a\x20b\ttab 0644", ("f", r"/run/a b\x09tab", "0644 - - -")),
        ("L+ /a - - - - ../b", ("L+", "/a", "- - - - ../b")),
        ("w /sys/x - - - - 1", ("w", "/sys/x", "- - - - 1")),
        ('d "/unclosed 0777', ("d", '"/unclosed', "0777 - - -")),
        ("# d /run/a 0777", None),
        ("nonsense /run/a", None),
        ("d", None),
    ],
)
def test_what_tmpfiles_makes(line: str, expected: tuple[str, str, str] | None) -> None:
    found = boot.tmpfiles("usr/lib/tmpfiles.d/a.conf", line.encode()).directives
    assert found == ((Directive(1, *expected),) if expected else ())


def test_accounts() -> None:
    text = b"""u httpd 404 "HTTP User"
u! _auth /usr/bin/auth "" /var/lib/x /bin/sh
g input - -
m _auth input
r - 500-900
"""
    assert boot.sysusers("usr/lib/sysusers.d/a.conf", text).directives == (
        Directive(1, "u", "httpd", "404 - - HTTP User"),
        Directive(2, "u!", "_auth", "/usr/bin/auth /var/lib/x /bin/sh -"),
        Directive(3, "g", "input", "- - - -"),
        Directive(4, "m", "_auth", "input - - -"),
        Directive(5, "r", "-", "500-900 - - -"),
    )


def test_formats_of_programs() -> None:
    text = rb"""# x
:DOSWin:M::MZ::/usr/bin/wine:
,qemu,M,,\x7fELF,\xff,/usr/bin/qemu a:b,OCF
:py:E::pyc::/usr/bin/python3:
:short:M::
:bad:X::a::/b:
"""
    assert boot.binfmt("usr/lib/binfmt.d/a.conf", text).directives == (
        Directive(2, "M", "DOSWin", "- /usr/bin/wine"),
        Directive(3, "M", "qemu", "OCF /usr/bin/qemu a:b"),
        Directive(4, "E", "py", "- /usr/bin/python3"),
    )


def test_formats_for_update_binfmts() -> None:
    text = b"package thing\ninterpreter /usr/bin/thing run\nmagic \\x7fTHING\ncredentials yes\npreserve no\n"
    assert boot.binfmts("usr/share/binfmts/thing", text).directives == (
        Directive(1, "M", "thing", "C /usr/bin/thing run"),
    )
    assert boot.binfmts("usr/share/binfmts/thing", b"nothing of this\n").directives == ()


def test_hostile_bytes() -> None:
    for parser in (boot.tmpfiles, boot.sysusers, boot.binfmt, boot.binfmts):
        survives(parser, "usr/lib/tmpfiles.d/a.conf")
