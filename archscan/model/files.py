"""What a package's other files say: configuration, services, scripts. The tables beside ``file``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from archscan.model.crypto import CryptoUse
from archscan.model.text import Size, Text


class ServiceKind(StrEnum):
    """What starts programs without anybody asking for it."""

    SERVICE = "service"  # systemd units by their ending, systemd.unit(5)
    SOCKET = "socket"
    TIMER = "timer"
    PATH = "path"
    MOUNT = "mount"
    OTHER_UNIT = "other-unit"  # .target, .slice, .swap, .automount, .device, .scope
    INIT = "init"  # /etc/init.d
    CRON = "cron"
    INETD = "inetd"  # and xinetd
    DBUS = "dbus"  # started when somebody asks the bus for its name
    AUTOSTART = "autostart"  # with a session of a user, /etc/xdg/autostart


class Directive(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a file says in one place. ``line`` counts from 1; 0 where the place has none."""

    line: Size
    section: Text | None
    name: Text
    value: Text


class Started(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A program that a service runs: the directive that says so, its path, and its arguments as written.

    ``flags`` are the prefixes of systemd.service(5) such as ``+`` and ``!``, without ``-``, ``@`` and ``:``.
    """

    directive: Text
    path: Text
    arguments: Text
    flags: Text


class Listener(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where a socket listens: ``family`` is inet, unix, fifo, netlink, vsock, special, mqueue, usb.

    Of inet, ``address`` is NULL where every address is meant, and ``port`` the number, where it is one.
    """

    kind: Text  # stream, datagram, sequential-packet …, as the directive has it in lower case
    family: Text
    address: Text | None
    port: Size | None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One unit, init script, line of a crontab, entry of inetd, or name on a bus that starts something.

    ``user`` and ``group`` are as written, None where nothing is said; ``dynamic`` where the user is made for each run.
    ``schedule`` is the time of a timer or crontab, ``activates`` the unit that is started instead of a program.
    """

    name: Text
    kind: ServiceKind
    scope: Text  # system, or user: with the rights of whoever is logged in
    user: Text | None = None
    group: Text | None = None
    dynamic: bool = False
    schedule: Text | None = None
    activates: Text | None = None
    line: Size = 0
    programs: Annotated[tuple[Started, ...], Meta(max_length=256)] = ()
    listens: Annotated[tuple[Listener, ...], Meta(max_length=256)] = ()


class Profile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A profile that confines a program. ``mode``: enforce, complain, unconfined, kill, prompt, disabled, unknown."""

    kind: Text  # apparmor, selinux
    name: Text
    attachment: Text | None  # the path, or pattern of paths, of the programs
    mode: Text
    line: Size


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a script does that a reviewer wants to see; ``what`` is a word of docs/scripts.md."""

    line: Size
    what: Text
    name: Text  # of the command or function
    text: Text  # as written, at most 500 characters


class Endpoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An address on the network that a file names without encryption (http:, ftp:, ldap: …)."""

    line: Size
    url: Text


class Key(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A key or certificate in a file: private-key, encrypted-private-key, public-key, certificate, pgp-…, ssh-…."""

    line: Size
    kind: Text
    detail: Text | None


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A maintainer script. ``own`` is what no tool generated, at most 64 KiB of it; digests are of all and of that."""

    name: Text  # preinst, postinst, prerm, postrm, config
    interpreter: Text | None
    lines: Size
    own_lines: Size  # without blank lines, comments, and what every script has
    tools: tuple[Text, ...]  # that generated parts: dh_installsystemd …
    sha256: Text
    own_sha256: Text | None  # None: nothing of it is hand-written
    own: Annotated[str, Meta(max_length=1 << 18)]


class FileFacts(msgspec.Struct, frozen=True, kw_only=True, tag="file-facts"):
    """What one file says; its ``File`` was sent before. ``what`` it is: unit, cron, python … (docs/files.md)."""

    path: Text
    what: Text
    interpreter: Text | None = None
    directives: tuple[Directive, ...] = ()
    services: tuple[Service, ...] = ()
    profiles: tuple[Profile, ...] = ()
    commands: tuple[Command, ...] = ()
    uses: tuple[CryptoUse, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    keys: tuple[Key, ...] = ()
    script: Script | None = None


class Contents(msgspec.Struct, frozen=True, kw_only=True, tag="contents"):
    """Every path of a package that was met, in order, and how many members that were, folders included."""

    members: Size
    paths: tuple[Text, ...]
