"""sysctl.d(5)."""

from __future__ import annotations

import pytest

from archscan.files.settings import sysctl
from archscan.model import Directive
from tests.files.hostile import survives


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kernel.sysrq", "kernel.sysrq"),
        ("kernel/sysrq", "kernel.sysrq"),
        ("net/ipv4/conf/enp3s0.200/forwarding", "net.ipv4.conf.enp3s0/200.forwarding"),
        ("net.ipv4.conf.enp3s0/200.forwarding", "net.ipv4.conf.enp3s0/200.forwarding"),
        ("net.ipv4.conf.*.rp_filter", "net.ipv4.conf.*.rp_filter"),
        ("plain", "plain"),
    ],
)  # the examples of the page
def test_names_have_dots(name: str, expected: str) -> None:
    assert sysctl.variable(name) == expected


def test_what_is_set_ignored_and_excluded() -> None:
    text = b"""#kernel.sysrq=1
; x = 1
kernel.sysrq = 1
-fs/suid_dumpable=2
net.ipv4.ip_local_port_range =  1024\t 65535
-net.ipv4.conf.lo.rp_filter
nonsense
 = 3
kernel.core_pattern=|/usr/bin/x %p = y
"""
    assert sysctl.sysctl("etc/sysctl.conf", text).directives == (
        Directive(3, None, "kernel.sysrq", "1"),
        Directive(4, "-", "fs.suid_dumpable", "2"),
        Directive(5, None, "net.ipv4.ip_local_port_range", "1024 65535"),
        Directive(6, "exclude", "net.ipv4.conf.lo.rp_filter", ""),
        Directive(9, None, "kernel.core_pattern", "|/usr/bin/x %p = y"),
    )


def test_hostile_bytes() -> None:
    survives(sysctl.sysctl, "etc/sysctl.conf")
