"""What a disposable process may do beyond reading its package and saying what it found: nothing.

Each layer holds by itself, and where a kernel lacks one, the others stay: limits by which nothing is opened or written,
no capability and no way to gain one, Landlock, seccomp (docs/decisions/0020-what-a-child-may-do.md).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import socket
import struct
from contextlib import suppress
from functools import cache

import msgspec

from archscan.pool import landlock, seccomp

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_CAPABILITIES = struct.pack("=Ii", 0x2008_0522, 0), bytes(24)  # _LINUX_CAPABILITY_VERSION_3, this process; none
_LIKELIEST_VICTIM = b"1000"
_FILES_IF_ANY = 64
_LIMITS = (resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE)
_LIBC = ctypes.CDLL(None)
_PRCTL, _CAPSET = _LIBC.prctl, _LIBC.capset  # looked up once, not in each child


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine's kernel does to hold disposable processes.

    ``landlock`` is the version of its ABI, 0 where there is none. ``first_victim``: for lack of memory the kernel ends
    them, and not who forked them.
    """

    landlock: int
    seccomp: bool
    no_new_privileges: bool
    first_victim: bool


NONE = Confinement(landlock=0, seccomp=False, no_new_privileges=False, first_victim=False)


def prepare(*, may_open: bool = False) -> None:
    """Make what ``confine`` needs, before processes are forked."""
    landlock.prepare(may_open=may_open)
    seccomp.prepare(may_open=may_open)


def confine(*, may_open: bool = False) -> Confinement:
    """Give up for ever what reading a package does not need; what the kernel gave to that.

    ``may_open``: but for opening files to read. Descriptors that are open stay usable. Nothing fails where the kernel
    lacks something: it is left out.
    """
    victim = _first_victim()
    for limit in _LIMITS:
        _none(limit)
    privileges = _PRCTL(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    _PRCTL(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if not may_open:  # root without them may not read what is another user's
        _CAPSET(*_CAPABILITIES)
    version = landlock.restrict(may_open=may_open)
    _none(resource.RLIMIT_NOFILE, _FILES_IF_ANY if may_open else 0)
    filtered = seccomp.restrict(may_open=may_open)
    return Confinement(landlock=version, seccomp=filtered, no_new_privileges=privileges, first_victim=victim)


def _first_victim() -> bool:
    """Whether the kernel was told to end this process first of all (proc_pid_oom_score_adj(5))."""
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(descriptor, _LIKELIEST_VICTIM)
        os.close(descriptor)
    except OSError:  # no /proc
        return False
    return True


def _none(limit: int, most: int = 0) -> None:
    with suppress(ValueError, OSError):  # a limit that this kernel does not know
        resource.setrlimit(limit, (most, most))


@cache
def confinement() -> Confinement:
    """What holds a disposable process on this machine, found by trying it in a process of its own, once."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writable, msgspec.msgpack.encode(_tried()))
        finally:
            os._exit(0)
    os.close(writable)
    with open(readable, "rb") as file:  # noqa: PTH123  # a descriptor
        said = file.read()
    os.waitpid(child, 0)
    return msgspec.msgpack.decode(said, type=Confinement) if said else NONE


def _tried() -> Confinement:
    """The confinement of this process, where the list of system calls counts only if a call is refused."""
    got = confine()
    try:
        socket.socket(socket.AF_UNIX).close()
    except OSError as error:
        refused = error.errno == errno.EPERM
    else:
        refused = False
    return msgspec.structs.replace(got, seccomp=got.seccomp and refused)


def lacking(held: Confinement) -> tuple[str, ...]:
    """What this machine does not do to hold disposable processes, each in words with the reason."""
    kernel = platform.release()
    said = []
    if not held.seccomp:
        why = f"Linux {kernel} has none" if platform.machine() in seccomp.PROCESSORS else "no list for this processor"
        said.append(f"no seccomp ({why}): system calls are not refused")
    if not held.landlock:
        said.append(f"no Landlock (Linux {kernel} has none, or it is switched off): files are not refused by it")
    if not held.no_new_privileges:
        said.append(f"no PR_SET_NO_NEW_PRIVS (Linux {kernel})")
    if not held.first_victim:
        said.append("no oom_score_adj (no /proc): for lack of memory the kernel may end any process")
    return tuple(said)
