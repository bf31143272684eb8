"""Files, networks and other processes taken away from a disposable process by Landlock (landlock(7)).

Nothing is allowed by exception, so there is only what the kernel is told to handle: all that it can.
"""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache

# The same numbers on every processor (asm-generic/unistd.h).
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_SYSCALL = ctypes.CDLL(None).syscall
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3

# ABI → what it was the first to handle (linux/landlock.h); 1 is of Linux 5.13, 7 of 6.15.
_FILES = {1: 0x1FFF, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # all of the first version; REFER, TRUNCATE, IOCTL_DEV
_NETWORK = {4: 0b11}  # TCP: BIND, CONNECT
_SCOPES = {6: 0b11}  # ABSTRACT_UNIX_SOCKET, SIGNAL


@cache
def _attributes(*, may_open: bool) -> tuple[int, bytes, ctypes.c_size_t]:
    """The kernel's version, `struct landlock_ruleset_attr` as long as that knows it, and its size."""
    version = max(0, _SYSCALL(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))
    files, network, scopes = (_handled(table, version) for table in (_FILES, _NETWORK, _SCOPES))
    if may_open:
        files &= ~(_READ_FILE | _READ_DIR)
    fields = (files, *([network] if network else []), *([scopes] if scopes else []))
    packed = struct.pack(f"={len(fields)}Q", *fields)
    return version, packed, ctypes.c_size_t(len(packed))


def _handled(table: dict[int, int], version: int) -> int:
    return sum(bits for since, bits in table.items() if since <= version)


def prepare(*, may_open: bool) -> None:
    """Ask the kernel what it has, before processes are forked."""
    _attributes(may_open=may_open)


def restrict(*, may_open: bool) -> int:
    """Take everything from this process for ever; ``may_open``: but reading files.

    The version of the ABI that did it, 0 for none. The process must have PR_SET_NO_NEW_PRIVS.
    """
    version, packed, size = _attributes(may_open=may_open)
    if not version:  # the kernel has none, or it is switched off
        return 0
    ruleset = _SYSCALL(_CREATE_RULESET, packed, size, 0)
    if ruleset < 0:
        return 0
    done = _SYSCALL(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return version if done else 0
