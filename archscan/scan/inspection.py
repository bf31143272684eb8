"""Plain ELF files and static libraries, read like members of a package: each in its disposable process."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from io import BufferedReader

from archscan import elf, pool, sources
from archscan.crypto.catalogue import Catalogue
from archscan.deb.ar import MAGIC
from archscan.deb.contents import elf_objects
from archscan.errors import ElfError, InputError, LimitError
from archscan.model import Begin, End, FileKind, Job, Limits, Problem, ProblemKind, Reading, Stage, escape
from archscan.pool.frames import Send
from archscan.scan.objects import object_facts
from archscan.scan.package import prepare


def inspected(paths: Sequence[str], catalogue: Catalogue, limits: Limits) -> Iterator[Reading]:
    """The reading of each file, in order: one object, those of a static library, or the problem that it is none."""
    jobs = [Job(path=escape(path), target=escape(path)) for path in paths]
    return pool.readings(jobs, functools.partial(read_file, catalogue=catalogue), limits, 1, sources.opened, prepare)


def read_file(job: Job, file: BufferedReader, limits: Limits, send: Send, *, catalogue: Catalogue) -> None:
    """Say everything about one ELF file, or about the members of a static library."""
    if job.path in job.passed_over:
        send(pool.passed_over(job.path))
        return
    send(Begin(path=job.path))
    name = job.path.lstrip("/")
    try:
        data = file.read(limits.member_bytes + 1)
        if len(data) > limits.member_bytes:
            raise ElfError("limit", f"larger than {limits.member_bytes} bytes (member_bytes)")
        kind = FileKind.STATIC_ARCHIVE if data.startswith(MAGIC) else FileKind.ELF
        objects = list(elf_objects(name, kind, data, limits)) if data.startswith((MAGIC, b"\x7fELF")) else []
        if not objects:
            raise ElfError("unsupported", "no ELF file")
        for number, one in enumerate(objects):
            if number == limits.elf_objects:
                raise LimitError("elf_objects", f"more than {limits.elf_objects} ELF objects")
            send(object_facts(one.data, elf.Place(one.path, one.path, name, None), catalogue))
        send(End())
    except InputError as error:
        send(Problem(stage=Stage(error.stage), kind=ProblemKind(error.kind), message=escape(str(error)), path=job.path))
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
        send(Problem(stage=Stage.SOURCE, kind=ProblemKind.UNREADABLE, message=text, path=job.path))
