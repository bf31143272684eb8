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
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3

# ABI → what it was the first to handle (linux/landlock.h); 1 is of Linux 5.13, 7 of 6.15.
_FILES = {1: 0x1FFF, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # all of the first version; REFER, TRUNCATE, IOCTL_DEV
_NETWORK = {4: 0b11}  # TCP: BIND, CONNECT
_SCOPES = {6: 0b11}  # ABSTRACT_UNIX_SOCKET, SIGNAL


@cache
def abi(libc: ctypes.CDLL) -> int:
    """The version of Landlock that the kernel has; 0: none, or it is switched off."""
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def restrict(libc: ctypes.CDLL, *, may_open: bool = False) -> int:
    """Take everything from this process for ever; ``may_open``: but reading files. The ABI that did it, 0 for none.

    The process must have PR_SET_NO_NEW_PRIVS.
    """
    version = abi(libc)
    if not version:
        return 0
    ruleset = libc.syscall(_CREATE_RULESET, *_attributes(version, may_open=may_open), 0)
    if ruleset < 0:
        return 0
    done = libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return version if done else 0


def _attributes(version: int, *, may_open: bool) -> tuple[bytes, ctypes.c_size_t]:
    """`struct landlock_ruleset_attr`, as long as this version knows it, and its size."""
    files, network, scopes = (_handled(table, version) for table in (_FILES, _NETWORK, _SCOPES))
    if may_open:
        files &= ~(_READ_FILE | _READ_DIR)
    fields = (files, *([network] if network else []), *([scopes] if scopes else []))
    packed = struct.pack(f"={len(fields)}Q", *fields)
    return packed, ctypes.c_size_t(len(packed))


def _handled(table: dict[int, int], version: int) -> int:
    return sum(bits for since, bits in table.items() if since <= version)
