"""Maintainer scripts, in the forms that packages of Debian have them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.files.control.privileges import granted, may_grant, script_privileges, sets_modes

SETUID, SETGID = {"setuid"}, {"setgid"}

IPUTILS = """#!/bin/sh
set -e
if [ "$1" = configure ]; then
    # If we have setcap is installed, try setting cap_net_raw+ep
    if command -v setcap > /dev/null; then
        if setcap cap_net_raw+ep /bin/ping; then
            chmod u-s /bin/ping
        else
            echo "Setcap failed on /bin/ping, falling back to setuid" >&2
            chmod u+s /bin/ping
        fi
    else
        echo "Setcap is not installed, falling back to setuid: chmod u+s /bin/other" >&2
        chmod u+s /bin/ping
    fi
fi
"""
WIRESHARK = """#!/bin/bash
. /usr/share/debconf/confmodule
PROGRAM=$DPKG_ROOT/usr/bin/dumpcap
GROUP=wireshark
if ! dpkg-statoverride --list $PROGRAM > /dev/null; then
    chown root:$GROUP $PROGRAM
    if [ "$(uname -s)" = "Linux" ] ; then
        if setcap cap_net_raw,cap_net_admin=eip "$PROGRAM" 2>&1; then
            chmod u=rwx,g=rx,o=r $PROGRAM
        else
            chmod u=rwxs,g=rx,o=r ${PROGRAM}
        fi
    fi
fi
"""
GNOME_KEYRING = """#!/bin/sh
if which setcap >/dev/null 2>&1 && setcap 'cap_ipc_lock=+ep' /usr/bin/gnome-keyring-daemon; then :; fi
"""
FUSE3 = """#!/bin/sh
case "$1" in
    configure)
    if ! dpkg-statoverride --list /bin/fusermount3 > /dev/null 2>&1; then
        chmod 4755 /bin/fusermount3
    fi ;;
    abort-upgrade|abort-remove) ;;
    *) echo "postinst called with unknown argument \\`$1'" >&2; exit 1 ;;
esac
"""
MTR = """#!/bin/sh
for prog in mtr-packet mtr; do
    if ! dpkg-statoverride --list "/usr/bin/$prog" >/dev/null; then
        setcap cap_net_raw+ep /usr/bin/$prog || chmod u+s /usr/bin/"$prog" || true
    fi
done
"""
DBUS = """LAUNCHER=/usr/lib/dbus-1.0/dbus-daemon-launch-helper
MESSAGEUSER=messagebus
if ! dpkg-statoverride --list "$LAUNCHER" >/dev/null; then
    dpkg-statoverride --update --add root "$MESSAGEUSER" 4754 "$LAUNCHER"
fi
"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (IPUTILS, {"bin/ping": {"cap_net_raw=ep", "setuid"}}),
        (WIRESHARK, {"usr/bin/dumpcap": {"cap_net_raw,cap_net_admin=eip", "setuid"}}),
        (GNOME_KEYRING, {"usr/bin/gnome-keyring-daemon": {"cap_ipc_lock=ep"}}),
        (FUSE3, {"bin/fusermount3": SETUID}),
        (MTR, {f"usr/bin/{name}": {"cap_net_raw=ep", "setuid"} for name in ("mtr-packet", "mtr")}),
        (DBUS, {"usr/lib/dbus-1.0/dbus-daemon-launch-helper": SETUID}),
    ],
    ids=["iputils-ping", "wireshark-common", "gnome-keyring", "fuse3", "mtr-tiny", "dbus"],
)
def test_scripts_of_real_packages(script: str, expected: dict[str, set[str]]) -> None:
    assert script_privileges(script) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("chmod 4755 /x", SETUID),
        ("chmod 04755 /x", SETUID),
        ("chmod 2755 /x", SETGID),
        ("chmod 6755 /x", SETUID | SETGID),
        ("chmod u+s /x", SETUID),
        ("chmod g+s /x", SETGID),
        ("chmod ug+s /x", SETUID | SETGID),
        ("chmod +s /x", SETUID | SETGID),
        ("chmod u+w,g+s /x", SETGID),
        ("/bin/chmod u+s -- /x", SETUID),
        ("[ -e /x ] && chmod u+s /x", SETUID),
        ("test -x /x || exit 0; chmod u+s /x", SETUID),
        ("[ $# -gt 0 ] && chmod u+s /x # why", SETUID),
        ("chmod \\\n  u+s \\\n  /x", SETUID),
        ("f() { chmod u+s /x; }", SETUID),
        ("chmod u+s ${PLACE:-/x}", SETUID),
        ("chmod 4755 `dpkg-divert --truename /x`", SETUID),
        ("for i in /x /y; do chmod 4755 $i; done; : /x", SETUID),
        ("ALL='/x /y'; for i in $ALL; do chmod 4755 $i; done", SETUID),
        ("install -o root -m 4755 /tmp/x /x", SETUID),
        ("install --mode=2755 a /x", SETGID),
        ("setcap cap_a+ep /y cap_b=p /x", {"cap_b=p"}),
        ("setcap 'cap_a=ep cap_b+i' /x", {"cap_a=ep cap_b=i"}),
        ("cat <<E\ntext 'of\nE\nchmod u+s /x", SETUID),
    ],
)
def test_forms_that_grant(command: str, expected: set[str]) -> None:
    assert script_privileges(f"#!/bin/sh -e\n{command}\n")["x"] == expected


@pytest.mark.parametrize(
    "command",
    [
        "chmod u-s /x", "chmod g-s /x", "chmod 0755 /x", "chmod 755 /x", "chmod 1777 /x", "chmod o+t /x",
        "chmod o+s /x",
        "chmod a+rX /x", "# chmod u+s /x", "true # ; chmod u+s /x", 'echo "run chmod u+s /x"',
        "echo 'first\nchmod u+s /x\n'", 'echo "first\nchmod u+s /x\n"', "cat <<EOF\nchmod u+s /x\nEOF",
        "cat <<-'EOF'\n\tchmod u+s /x\n\tEOF", "setcap -r /x", "setcap -v cap_a+ep /x", "getcap /x",
        "chmod u+s $UNKNOWN/x",
        "dpkg-statoverride --list /x", "dpkg-statoverride --remove /x", "dpkg-statoverride --add root root 0755 /x",
        "chmod u+s x", "mkdir -p /x; chmod g+s /x", "install -d -m 2755 /x", "chmod 4755 > /x", "install -m 755 a /x",
    ],
)  # fmt: skip
def test_forms_that_grant_nothing(command: str) -> None:
    assert script_privileges(f"#!/bin/sh\n{command}\n") == {}


def test_what_is_no_shell_script_is_not_read_as_one() -> None:
    for first in ("#!/usr/bin/perl\n", "#!/usr/bin/env python3\n", "\x7fELF\n"):
        assert script_privileges(first + "chmod u+s /x\n") == {}


@given(script=st.text(alphabet="chmod u+s/x4755 \n\"'`$(){}<>;&|#\\=\x00é", max_size=120))
def test_no_text_is_an_error(script: str) -> None:
    script_privileges(script)


@pytest.mark.parametrize(
    "script",
    ['"' * 99_999, "$(" * 50_000, "${" * 50_000, "'a" * 50_001, "`" * 99_999, "<<x\n" * 20_000, "\\" * 99_999,
     "x='$x$x$x$x'\n" * 500 + "chmod u+s $x",
     "for i in a b c d; do x=$i$i$i$i$i; y=$x$x$x$x chmod u+s $y; done\n" * 50],
)  # fmt: skip
def test_no_script_takes_quadratic_time(script: str) -> None:
    started = time.process_time()
    script_privileges(script)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "script",
    [b"#!/bin/sh\nchmod u+s $X", b"#!/usr/bin/perl\nchmod 04755, $x;", b"#!/bin/sh\n/sbin/setcap cap_net_raw+ep $F",
     b"dpkg-statoverride --update --add root root 4755 /x", b"install -o root -m 4755 a b", b"install a --mode=4755 b",
     b"install -Dm4755 a b", b"install \\\n -m 4755 a b", b"setfacl -m u:a:x b", b"\x7fELF\0", b"#!/bin/sh\n\0"],
)  # fmt: skip
def test_scripts_that_may_set_modes(script: bytes) -> None:
    assert sets_modes(script)


@pytest.mark.parametrize(
    "script", [b"", b'#!/bin/sh\nif [ "$1" = install ]; then\nmkdir -m 700 x\nfi', b"py3compile -p x"]
)
def test_scripts_that_set_none(script: bytes) -> None:
    assert not sets_modes(script)


def test_the_words_of_a_long_script_are_found_in_time() -> None:
    started = time.process_time()
    assert not sets_modes(b"install " * 2_000_000 + b"-" * 1_000_000)
    assert time.process_time() - started < 5


def test_the_scripts_that_run_when_a_package_comes_give_together() -> None:
    control = {
        "preinst": b"#!/bin/sh\nchmod u+s /x\n",
        "postinst": b"#!/bin/sh\nchmod g+s /x; setcap cap_a=p /y\n",
        "prerm": b"#!/bin/sh\nchmod u+s /z\n",
    }
    assert granted(control) == {"x": SETUID | SETGID, "y": {"cap_a=p"}}
    assert may_grant(control)
    assert not may_grant({"prerm": control["prerm"], "config": control["preinst"]})
    assert granted({}) == {}
    hostile = b"\xff\0\nchmod u+s /x\xff; setcap 'cap_\xff' /y\n"
    assert granted({"postinst": hostile}) == {r"x\xff": SETUID, "y": {r"cap_\xff"}}
