"""The system calls that a disposable process may make, as a program that the kernel runs at each of them (seccomp(2)).

A list of what is allowed, not of what is forbidden: a child reads one open file, writes to one pipe and takes memory.
What is not on it fails with EPERM; from number 424 on, with ENOSYS: these are the calls of kernels since 5.1, with the
same numbers everywhere, and whoever tries one of them knows how to do without it on an older kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

# linux/filter.h, linux/bpf_common.h: load a word, jump, return.
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_INSTRUCTION = struct.Struct("=HBBI")
# struct seccomp_data (linux/seccomp.h); the lower half of an argument, both processors being little-endian
_NUMBER, _ARCHITECTURE, _ARGUMENTS, _ARGUMENT = 0, 4, 16, 8
_ALLOW, _FAIL, _KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
_SYSCALL = ctypes.CDLL(None).syscall
_X32 = 0x4000_0000  # calls of the 32-bit ABI of x86-64
_SINCE_5_1 = 424
_SET_FILTER, _SPEC_ALLOW = 1, 4  # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW

Instruction = tuple[int, int, int, int]
"""Operation, how far to jump where it is true and where it is not, and the number it works with."""


class Processor(msgspec.Struct, frozen=True):
    """What the kernel calls a processor (linux/audit.h), and its numbers of the calls that are spoken of here."""

    architecture: int
    seccomp: int
    numbers: Mapping[str, int]


# asm/unistd_64.h of x86, and asm-generic/unistd.h, by which arm64 goes; tests hold both against the headers of either.
_X86_64 = """
read 0 write 1 readv 19 writev 20 pread64 17 preadv 295 preadv2 327 lseek 8 close 3 close_range 436 fstat 5
newfstatat 262 statx 332 mmap 9 munmap 11 mprotect 10 mremap 25 madvise 28 brk 12 membarrier 324 futex 202
futex_waitv 449 set_robust_list 273 get_robust_list 274 rseq 334 rt_sigaction 13 rt_sigprocmask 14 rt_sigreturn 15
rt_sigpending 127 rt_sigtimedwait 128 rt_sigsuspend 130 sigaltstack 131 getpid 39 gettid 186 getppid 110 getuid 102
geteuid 107 getgid 104 getegid 108 getpgid 121 getpgrp 111 getsid 124 getcwd 79 uname 63 sysinfo 99 getrlimit 97
getrusage 98 times 100 getcpu 309 sched_yield 24 sched_getaffinity 204 sched_getscheduler 145 sched_getparam 143
clock_gettime 228 clock_getres 229 clock_nanosleep 230 nanosleep 35 gettimeofday 96 time 201 poll 7 ppoll 271
select 23 pselect6 270 getrandom 318 exit 60 exit_group 231 restart_syscall 219 prlimit64 302 kill 62 tgkill 234
tkill 200 fcntl 72 ioctl 16 open 2 openat 257 readlink 89 readlinkat 267 stat 4 lstat 6
"""
_ARM64 = """
read 63 write 64 readv 65 writev 66 pread64 67 preadv 69 preadv2 286 lseek 62 close 57 close_range 436 fstat 80
newfstatat 79 statx 291 mmap 222 munmap 215 mprotect 226 mremap 216 madvise 233 brk 214 membarrier 283 futex 98
futex_waitv 449 set_robust_list 99 get_robust_list 100 rseq 293 rt_sigaction 134 rt_sigprocmask 135 rt_sigreturn 139
rt_sigpending 136 rt_sigtimedwait 137 rt_sigsuspend 133 sigaltstack 132 getpid 172 gettid 178 getppid 173 getuid 174
geteuid 175 getgid 176 getegid 177 getpgid 155 getsid 156 getcwd 17 uname 160 sysinfo 179 getrlimit 163
getrusage 165 times 153 getcpu 168 sched_yield 124 sched_getaffinity 123 sched_getscheduler 120 sched_getparam 121
clock_gettime 113 clock_getres 114 clock_nanosleep 115 nanosleep 101 gettimeofday 169 ppoll 73 pselect6 72
getrandom 278 exit 93 exit_group 94 restart_syscall 128 prlimit64 261 kill 129 tgkill 131 tkill 130 fcntl 25
ioctl 29 openat 56 readlinkat 78
"""


def _numbers(table: str) -> dict[str, int]:
    words = table.split()
    return {name: int(number) for name, number in zip(words[::2], words[1::2], strict=True)}


PROCESSORS: Mapping[str, Processor] = {
    "x86_64": Processor(0xC000_003E, 317, _numbers(_X86_64)),
    "aarch64": Processor(0xC000_00B7, 277, _numbers(_ARM64)),
}

# Calls of which only some uses are allowed: the argument, and the values that it may have …
_ONE_OF: Mapping[str, tuple[int, Sequence[int]]] = {
    "prlimit64": (0, (0,)),  # of this process: of another one, it could end it by RLIMIT_CPU
    "fcntl": (1, (1, 2, 3)),  # F_GETFD, F_SETFD, F_GETFL; with F_SETOWN and F_SETSIG it could signal another process
    "ioctl": (1, (0x5401, 0x5451)),  # TCGETS, by which Python knows a terminal; FIOCLEX
}
# … or the bits of arguments that must not be set …
_WITHOUT: Mapping[str, Sequence[tuple[int, int]]] = {
    "mmap": ((2, 0x4), (3, 0x1)),  # PROT_EXEC; MAP_SHARED, by which an open file could be written to
    "mprotect": ((2, 0x4),),
}
# … or must be set: AT_EMPTY_PATH, which asks about an open file.
_WITH: Mapping[str, tuple[int, int]] = {"newfstatat": (3, 0x1000), "statx": (2, 0x1000)}
_OF_ITSELF = ("kill", "tgkill", "tkill")  # the first argument must be this process; abort(3) calls one of them
_OF_PATHS = ("openat", "open", "readlink", "readlinkat", "stat", "lstat")
_NOT_READING = 0o3 | 0o100 | 0o1000 | 0o2000 | 0o20000000  # O_ACCMODE, O_CREAT, O_TRUNC, O_APPEND, O_TMPFILE


# Names that no call has.
_ALLOWED, _REFUSED, _UNKNOWN, _ENDED = "ALLOW", "EPERM", "ENOSYS", "KILL"
_ANSWERS = {_ALLOWED: _ALLOW, _REFUSED: _FAIL | errno.EPERM, _UNKNOWN: _FAIL | errno.ENOSYS, _ENDED: _KILL}


def program(processor: Processor, pid: int, *, may_open: bool = False) -> tuple[Instruction, ...]:
    """The filter for the process ``pid``; ``may_open``: it may open files by their names, to read them.

    Numbers are searched in a tree: when a filter is installed, the kernel goes through it for each number there is, to
    know those that are always allowed, and that took longer than all else about it.
    """
    checks = _checks(processor.numbers, pid, may_open=may_open)
    ranges = _ranges(processor.numbers, checks, may_open=may_open)
    begin = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, processor.architecture),
        (_RETURN, 0, 0, _KILL),  # a call of another ABI, whose numbers mean something else
        (_LOAD, 0, 0, _NUMBER),
    ]
    behind: list[Instruction] = []
    places: dict[str, int] = {}
    first = len(begin) + len(ranges) - 1
    for name, answer in _ANSWERS.items():
        places[name] = first + len(behind)
        behind.append((_RETURN, 0, 0, answer))
    for name, check in checks.items():
        places[name] = first + len(behind)
        behind += [*check, (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _FAIL | errno.EPERM)]
    return (*begin, *_searched(ranges, len(begin), places), *behind)


def _searched(ranges: Sequence[tuple[int, str]], at: int, places: Mapping[str, int]) -> list[Instruction]:
    """The tree for two ranges or more, whose first instruction stands ``at``; it leads to where each is answered."""
    left, right = ranges[: len(ranges) // 2], ranges[len(ranges) // 2 :]
    below = _searched(left, at + 1, places) if len(left) > 1 else []
    above = _searched(right, at + 1 + len(below), places) if len(right) > 1 else []
    true = len(below) if above else places[right[0][1]] - at - 1
    false = 0 if below else places[left[0][1]] - at - 1
    return [(_AT_LEAST, true, false, right[0][0]), *below, *above]


def _ranges(
    numbers: Mapping[str, int], checks: Mapping[str, Sequence[Instruction]], *, may_open: bool
) -> list[tuple[int, str]]:
    """The first number of each range, and what is answered there: a word, or the call that is checked."""
    never = () if may_open else _OF_PATHS
    known = {number: name if name in checks else _ALLOWED for name, number in numbers.items() if name not in never}

    def answered(number: int) -> str:
        unlisted = _ENDED if number >= _X32 else _UNKNOWN if number >= _SINCE_5_1 else _REFUSED
        return known.get(number, unlisted)

    found: list[tuple[int, str]] = []
    for number in sorted({0, _SINCE_5_1, _X32, *known, *(number + 1 for number in known)}):
        if not found or found[-1][1] != answered(number):
            found.append((number, answered(number)))
    return found


def _checks(numbers: Mapping[str, int], pid: int, *, may_open: bool) -> dict[str, list[Instruction]]:
    """Calls that are allowed where the check comes to its end, and forbidden where that jumps one further."""
    found = {name: _one_of(0, (pid,)) for name in _OF_ITSELF}
    found |= {name: _one_of(argument, values) for name, (argument, values) in _ONE_OF.items()}
    found |= {name: _without(bits) for name, bits in _WITHOUT.items()}
    if not may_open:
        asked = _WITH.items()
        return found | {
            name: [(_LOAD, 0, 0, _at(argument)), (_HAS_BITS, 0, 1, mask)] for name, (argument, mask) in asked
        }
    opening = (("open", 1), ("openat", 2))
    return found | {name: _without([(argument, _NOT_READING)]) for name, argument in opening if name in numbers}


def _one_of(argument: int, values: Sequence[int]) -> list[Instruction]:
    checks = [(_EQUAL, left, int(left == 0), value) for left, value in zip(_down(values), values, strict=True)]
    return [(_LOAD, 0, 0, _at(argument)), *checks]


def _without(bits: Sequence[tuple[int, int]]) -> list[Instruction]:
    check: list[Instruction] = []
    for left, (argument, mask) in zip(_down(bits), bits, strict=True):
        check += [(_LOAD, 0, 0, _at(argument)), (_HAS_BITS, 2 * left + 1, 0, mask)]
    return check


def _down(some: Sequence[object]) -> range:
    """For each how many come after it."""
    return range(len(some) - 1, -1, -1)


def _at(argument: int) -> int:
    return _ARGUMENTS + _ARGUMENT * argument


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


_NOBODY = 0x7FFF_FFF1  # stands for the process in a program that was made before it


@cache
def _made(*, may_open: bool) -> tuple[Processor, Any, _Program, tuple[int, ...]] | None:
    """The program as the kernel takes it, its bytes, and where in these the process is to be put in."""
    processor = PROCESSORS.get(platform.machine())
    if processor is None:
        return None
    instructions = program(processor, _NOBODY, may_open=may_open)
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*one) for one in instructions))
    own = (number for number, one in enumerate(instructions) if one[3] == _NOBODY)
    places = tuple(_INSTRUCTION.size * (number + 1) - 4 for number in own)
    return processor, code, _Program(len(instructions), ctypes.addressof(code)), places


def prepare(*, may_open: bool) -> None:
    """Make the program, before processes are forked: that takes as long as forking one."""
    _made(may_open=may_open)


def restrict(*, may_open: bool) -> bool:
    """Have the kernel hold this process to the list for ever; False where it cannot.

    The process must have PR_SET_NO_NEW_PRIVS. With SPEC_ALLOW the processor may go on speculating, as it may for every
    filter since Linux 5.16: without it, an older kernel makes all of a child's work slower.
    """
    made = _made(may_open=may_open)
    if made is None:
        return False
    processor, code, held, places = made
    for place in places:
        struct.pack_into("=I", code, place, os.getpid())
    # The flag is Linux 4.17's.
    return any(_SYSCALL(processor.seccomp, _SET_FILTER, flags, ctypes.byref(held)) == 0 for flags in (_SPEC_ALLOW, 0))
