"""Servers that inetd and xinetd start: inetd.conf(5), xinetd.conf(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from archscan.files.forms.assignments import MOST_DIRECTIVES
from archscan.files.forms.text import cut, lines
from archscan.model import Directive, FileFacts, Listener, Service, ServiceKind, Started

MOST_SERVICES = 1_000
_SOCKETS = {"stream": "stream", "dgram": "datagram", "raw": "raw", "rdm": "rdm", "seqpacket": "sequential-packet"}
_PROTOCOL = re.compile(r"(?:rpc/)?(?:tcp|udp|sctp|dccp|udplite|unix)[46]{0,2}6?(?:only)?(?:,.*)?")
_ASSIGNED = re.compile(r"([A-Za-z_]+)\s*([-+]?=)\s*(.*)", re.DOTALL)
_SECTION = re.compile(r"(service\s+\S+|defaults)\s*(\{)?")
_FIELDS = 7  # name, socket, protocol, wait, user, server, arguments
# Ports of servers that are started so, https://www.iana.org/assignments/service-names-port-numbers
_PORTS: Mapping[str, int] = {
    "tcpmux": 1, "echo": 7, "discard": 9, "systat": 11, "daytime": 13, "netstat": 15, "qotd": 17, "chargen": 19,
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37, "whois": 43, "tacacs": 49,
    "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "gopher": 70, "finger": 79, "http": 80, "pop2": 109,
    "pop3": 110, "sunrpc": 111, "auth": 113, "ident": 113, "nntp": 119, "ntp": 123, "imap2": 143, "imap": 143,
    "snmp": 161, "imap3": 220, "https": 443, "exec": 512, "biff": 512, "login": 513, "shell": 514, "printer": 515,
    "talk": 517, "ntalk": 518, "uucp": 540, "klogin": 543, "kshell": 544, "nntps": 563, "submission": 587,
    "rsync": 873, "swat": 901, "ftps": 990, "telnets": 992, "imaps": 993, "pop3s": 995, "cvspserver": 2401,
    "svn": 3690, "zabbix-agent": 10050, "sane-port": 6566, "git": 9418, "amanda": 10080,
}  # fmt: skip


def inetd_conf(path: str, data: bytes) -> FileFacts:
    """One service for each entry that is not commented out; the program behind tcpd(8) is one of its programs."""
    services: list[Service] = []
    for number, line in lines(data):
        words = line[:8192].split()
        if len(words) >= _FIELDS - 1 and not line.startswith("#") and len(services) < MOST_SERVICES:
            services += _entry(number, words)
    return FileFacts(path=path, what="inetd", services=tuple(services))


def _entry(number: int, words: Sequence[str]) -> Iterator[Service]:
    name, socket, protocol, _, who, server, *arguments = words
    kind = _SOCKETS.get(socket.lower())
    if not kind or not _PROTOCOL.fullmatch(protocol):
        return
    address, _, port = name.rpartition(":")
    user, _, group = who.partition(":") if ":" in who else who.partition(".")
    listens = [] if protocol.startswith("rpc/") else [_listener(kind, protocol, address, port)]
    yield Service(
        name=cut(port),
        kind=ServiceKind.INETD,
        scope="system",
        user=cut(user) or None,
        group=cut(group.partition("/")[0]) or None,
        line=number,
        programs=tuple(_programs("server", server, arguments)),
        listens=tuple(listens),
    )


def _programs(directive: str, server: str, arguments: Sequence[str]) -> Iterator[Started]:
    """The server without its argv[0], and what the TCP wrapper starts."""
    if server == "internal":
        return
    yield Started(directive, cut(server), cut(" ".join(arguments[1:])), "")
    if server.endswith("/tcpd") and arguments and arguments[0].startswith("/"):
        yield Started(directive, cut(arguments[0]), cut(" ".join(arguments[1:])), "")


def _listener(kind: str, protocol: str, address: str, port: str) -> Listener:
    if protocol == "unix":
        return Listener(kind, "unix", cut(port), None)
    anywhere = address in ("", "*", "0.0.0.0", "::")  # noqa: S104 - read, not bound
    return Listener(kind, "inet", None if anywhere else cut(address.strip("[]")), _port(port))


def _port(name: str) -> int | None:
    if name.isascii() and name.isdigit() and len(name) <= 5 and 0 < int(name) < 65_536:
        return int(name)
    return _PORTS.get(name.lower())


def xinetd_conf(path: str, data: bytes) -> FileFacts:
    """The services with their attributes as directives of the section ``service NAME``.

    ``disable = yes``, as Debian ships most of them, is a directive; the service is there all the same.
    """
    said: list[Directive] = []
    services: list[Service] = []
    section, start, own = "", 0, dict[str, str]()
    for number, line in lines(data):
        text = line.partition("#")[0].strip()
        if match := _SECTION.fullmatch(text[:512]):
            section, start, own = " ".join(match[1].split()), number, {}
        elif text == "}":
            if section.startswith("service ") and len(services) < MOST_SERVICES:
                services.append(_service(section.partition(" ")[2], start, own))
            section = ""
        elif section and (match := _ASSIGNED.fullmatch(text)) and len(said) < MOST_DIRECTIVES:
            own[match[1].lower()] = f"{own.get(match[1].lower(), '')} {match[3]}"[:8192].strip()
            said.append(Directive(number, cut(section), cut(match[1]), cut(match[3])))
    return FileFacts(path=path, what="inetd", directives=tuple(said), services=tuple(services))


def _service(name: str, line: int, own: Mapping[str, str]) -> Service:
    kind = _SOCKETS.get(own.get("socket_type", "").lower())
    types = own.get("type", "").upper().split()
    protocol = own.get("protocol", "").lower()
    address = own.get("bind", own.get("interface", ""))
    listens = [_listener(kind, protocol, address, own.get("port", name))] if kind and "RPC" not in types else []
    programs: tuple[Started, ...] = ()
    if "server" in own and "INTERNAL" not in types:
        programs = tuple(_programs("server", own["server"], _told(own)))
    return Service(
        name=cut(name),
        kind=ServiceKind.INETD,
        scope="system",
        user=cut(own.get("user", "")) or None,
        group=cut(own.get("group", "")) or None,
        line=line,
        programs=programs,
        listens=tuple(listens),
    )


def _told(own: Mapping[str, str]) -> list[str]:
    """The words that the server gets; with the flag NAMEINARGS they begin with its name."""
    words = own.get("server_args", "").split()
    return words if "NAMEINARGS" in own.get("flags", "").upper().split() else [own["server"].rsplit("/", 1)[-1], *words]


PLACES = (
    (re.compile(r"etc/inetd\.conf|etc/inetd\.d/[^/]+", re.DOTALL), inetd_conf),
    (re.compile(r"etc/xinetd\.conf|etc/xinetd\.d/[^/]+", re.DOTALL), xinetd_conf),
)
