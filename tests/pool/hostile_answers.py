"""Readings of a work that answers as hostile input might, had it taken over the process. A program, for its memory.

    python -m tests.pool.hostile_answers WORKERS ANSWER_BYTES ATTACK…

Prints for each attack, and for the honest job after it, what became of it and the most memory that this process, which
is the first, took meanwhile.
"""

from __future__ import annotations

import logging
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

import msgspec

from archscan.model import (
    Begin,
    Elf,
    End,
    File,
    FileKind,
    Import,
    Job,
    Limits,
    Log,
    Package,
    Problem,
    ProblemKind,
    Stage,
)
from archscan.pool import readings
from archscan.pool.frames import Send
from tests.pool.pipes import pipe

_ENCODER = msgspec.msgpack.Encoder()
_MEBIBYTE = 1 << 20
_NEEDS = 3 << 30  # address space that an honest package may ask for, whoever was read before it


def _write(*pieces: bytes) -> None:
    descriptor = pipe()
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


def _frame(payload: bytes, letter: int = 0) -> bytes:
    return struct.pack("<IB", len(payload), letter) + payload


def _repeated(limits: Limits, frame: bytes) -> None:
    """As many as just do not exceed the limit, and the end."""
    block = frame * max(1, _MEBIBYTE // len(frame))
    for _ in range((limits.answer_bytes - 4096) // len(block)):
        _write(block)
    _write(_frame(_ENCODER.encode(End())))


def _elf(**more: object) -> bytes:
    """An object of which all is said that must be, and what is given, in MessagePack."""
    fields: dict[str, object] = {}
    for field in msgspec.structs.fields(Elf):
        if field.required:
            fields[field.name] = {"sha256": "0" * 64, "kind": "pie", "relro": "none", "bits": 64, "size": 1}.get(
                field.name, _value(field.type)
            )
    return _ENCODER.encode({"type": "elf", **fields, **more})


def _value(kind: object) -> object:
    said = str(kind)
    if "Verdict" in said:
        return "yes"
    if "bool" in said:
        return False
    return {} if "dict" in said else 0 if "int" in said else "x"


def _many(limits: Limits, **more: object) -> None:
    """Objects of 48 MiB each."""
    payload = _frame(_elf(**more))
    for _ in range((limits.answer_bytes - 4096) // len(payload)):
        _write(payload)


def _dribble(_limits: Limits) -> None:
    while True:
        _write(_frame(_ENCODER.encode(Begin(path="x"))))
        time.sleep(0.01)


def _nested(_limits: Limits) -> None:
    """In a field that nobody knows, which is passed over by going down into it."""
    _write(_frame(b"\x83\xa4type\xa5begin\xa4path\xa1x\xa1z" + b"\x91" * (8 * _MEBIBYTE)))


def _logs(limits: Limits) -> None:
    record = Log(level=logging.WARNING, logger="l" * 65_000, message="m\n" * 32_000, created=1.0, process=1)
    _repeated(limits, _frame(_ENCODER.encode(record), 1))


def _close(_limits: Limits) -> None:
    os.close(pipe())
    os._exit(0)


def _packages(limits: Limits) -> None:
    one = Package(name="x", version="1", version_key="1", architecture=None, variant=None, source="x",
                  source_version="1", control_section=None, control_priority=None, essential=False, maintainer=None,
                  installed_size=None, control="\U0001f480" + "x" * (15 << 20), relations=())  # fmt: skip
    _repeated(limits, _frame(_ENCODER.encode(one)))


_WIDE = "\U0001f480" + "x" * 65_000  # as text in memory four bytes for each character
_TEXT = Problem(stage=Stage.DATA, kind=ProblemKind.CORRUPT, message=_WIDE, path=_WIDE)
_FILE = File(path="x", path_key="x", kind=FileKind.OTHER)


def _too_much(limits: Limits) -> None:
    for _ in range(2):
        _repeated(limits, _frame(_ENCODER.encode(_FILE)))


def _named(_limits: Limits) -> None:
    """Say that the package is another one, as the process may that opened it."""
    _write(_frame(_ENCODER.encode({"type": "identity", "sha256": "0" * 64, "size": 0, "known": True})))


ATTACKS: dict[str, Callable[[Limits], None]] = {
    "length": lambda _: _write(struct.pack("<IB", 0xFFFF_FFFF, 0), bytes(_MEBIBYTE)),
    "lengths": lambda limits: _repeated(limits, struct.pack("<IB", 0xFFFF_FFFF, 0) + bytes(4096)),
    "empty": lambda limits: _repeated(limits, _frame(b"")),
    "empty-logs": lambda limits: _repeated(limits, _frame(b"", 1)),
    "tiny": lambda limits: _repeated(limits, _frame(_ENCODER.encode(Begin(path="")))),
    "tiny-files": lambda limits: _repeated(limits, _frame(_ENCODER.encode(_FILE))),
    "texts": lambda limits: _repeated(limits, _frame(_ENCODER.encode(_TEXT))),
    "packages": _packages,
    "needed": lambda limits: _many(limits, needed=("",) * (48 * _MEBIBYTE)),
    "imports": lambda limits: _many(limits, imports=(Import("", None, None),) * (12 * _MEBIBYTE)),
    "counts": lambda limits: _many(
        limits, reasons={"x": {"code": "x", "text": "x", "counts": {f"{n:x}": n for n in range(4 * _MEBIBYTE)}}}
    ),
    "nested": _nested,
    "logs": _logs,
    "dribble": _dribble,
    "close": _close,
    "too-much": _too_much,
    "named": _named,
}


def _work(job: Job, _file: BufferedReader, limits: Limits, send: Send) -> None:
    if job.path.startswith("honest"):
        bytes(_NEEDS)
        send(End())
        return
    ATTACKS[job.path](limits)


def _opened(job: Job) -> tuple[Job, int]:
    return job, os.open(__file__, os.O_RDONLY | os.O_CLOEXEC)


def _peak() -> int:
    """The most resident memory of this process since it was asked last, in bytes (proc_pid_status(5))."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    Path("/proc/self/clear_refs").write_text("5")
    return int(line.split()[1]) << 10


class _Counted(logging.Handler):
    """Counts records and their characters."""

    records = characters = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.records += 1
        self.characters += len(record.name) + len(record.getMessage())


def main(workers: int, answer_bytes: int, attacks: list[str]) -> None:
    """Carry out the attacks, an honest job after each."""
    counted = _Counted()
    logging.getLogger().addHandler(counted)
    limits = Limits(deadline=20.0, answer_bytes=answer_bytes)

    def jobs() -> Iterator[Job]:
        for attack in attacks:
            yield Job(path=attack, target=attack)
            yield Job(path=f"honest after {attack}", target=attack)

    started = time.monotonic()
    for reading in readings(jobs(), _work, limits, workers, _opened):
        seconds, started = time.monotonic() - started, time.monotonic()
        problems = [f"{one.kind.value}: {one.message[:100]}" for one in reading.problems[-1:]]
        said = (reading.job.path, _peak(), seconds, counted.records, counted.characters, problems)
        counted.records = counted.characters = 0
        del reading
        print(msgspec.json.encode(said).decode(), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(ATTACKS))
