"""Rules of udev, in the forms that udev(7) has them."""

from __future__ import annotations

import pytest

from archscan.files.policies import udev
from tests.files.hostile import survives

PATH = "usr/lib/udev/rules.d/60-thing.rules"


def _said(text: str) -> list[tuple[int, str | None, str, str]]:
    return [(one.line, one.section, one.name, one.value) for one in udev.rules(PATH, text.encode()).directives]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('KERNEL=="a*", MODE="0666"', [(1, 'KERNEL=="a*"', "MODE", "0666")]),
        ('MODE="0660",GROUP="dialout"', [(1, None, "MODE", "0660"), (1, None, "GROUP", "dialout")]),
        ('ATTR{idVendor}=="12\\"3", TAG+="uaccess"', [(1, 'ATTR{idVendor}=="12"3"', "TAG", "uaccess")]),
        (
            'SUBSYSTEM=="x" RUN{program}+="/bin/sh -c \'a, b\'"',
            [(1, 'SUBSYSTEM=="x"', "RUN{program}", "/bin/sh -c 'a, b'")],
        ),
        (
            'PROGRAM=="/bin/p %k", RESULT=="1", SYMLINK+="z"',
            [(1, 'RESULT=="1"', "PROGRAM", "/bin/p %k"), (1, 'RESULT=="1"', "SYMLINK", "z")],
        ),
        (
            'IMPORT{program}!="x", IMPORT{file}="/y", IMPORT{builtin}="usb_id"',
            [(1, None, "IMPORT{program}", "x"), (1, None, "IMPORT{builtin}", "usb_id")],
        ),
        ('RUN+=e"/bin/a\\x20b\\n"', [(1, None, "RUN", r"/bin/a b\x0a")]),
        (
            'SYSCTL{net/x}="1", ATTR{power/control}="on", ENV{SYSTEMD_WANTS}+="a.service", ENV{ID}="1"',
            [
                (1, None, "SYSCTL{net/x}", "1"),
                (1, None, "ATTR{power/control}", "on"),
                (1, None, "ENV{SYSTEMD_WANTS}", "a.service"),
            ],
        ),
        ('TAG-="uaccess", MODE=="0666", OWNER:="root"', [(1, 'MODE=="0666"', "OWNER", "root")]),
        ('  # MODE="0666"\n\n', []),
        ('LABEL="end"\nGOTO="end"\nOPTIONS="x"', []),
        # Comments stand between the lines of a rule, and blanks before each do not count.
        (
            'KERNEL=="a", \\\n# why\n   MODE="0600"\nMODE="1"',
            [(1, 'KERNEL=="a"', "MODE", "0600"), (4, None, "MODE", "1")],
        ),
        ('MODE="0600" \\', [(1, None, "MODE", "0600")]),
        # From what makes no sense on, a rule is left out.
        ('MODE="0600", nonsense, GROUP="x"', [(1, None, "MODE", "0600")]),
        ('RUN+="unclosed', []),
    ],
)
def test_a_rule_says_what_it_runs_and_allows(text: str, expected: list[tuple[int, str | None, str, str]]) -> None:
    assert _said(text) == expected


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("etc/udev/rules.d/x.rules", True),
        ("lib/udev/rules.d/x.rules", True),
        ("usr/lib/udev/rules.d/x.rules", True),
        ("usr/lib/udev/rules.d/x.conf", False),
        ("usr/share/doc/x/udev/rules.d/x.rules", False),
    ],
)
def test_rules_stand_where_udev_looks(path: str, *, read: bool) -> None:
    assert any(pattern.fullmatch(path) for pattern, _ in udev.PLACES) == read


def test_hostile_bytes() -> None:
    survives(udev.rules, PATH)
