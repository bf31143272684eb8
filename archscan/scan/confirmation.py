"""Debug information joined with the objects that are in the database: ``archscan confirm``.

``confirm`` is what happens around the disposable processes; ``read_debug`` is what happens inside one, to a package or
a plain ELF file.
"""

from __future__ import annotations

import functools
import os
import posixpath
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BufferedReader
from typing import BinaryIO

import msgspec

from archscan import __version__, deb, debug, pool, sources, store
from archscan.deb.contents import ELF_MAGIC, content
from archscan.deb.members import Member
from archscan.elf.reader import read
from archscan.errors import DebError, ElfError, InputError, NoTargetError
from archscan.model import (
    Asked,
    Begin,
    DebugInfo,
    End,
    FileKind,
    Job,
    Limits,
    Problem,
    ProblemKind,
    Stage,
    escape,
    unescape,
)
from archscan.pool.frames import Send
from archscan.rules.apply import Applied, apply
from archscan.rules.check import check
from archscan.rules.load import load
from archscan.scan import Options, now
from archscan.scan.package import prepare
from archscan.scan.progress import Progress, Tally

Wanted = Mapping[str, Asked]
"""Build id → what somebody wants to know of the object."""

_BY_BUILD_ID = re.compile(r"(?:^|/)\.build-id/([0-9a-f]{2})/([0-9a-f]+)\.debug$")
_SHARED = re.compile(r"(?:^|/)\.dwz/")


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a confirmation: the objects whose debug information was found, by build id."""

    scan_id: int
    build_ids: tuple[str, ...]
    whole: bool
    applied: Applied


def confirm(
    targets: Sequence[str], options: Options, stdin: BinaryIO, progress: Callable[[Progress], None] = lambda _: None
) -> Confirmed:
    """Read the debug information that ``targets`` hold of objects in the database, and judge these again.

    Raises NoTargetError, StoreError, RuleError.
    """
    book = load(options.data)
    check(book)
    with sources.expanded(targets, stdin) as found, store.open_store(options.database, made=False) as db:
        if not found.jobs:
            raise NoTargetError("; ".join(f"{missing.target}: {missing.message}" for missing in found.unmatched))
        extraction = store.Extraction("", ())
        scan_id = store.start_scan(db, started=now(), version=__version__, extraction=extraction,
                                   rules_digest=book.digest, command=options.command)  # fmt: skip
        work = functools.partial(read_debug, wanted=store.debug_wanted(db.conn))
        workers = min(options.workers, len(found.jobs))
        met: set[str] = set()
        whole = not found.unmatched
        tally = Tally()
        tally.begin(found.jobs, scan_id, workers)
        progress(tally.progress())
        # A plain debug file names another one, which holds the strings that it shares with others (dwz).
        limits = options.limits
        arriving = pool.readings(found.jobs, work, limits, workers, sources.opened, prepare, may_open=True)
        try:
            for reading in arriving:
                filename = reading.job.path.rpartition("/")[2]
                problems = list(reading.problems)
                for info in reading.debug:
                    try:
                        if store.write_debug(db, info, filename):
                            met.add(info.build_id)
                    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError) as error:
                        problems.append(_unfit(info, error))
                store.write_problems(db, scan_id, reading.job.path, tuple(problems))
                whole = whole and not problems
                tally.add(reading)
                progress(tally.progress(reading))
        finally:
            arriving.close()
        applied = apply(db.conn, book, scan_id, changed_only=True)
        store.finish_scan(db, scan_id, finished=now(), state="finished", metrics={"objects confirmed": len(met)})
        return Confirmed(scan_id=scan_id, build_ids=tuple(sorted(met)), whole=whole, applied=applied)


def _unfit(info: DebugInfo, error: Exception) -> Problem:
    text = f"the facts do not fit the database: {escape(str(error))[:2000]}"
    return Problem(stage=Stage.STORE, kind=ProblemKind.INTERNAL, message=text, path=info.path)


# --- in the disposable process ---


def read_debug(job: Job, file: BufferedReader, limits: Limits, send: Send, *, wanted: Wanted) -> None:
    """Say what the debug information in a package or an ELF file tells of the objects in ``wanted``."""
    try:
        magic = file.read(4)
        file.seek(0)
        if magic == ELF_MAGIC:
            _plain(file, job, limits, send, wanted)
        else:
            _packaged(file, job, limits, send, wanted)
        send(End())
    except InputError as error:
        send(Problem(stage=Stage(error.stage), kind=ProblemKind(error.kind), message=escape(str(error))))
    except OSError as error:
        send(Problem(stage=Stage.SOURCE, kind=ProblemKind.UNREADABLE, message=f"cannot be read: {error.strerror}"))


def _packaged(file: BufferedReader, job: Job, limits: Limits, send: Send, wanted: Wanted) -> None:
    """Every object of a package; those that share strings wait for the file that holds these, which comes last."""
    waiting: list[debug.Found] = []
    shared: dict[str, bytes] = {}
    package = deb.open_deb(file, limits)
    for member, data in _elf_members(file, package, job, limits, send, wanted):
        try:
            if _SHARED.search(member.name):
                shared.update(_shared_strings(data, limits))
                continue
            found = _found(data, member.name, limits, send, wanted)
        except InputError as error:
            send(_problem(error, member.name))
            continue
        if found and found.alternate:
            waiting.append(found)
        elif found:
            send(debug.finished(found, {}))
    for found in waiting:
        if found.alternate not in shared:
            text = "the strings that dwz moved to another file are not in this package; its units stay unknown"
            send(Problem(stage=Stage.ELF, kind=ProblemKind.MISSING, message=text, path=found.path))
        send(debug.finished(found, shared))


def _elf_members(
    file: BufferedReader, package: deb.Deb, job: Job, limits: Limits, send: Send, wanted: Wanted
) -> Iterator[tuple[Member, bytes]]:
    """The ELF members of a package that may be about a wanted object, with their bytes."""
    for member in deb.data_members(file, package, limits):
        named = _BY_BUILD_ID.search(member.name)
        if member.type != "regular" or (named and "".join(named.groups()) not in wanted):
            continue
        found = content(member)
        if found.kind != FileKind.ELF or not found.head.startswith(ELF_MAGIC):
            continue
        if member.name in job.passed_over:
            send(pool.passed_over(member.name))
            continue
        send(Begin(path=member.name))
        if member.size > limits.member_bytes:
            text = f"{member.size} bytes; the limit for one member is {limits.member_bytes} (member_bytes)"
            send(_problem(DebError("limit", text), member.name))
            continue
        yield member, found.head + member.read(member.size - len(found.head))


def _plain(file: BufferedReader, job: Job, limits: Limits, send: Send, wanted: Wanted) -> None:
    """One ELF file, and the file beside it that holds the strings it shares with others."""
    data = _limited(file, limits)
    found = _found(data, job.path.rpartition("/")[2], limits, send, wanted)
    if found is None:
        return
    shared: dict[str, bytes] = {}
    if found.alternate:
        try:
            beside = sources.opened_path(_beside(job.path, debug.alternate_path(read(data))))
            with open(beside, "rb") as other:  # noqa: PTH123  # a descriptor
                shared = _shared_strings(_limited(other, limits), limits)
        except (InputError, OSError) as error:
            text = f"the strings that dwz moved to another file cannot be read: {escape(str(error))}"
            send(Problem(stage=Stage.ELF, kind=ProblemKind.MISSING, message=text, path=found.path))
    send(debug.finished(found, shared))


def _beside(path: str, link: bytes) -> str:
    """The escaped path of the file that a link in the file at ``path`` names (GDB, "Separate Debug Files")."""
    folder = posixpath.dirname(os.path.realpath(unescape(path)))
    return escape(posixpath.join(folder, link))


def _limited(file: BufferedReader, limits: Limits) -> bytes:
    data = file.read(limits.member_bytes + 1)
    if len(data) > limits.member_bytes:
        raise ElfError("limit", f"larger than {limits.member_bytes} bytes (member_bytes)")
    return data


def _found(data: bytes, path: str, limits: Limits, send: Send, wanted: Wanted) -> debug.Found | None:
    """What the debug information of one object says, if it has some and is wanted; a part of it with a problem."""
    image = read(data)
    identity = debug.build_id(image)
    if identity is None or identity not in wanted:
        return None
    found = debug.read(image, path, wanted[identity], limits)
    if found and found.problem:
        send(_problem(found.problem, path))
    if found and (split := sum(head.split and head.producer is None for head, _ in found.heads)):
        text = f"{split} units keep their settings in .dwo files, which are not read; they stay unknown"
        send(Problem(stage=Stage.ELF, kind=ProblemKind.MISSING, message=text, path=path))
    return found


def _shared_strings(data: bytes, limits: Limits) -> dict[str, bytes]:
    found = debug.alternate_strings(read(data), limits)
    return dict([found] if found else [])


def _problem(error: InputError, path: str) -> Problem:
    return Problem(stage=Stage(error.stage), kind=ProblemKind(error.kind), message=escape(str(error)), path=path)
