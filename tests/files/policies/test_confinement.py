"""Profiles of AppArmor, modules of SELinux."""

from __future__ import annotations

import bz2
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from archscan.files.policies.apparmor import PLACES, profiles
from archscan.files.policies.selinux import module


def read(text: str) -> list[tuple[str, str | None, str]]:
    found = profiles("etc/apparmor.d/x", text.encode()).profiles
    return [(one.name, one.attachment, one.mode) for one in found]


PROFILES = [
    ("/bin/a {\n}\n", [("/bin/a", "/bin/a", "enforce")]),
    ("profile a /bin/{b,c{d,e}} flags=(complain) {\n /x{y,z} r,\n}", [("a", "/bin/{b,c{d,e}}", "complain")]),
    ("profile a flags=(attach_disconnected, mediate_deleted) { }", [("a", None, "enforce")]),
    ('"/opt/a b" flags = (kill) { }', [("/opt/a b", "/opt/a b", "kill")]),
    ("/bin/a (complain audit) { }", [("/bin/a", "/bin/a", "complain")]),
    ("@{X} = /bin/a /bin/b\n@{X} += /bin/c\nprofile p @{X} { }", [("p", "{/bin/a,/bin/b,/bin/c}", "enforce")]),
    ("@{X}=/bin\nprofile p @{X}/a { }", [("p", "/bin/a", "enforce")]),
    ("profile p /a {\n ^h {\n }\n hat i { }\n profile c /d flags=(complain) { }\n profile e { }\n}",
     [("p", "/a", "enforce"), ("p//h", None, "enforce"), ("p//i", None, "enforce"), ("p//c", "/d", "complain"),
      ("p//e", None, "enforce")]),
    ("# /a {\n/b { # {\n #include <x>\n  \"/with } brace\" r,\n  /c{d,e}f rw,\n}\n/g { }",
     [("/b", "/b", "enforce"), ("/g", "/g", "enforce")]),
    ('profile p "/y z" xattrs=(user.x="complain") { }', [("p", "/y z", "enforce")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PROFILES)
def test_profiles(text: str, expected: list[tuple[str, str | None, str]]) -> None:
    assert read(text) == expected


@pytest.mark.skipif(shutil.which("apparmor_parser") is None, reason="apparmor_parser is not installed")
@pytest.mark.parametrize(("text", "expected"), PROFILES)
def test_the_parser_names_the_same(text: str, expected: list[tuple[str, str | None, str]], tmp_path: Path) -> None:
    path = tmp_path / "profile"
    path.write_text(text)
    (tmp_path / "x").write_text("")
    command = ["apparmor_parser", "-N", "-I", str(tmp_path), str(path)]
    named = subprocess.run(command, capture_output=True, text=True, check=False)
    assert sorted(named.stdout.splitlines()) == sorted(name for name, _, _ in expected), named.stderr


@pytest.mark.parametrize(
    ("rule", "weak"),
    [
        ("/bin/a Ux", True),
        ("owner /bin/a rUx", True),
        ("/bin/a pux", False),  # unconfined only where there is no profile for it
        ("/bin/a ix", False),
        ("deny /bin/a Ux", False),
        ("capability", True),
        ("capability net_raw", False),
        ("file", True),
        ("network", False),
        ("audit allow ptrace", True),
        ("ptrace (read)", False),
        ("/** rw", True),
        ("/** r", False),
        ("/{,**} rwk", True),
        ("/tmp/** rw", False),
        ("file rw /**", True),
        ("change_profile -> unconfined", True),
        ("change_profile -> a", False),
        ("signal (send) peer=/**", False),
    ],
)
def test_rules_that_let_go(rule: str, weak: bool) -> None:
    facts = profiles("etc/apparmor.d/x", f"/bin/x flags=(audit) {{\n  /y r,\n  {rule},\n}}\n".encode())
    found = [(one.line, one.section, one.name, one.value) for one in facts.directives]
    assert found[0] == (1, "/bin/x", "flags", "audit")
    assert found[1:] == ([(3, "/bin/x", "weak", rule)] if weak else [])


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("etc/apparmor.d/usr.bin.x", True),
        ("etc/apparmor.d/libvirt/TEMPLATE", True),
        ("etc/apparmor.d/abstractions/x", False),
        ("etc/apparmor.d/local/usr.bin.x", False),
        ("etc/apparmor.d/disable/x", False),
        ("usr/share/apparmor/extra-profiles/x", True),
        ("usr/share/apparmor/extra-profiles/README", False),
    ],
)
def test_places(path: str, read: bool) -> None:
    assert any(where.fullmatch(path) for where, _ in PLACES) == read


def built(name: bytes, kind: int = 2) -> bytes:
    inner = (
        struct.pack("<II", 0xF97CFF8D, 15) + b"SE Linux Module" + struct.pack("<IIIIII", kind, 19, 1, 8, 7, len(name))
    )
    return struct.pack("<IIII", 0xF97CFF8F, 1, 1, 16) + inner + name


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (built(b"mine"), ["mine"]),
        (bz2.compress(built(b"mine")), ["mine"]),
        (built(b"whole", kind=1), []),
        (built(b"mine")[:-1], []),
        (built(b"mine")[:20], []),
        (b"BZhno", []),
        (b"", []),
    ],
)
def test_modules(data: bytes, names: list[str]) -> None:
    found = module("usr/share/selinux/default/x.pp", data).profiles
    assert [(one.kind, one.name, one.mode) for one in found] == [("selinux", name, "unknown") for name in names]
