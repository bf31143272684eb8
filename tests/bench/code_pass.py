"""What looking at machine code costs, of all that is found out about ELF objects and of a whole scan.

Runs as a program of its own (``python -m tests.bench.code_pass FILE…``), in one process: there the functions that look
at code can be given a clock.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from archscan import deb, elf
from archscan.deb.contents import content, elf_objects
from archscan.elf import fortify, hardening
from archscan.errors import InputError
from archscan.model import FileKind, Limits
from archscan.pool.child import keep_freed_memory

_P = ParamSpec("_P")
_R = TypeVar("_R")


class CodePass(msgspec.Struct, frozen=True):
    """How many objects there are, and the CPU seconds for all facts of them and for those from machine code."""

    objects: int
    facts: float
    code: float


def code_pass(debs: Sequence[Path]) -> CodePass:
    """The costs of all ELF objects in the packages."""
    command = [sys.executable, "-m", "tests.bench.code_pass", *map(str, debs)]
    measured = subprocess.run(command, capture_output=True, check=True)
    return msgspec.json.decode(measured.stdout, type=CodePass)


class _Clock:
    """Seconds spent in functions that were given it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._running = False

    def timed(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        """The function, whose time is added; what it calls counts once."""

        def call(*arguments: _P.args, **named: _P.kwargs) -> _R:
            if self._running:
                return function(*arguments, **named)
            self._running, started = True, time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.process_time() - started
                self._running = False

        return call


def _measured(debs: Sequence[str]) -> CodePass:
    keep_freed_memory()  # as in the processes of a scan
    code, facts = _Clock(), _Clock()
    for module, names in ((hardening, ("_in_code",)), (fortify, ("_functions", "_sites", "_with_level"))):
        for name in names:
            setattr(module, name, code.timed(getattr(module, name)))
    found, objects = facts.timed(elf.facts), 0
    for path in debs:
        with Path(path).open("rb") as file:
            opened = deb.open_deb(file, Limits())
            for member in deb.data_members(file, opened, Limits()):
                if member.type != "regular":
                    continue
                held = content(member)
                if held.kind not in (FileKind.ELF, FileKind.STATIC_ARCHIVE):
                    continue
                data = held.head + member.read(member.size - len(held.head))
                for one in elf_objects(member.name, held.kind, data, Limits()):
                    objects += 1
                    try:
                        found(one.data, elf.Place(one.path, one.path, member.name, opened.package.architecture))
                    except InputError as error:
                        print(f"{path}: {one.path}: {error}", file=sys.stderr)
    return CodePass(objects, facts.seconds, code.seconds)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_measured(sys.argv[1:])))
