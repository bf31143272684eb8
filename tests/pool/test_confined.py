"""What a process that reads a package cannot do: each tried in a real child, with the kernel's own answer."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import re
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

import pytest

from archscan.model import End, Job, Limits, Problem, ProblemKind, Stage
from archscan.pool import confinement, lacking, readings, seccomp
from archscan.pool.frames import Send

_LIBC = ctypes.CDLL(None, use_errno=True)


def _raised(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def _written() -> None:
    os.close(os.open("/tmp/archscan-was-here", os.O_WRONLY | os.O_CREAT))


def _set_of_parent() -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))


def _signal_by_pipe() -> None:
    fcntl.fcntl(2, fcntl.F_SETOWN, os.getppid())


TRIED: dict[str, tuple[Callable[[], object], set[int]]] = {
    "socket": (lambda: socket.socket(socket.AF_INET), {errno.EPERM}),
    "unix socket": (lambda: socket.socket(socket.AF_UNIX), {errno.EPERM}),
    "write a file": (_written, {errno.EPERM}),
    "read a file": (lambda: os.open("/etc/passwd", os.O_RDONLY), {errno.EPERM}),
    "look at a file": (lambda: Path("/etc/passwd").stat(), {errno.EPERM}),
    "remove a file": (lambda: Path("/tmp/nothing").unlink(), {errno.EPERM}),
    "exec": (lambda: os.execv("/bin/true", ["true"]), {errno.EPERM}),
    "fork": (os.fork, {errno.EPERM}),
    "namespace": (lambda: _raised(_LIBC.unshare(0x10000000)), {errno.EPERM}),
    "kill the spawner": (lambda: os.kill(os.getppid(), signal.SIGKILL), {errno.EPERM}),
    "kill everything": (lambda: os.kill(-1, signal.SIGKILL), {errno.EPERM}),
    "limit the spawner": (_set_of_parent, {errno.EPERM}),
    "signal through a descriptor": (_signal_by_pipe, {errno.EPERM}),
    "ptrace": (lambda: _raised(_LIBC.ptrace(16, os.getppid(), 0, 0)), {errno.EPERM}),
    "mount": (lambda: _raised(_LIBC.mount(b"x", b"/mnt", b"tmpfs", 0, None)), {errno.EPERM}),
    "io_uring": (lambda: _raised(_LIBC.syscall(425, 1, None)), {errno.ENOSYS}),
    "open by openat2": (lambda: _raised(_LIBC.syscall(437, -100, b"/etc/passwd", None, 0)), {errno.ENOSYS}),
    "code of its own": (lambda: mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7), {errno.EPERM}),
    "memory of a file": (lambda: mmap.mmap(3, 10, mmap.MAP_SHARED, mmap.PROT_READ), {errno.EPERM}),
    "new session": (os.setsid, {errno.EPERM}),
}


def _try_all(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    for name, (attempt, _) in TRIED.items():
        try:
            attempt()
        except OSError as error:
            answer = error.errno
        else:
            answer = 0
        send(Problem(stage=Stage.DATA, kind=ProblemKind.CORRUPT, message=f"{name}: {answer}"))
    send(End())


def _opened(job: Job) -> tuple[Job, int]:
    return job, os.open(__file__, os.O_RDONLY | os.O_CLOEXEC)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_child_can_do_nothing_but_read_and_say(workers: int) -> None:
    (reading,) = readings([Job(path="x", target="x")], _try_all, Limits(), workers, _opened)
    said = dict(one.message.rsplit(": ", 1) for one in reading.problems)
    assert said.keys() == TRIED.keys()
    assert {name: int(said[name]) for name, (_, expected) in TRIED.items() if int(said[name]) not in expected} == {}


def _layers(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):
        assert resource.getrlimit(limit) == (0, 0)
    send(End())


def test_the_limits_hold_also_without_the_other_layers() -> None:
    (reading,) = readings([Job(path="x", target="x")], _layers, Limits(), 1, _opened)
    assert not reading.problems


def _reads(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    assert Path("/etc/passwd").read_bytes()
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_RDONLY | os.O_CREAT):
        with pytest.raises(PermissionError):
            os.open("/etc/passwd", flags)
    with pytest.raises(PermissionError):
        socket.socket()
    send(End())


def test_a_child_that_may_open_files_may_only_read_them() -> None:
    (reading,) = readings([Job(path="x", target="x")], _reads, Limits(), 1, _opened, may_open=True)
    assert not reading.problems


def test_what_the_kernel_has_is_said() -> None:
    held = confinement()
    assert held.seccomp and held.no_new_privileges and held.first_victim  # noqa: PT018
    assert len(lacking(held)) == (not held.landlock)


def _verdict(program: tuple[seccomp.Instruction, ...], architecture: int, number: int, *arguments: int) -> int:
    """What a filter returns, by the rules of linux/bpf_common.h."""
    words = {0: number, 4: architecture, **{16 + 8 * place: value for place, value in enumerate(arguments)}}
    at, held = 0, 0
    while True:
        operation, true, false, value = program[at]
        at += 1
        match operation:
            case 0x20:
                held = words.get(value, 0)
            case 0x06:
                return value
            case _:
                holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[operation]
                at += true if holds else false


_ALLOWED, _EPERM, _ENOSYS, _KILLED = 0x7FFF0000, 0x50001, 0x50026, 0x80000000


@pytest.mark.parametrize("name", seccomp.PROCESSORS)
def test_the_filter_of_each_processor(name: str) -> None:
    processor = seccomp.PROCESSORS[name]
    program = seccomp.program(processor, 77)
    calls = processor.numbers

    def verdict(call: str | int, *arguments: int, architecture: int = processor.architecture) -> int:
        return _verdict(program, architecture, calls[call] if isinstance(call, str) else call, *arguments)

    assert {verdict(call) for call in ("read", "write", "brk", "exit_group", "rt_sigreturn")} == {_ALLOWED}
    assert [verdict("tgkill", pid, 77, 6) for pid in (77, 78)] == [_ALLOWED, _EPERM]
    assert [verdict("prlimit64", pid) for pid in (0, 1)] == [_ALLOWED, _EPERM]
    assert [verdict("mmap", 0, 1, prot, flags) for prot, flags in ((3, 0x22), (7, 0x22), (3, 1))] == [
        _ALLOWED, _EPERM, _EPERM,
    ]  # fmt: skip
    assert [verdict("fcntl", 0, command) for command in (1, 2, 3, 8, 10)] == [_ALLOWED] * 3 + [_EPERM] * 2
    assert [verdict("newfstatat", 3, 0, 0, flag) for flag in (0x1000, 0)] == [_ALLOWED, _EPERM]
    assert [verdict("openat"), verdict(425), verdict(5000)] == [_EPERM, _ENOSYS, _ENOSYS]
    assert [verdict("read", architecture=1), verdict(calls["read"] | 0x40000000)] == [_KILLED] * 2


@pytest.mark.parametrize("may_open", [False, True])
@pytest.mark.parametrize("name", seccomp.PROCESSORS)
def test_every_number_is_answered_as_the_list_has_it(name: str, may_open: bool) -> None:
    """Each number there is, with arguments that the calls which are looked at more closely do not take."""
    processor = seccomp.PROCESSORS[name]
    program = seccomp.program(processor, 77, may_open=may_open)
    closely = {"kill", "tgkill", "tkill", "prlimit64", "fcntl", "ioctl", "mmap", "mprotect", "open", "openat"}
    of_paths = {"newfstatat", "statx", "stat", "lstat", "readlink", "readlinkat"}
    always = {number for call, number in processor.numbers.items() if call not in closely}
    always -= set() if may_open else {processor.numbers[call] for call in of_paths & processor.numbers.keys()}
    wrong = (78, 0x80001, 0x7 | 0x80000, 0x1)
    for number in range(1_000):
        expected = _ALLOWED if number in always else _EPERM
        if number >= 424 and number not in always:
            expected = _ENOSYS
        assert _verdict(program, processor.architecture, number, *wrong) == expected, number
    assert {_verdict(program, processor.architecture, number) for number in (2**30, 2**31, 2**32 - 1)} == {_KILLED}


_COMPILERS = {"x86_64": "x86_64-linux-gnu-gcc", "aarch64": "aarch64-linux-gnu-gcc"}


@pytest.mark.parametrize("name", seccomp.PROCESSORS)
def test_the_numbers_are_those_of_the_kernel(name: str) -> None:
    """Each processor's by the kernel's headers for it, and by those of its audit names and its seccomp call."""
    processor = seccomp.PROCESSORS[name]
    audited = f"AUDIT_ARCH_{name.upper()}"
    lines = (f"{call} __NR_{call}" for call in (*processor.numbers, "seccomp"))
    source = "\n".join(("#include <asm/unistd.h>", "#include <linux/audit.h>", *lines, f"audit {audited}"))
    command = ["gcc" if os.uname().machine == name else _COMPILERS[name], "-E", "-P", "-"]
    said = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    found = {call: int(number) for call, number in re.findall(r"^(\w+) (\d+)$", said, re.MULTILINE)}
    assert found.pop("seccomp") == processor.seccomp
    assert found == dict(processor.numbers)
    (audit,) = re.findall(r"^audit \((\d+)\|(0x[0-9a-f]+)\|(0x[0-9a-f]+)\)$", said, re.MULTILINE)
    assert int(audit[0]) | int(audit[1], 16) | int(audit[2], 16) == processor.architecture
