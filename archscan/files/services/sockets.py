"""Where sockets of units listen, systemd.socket(5)."""

from __future__ import annotations

import re

from archscan.files.forms.text import cut
from archscan.model import Listener

KINDS = {
    "ListenStream": "stream",
    "ListenDatagram": "datagram",
    "ListenSequentialPacket": "sequential-packet",
    "ListenFIFO": "fifo",
    "ListenSpecial": "special",
    "ListenNetlink": "netlink",
    "ListenMessageQueue": "message-queue",
    "ListenUSBFunction": "usb-function",
}
_FAMILIES = {
    "fifo": "fifo",
    "special": "special",
    "netlink": "netlink",
    "message-queue": "mqueue",
    "usb-function": "usb",
}
_PORT = re.compile(r"\d{1,5}")
_BRACKETED = re.compile(r"\[([^\]]*)\]:(\d{1,5})(?:%.*)?")  # %interface
_PLAIN = re.compile(r"([\d.]+):(\d{1,5})")
_VSOCK = re.compile(r"vsock(?:-stream|-dgram|-seqpacket)?:(\d{0,10}):(\d{0,10})")
_HIGHEST = 65_535
_HIGHEST_VSOCK = 2**32 - 1


def listener(name: str, value: str) -> Listener | None:
    """Where the directive ``name`` makes the unit listen; None where that makes no sense.

    A port alone means every address. A value with specifiers such as ``%i`` is kept as an address of its family.
    """
    kind = KINDS[name]
    if kind in _FAMILIES:
        return Listener(kind, _FAMILIES[kind], cut(value), None)
    if value.startswith(("/", "@", "%t/", "%S/", "%h/")):
        return Listener(kind, "unix", cut(value), None)
    if match := _VSOCK.fullmatch(value):
        port = int(match[2]) if match[2] else None
        return Listener(kind, "vsock", match[1] or None, port if (port or 0) <= _HIGHEST_VSOCK else None)
    return _inet(kind, value)


def _inet(kind: str, value: str) -> Listener | None:
    if _PORT.fullmatch(value):
        return _at(kind, None, value)
    if match := _BRACKETED.fullmatch(value) or _PLAIN.fullmatch(value):
        address = None if match[1] in ("", "::", "0.0.0.0") else match[1]  # noqa: S104 - read, not bound
        return _at(kind, address, match[2])
    return Listener(kind, "inet", cut(value), None) if "%" in value else None


def _at(kind: str, address: str | None, port: str) -> Listener | None:
    return Listener(kind, "inet", address, int(port)) if 0 < int(port) <= _HIGHEST else None
