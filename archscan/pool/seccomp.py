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
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

# linux/filter.h, linux/bpf_common.h: load a word, jump, return.
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _GO, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x05, 0x06
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


# asm/unistd_64.h of x86, and asm-generic/unistd.h, by which arm64 goes; tests hold them against these files.
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


def program(processor: Processor, pid: int, *, may_open: bool = False) -> tuple[Instruction, ...]:
    """The filter for the process ``pid``; ``may_open``: it may open files by their names, to read them."""
    return (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, processor.architecture),
        (_RETURN, 0, 0, _KILL),  # a call of another ABI, whose numbers mean something else
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
        *_always(processor, may_open=may_open),
        *_sometimes(processor, pid, may_open=may_open),
        (_AT_LEAST, 0, 1, _SINCE_5_1),
        (_RETURN, 0, 0, _FAIL | errno.ENOSYS),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
    )


def _always(processor: Processor, *, may_open: bool) -> Iterator[Instruction]:
    """Each allowed number leads to one instruction behind them all."""
    checked = {*_ONE_OF, *_WITHOUT, *_OF_ITSELF, "open", "openat"}
    checked |= set(_WITH) if not may_open else set()
    checked |= set(_OF_PATHS) if not may_open else set()
    allowed = [number for name, number in processor.numbers.items() if name not in checked]
    for left, number in zip(range(len(allowed), 0, -1), allowed, strict=True):
        yield _EQUAL, left, 0, number
    yield _GO, 0, 0, 1
    yield _RETURN, 0, 0, _ALLOW


def _sometimes(processor: Processor, pid: int, *, may_open: bool) -> Iterator[Instruction]:
    numbers = processor.numbers
    for name in _OF_ITSELF:
        yield from _call(numbers[name], _one_of(0, (pid,)))
    for name, (argument, values) in _ONE_OF.items():
        yield from _call(numbers[name], _one_of(argument, values))
    for name, bits in _WITHOUT.items():
        yield from _call(numbers[name], _without(bits))
    if not may_open:
        for name, (argument, mask) in _WITH.items():
            yield from _call(numbers[name], [(_LOAD, 0, 0, _at(argument)), (_HAS_BITS, 0, 1, mask)])
        return
    for name, argument in (("open", 1), ("openat", 2)):
        if name in numbers:
            yield from _call(numbers[name], _without([(argument, _NOT_READING)]))


def _call(number: int, check: Sequence[Instruction]) -> Iterator[Instruction]:
    """A call that is allowed where the check comes to its end, and forbidden where that jumps one further."""
    yield _EQUAL, 0, len(check) + 2, number
    yield from check
    yield _RETURN, 0, 0, _ALLOW
    yield _RETURN, 0, 0, _FAIL | errno.EPERM


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
