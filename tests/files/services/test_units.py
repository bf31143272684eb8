"""Units: the syntax, what runs, as whom, when and where, by the examples of the man pages."""

from __future__ import annotations

import pytest

from archscan.files.services.units import PLACES, unit
from archscan.model import Listener, Service, ServiceKind

SYSTEM = "usr/lib/systemd/system/"


def read(name: str, text: str) -> Service:
    (service,) = unit(SYSTEM + name, text.encode()).services
    return service


def started(text: str) -> list[tuple[str, str, str, str]]:
    service = read("x.service", f"[Service]\n{text}\n")
    return [(one.directive, one.flags, one.path, one.arguments) for one in service.programs]


def test_directives_are_kept_as_they_are_read() -> None:
    text = (
        "Lost=1\n[Unit]\n# no\n ; nor this\nA = b c \nB=1 \\\n# within\n  2\\\n\n[Broken\nnothing\n[X]\nB=\nC=\\\\\n=d"
    )
    said = unit(SYSTEM + "x.service", b"\xef\xbb\xbf" + text.encode()).directives
    assert [(one.line, one.section, one.name, one.value) for one in said] == [
        (1, None, "Lost", "1"),
        (5, "Unit", "A", "b c"),
        (6, "Unit", "B", "1  2"),
        (13, "X", "B", ""),
        (14, "X", "C", "\\\\\\\\"),  # escaped for the database; an even number continues nothing
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ExecStart=/bin/a b", [("ExecStart", "", "/bin/a", "b")]),
        ("ExecStart=-@/bin/a name 'b c'", [("ExecStart", "", "/bin/a", "'b c'")]),
        ("ExecStart=+-/bin/a", [("ExecStart", "+", "/bin/a", "")]),
        ("ExecStartPre=!!/bin/a", [("ExecStartPre", "!!", "/bin/a", "")]),
        ("ExecStop=:!/bin/a $X", [("ExecStop", "!", "/bin/a", "$X")]),
        ('ExecStart="/opt/a b/c" d', [("ExecStart", "", "/opt/a b/c", "d")]),
        ("ExecStart=/opt/a\\x20b c", [("ExecStart", "", "/opt/a b", "c")]),
        ("ExecStart=a ; /bin/b c ; +d", [("ExecStart", "", "a", ""), ("ExecStart", "", "/bin/b", "c"),
                                         ("ExecStart", "+", "d", "")]),
        ("ExecStart=/bin/a \\; b", [("ExecStart", "", "/bin/a", "\\\\; b")]),
        ("ExecStart=/bin/a\nExecStart=\nExecStart=/bin/b", [("ExecStart", "", "/bin/b", "")]),
        ("ExecStart=/bin/a\nExecStartPre=", [("ExecStart", "", "/bin/a", "")]),
        ("ExecStart=/bin/a 'b", []),  # systemd ignores the line
        ("ExecStart=/bin/", []),
        ("ExecStart=/bin/a \\\n  b \\\n  c", [("ExecStart", "", "/bin/a", "b  c")]),
        ("ExecFoo=/bin/a", []),
        ("ExecStart=@/bin/sh name -c 'exec /bin/b c | d'",
         [("ExecStart", "", "/bin/sh", "-c 'exec /bin/b c | d'"), ("ExecStart", "", "/bin/b", "c"),
          ("ExecStart", "", "d", "")]),
        ("ExecStart=!/usr/bin/env -u A B=c nice -n 5 /bin/b c",
         [("ExecStart", "!", "/usr/bin/env", "-u A B=c nice -n 5 /bin/b c"),
          ("ExecStart", "!", "nice", "-n 5 /bin/b c"), ("ExecStart", "!", "/bin/b", "c")]),
    ],
)  # fmt: skip
def test_programs(text: str, expected: list[tuple[str, str, str, str]]) -> None:
    assert started(text) == expected


def test_who_runs_it() -> None:
    service = read("x.service", "[Service]\nUser=a\nUser=\nUser=b\nGroup=c\nGroup=\nDynamicUser=On\n[Unit]\nUser=d\n")
    assert (service.user, service.group, service.dynamic, service.scope) == ("b", None, True, "system")
    assert unit("usr/lib/systemd/user/x.service", b"[Service]\nExecStart=a\n").services[0].scope == "user"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ListenStream=22", Listener("stream", "inet", None, 22)),
        ("ListenStream=[::]:22", Listener("stream", "inet", None, 22)),
        ("ListenStream=0.0.0.0:22", Listener("stream", "inet", None, 22)),
        ("ListenDatagram=127.0.0.1:53", Listener("datagram", "inet", "127.0.0.1", 53)),
        ("ListenStream=[fe80::1]:80%eth0", Listener("stream", "inet", "fe80::1", 80)),
        ("ListenStream=/run/x.sock", Listener("stream", "unix", "/run/x.sock", None)),
        ("ListenStream=%t/x.sock", Listener("stream", "unix", "%t/x.sock", None)),
        ("ListenSequentialPacket=@abstract", Listener("sequential-packet", "unix", "@abstract", None)),
        ("ListenStream=vsock::1234", Listener("stream", "vsock", None, 1234)),
        ("ListenStream=vsock:2:1234", Listener("stream", "vsock", "2", 1234)),
        ("ListenFIFO=/run/x", Listener("fifo", "fifo", "/run/x", None)),
        ("ListenSpecial=/dev/x", Listener("special", "special", "/dev/x", None)),
        ("ListenNetlink=kobject-uevent 1", Listener("netlink", "netlink", "kobject-uevent 1", None)),
        ("ListenMessageQueue=/x", Listener("message-queue", "mqueue", "/x", None)),
        ("ListenUSBFunction=/x", Listener("usb-function", "usb", "/x", None)),
        ("ListenStream=%i", Listener("stream", "inet", "%i", None)),
        ("ListenStream=70000", None),
        ("ListenStream=0", None),
        ("ListenStream=what is this", None),
        ("ListenStream=22\nListenDatagram=", None),  # an empty one takes back all
    ],
)
def test_listeners(text: str, expected: Listener | None) -> None:
    service = read("x.socket", f"[Socket]\n{text}\n")
    assert service.listens == ((expected,) if expected else ())


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x.socket", "[Socket]\nListenStream=1", "x.service"),
        ("x.socket", "[Socket]\nAccept=yes", "x@.service"),
        ("x.socket", "[Socket]\nAccept=yes\nAccept=no\nService=y.service", "y.service"),
        ("x@.socket", "[Socket]\n", "x@.service"),
        ("x.timer", "[Timer]\nOnCalendar=daily", "x.service"),
        ("x.timer", "[Timer]\nUnit=y.target", "y.target"),
        ("x.path", "[Path]\nUnit=y.service", "y.service"),
        ("x.automount", "[Automount]\n", "x.mount"),
        ("x.service", "[Service]\nSockets=y.socket", None),
    ],
)
def test_what_is_activated(name: str, text: str, expected: str | None) -> None:
    assert read(name, text).activates == expected


def test_schedule() -> None:
    text = "[Timer]\nOnCalendar=daily\nOnBootSec=\nOnCalendar=Mon *-*-* 00:00\nOnBootSec=5min\nOnClockChange=1\n"
    service = read("x.timer", text)
    assert service.schedule == "OnCalendar=Mon *-*-* 00:00; OnBootSec=5min; OnClockChange=yes"
    assert service.kind is ServiceKind.TIMER


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("etc/systemd/system/x.service.d/y.conf", "[Service]\nExecStart=\nExecStart=/bin/b", ["x.service"]),
        ("etc/systemd/system/x.service.d/y.conf", "[Service]\nUser=b", ["x.service"]),
        ("etc/systemd/system/x.service.d/y.conf", "[Service]\nProtectHome=yes", []),
        ("etc/systemd/system/x.timer.d/y.conf", "[Timer]\nOnCalendar=daily", ["x.timer"]),
        ("etc/systemd/system/service.d/y.conf", "[Service]\nExecStart=/bin/b", []),
        ("lib/systemd/system/x-.mount.d/y.conf", "[Mount]\nOptions=a", []),
        ("lib/systemd/system/x.slice", "[Slice]\n", ["x.slice"]),
    ],
)
def test_drop_ins(path: str, text: str, names: list[str]) -> None:
    facts = unit(path, text.encode())
    assert [service.name for service in facts.services] == names
    assert facts.directives or not text.count("=")


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("usr/lib/systemd/system/x.service", True),
        ("lib/systemd/user/x@.socket", True),
        ("etc/systemd/system/x.service.d/a.conf", True),
        ("usr/lib/systemd/system/x.service.wants/y.service", False),
        ("usr/lib/systemd/system-generators/x", False),
        ("usr/share/doc/x/x.service", False),
    ],
)
def test_places(path: str, read: bool) -> None:
    ((where, _),) = PLACES
    assert bool(where.fullmatch(path)) == read
