"""What a disposable process said, put together: whole, in part, or only how it died."""

from __future__ import annotations

import signal
from typing import Any

import msgspec

from archscan.model import (
    Begin,
    DebugInfo,
    Elf,
    End,
    Explained,
    File,
    Identity,
    Job,
    Limits,
    Log,
    Override,
    Package,
    PackageStatus,
    Problem,
    ProblemKind,
    Reading,
    Stage,
    Unread,
    UnreadReason,
    escape,
)
from archscan.pool import frames
from archscan.pool.spawner import Answer, Ending

# How code that does not check its malloc dies of a failed one.
_OF_HUNGER = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP)


def reading(job: Job, answer: Answer, limits: Limits) -> Reading:
    """Everything that came of a job. A death becomes a problem, with the member it happened at."""
    kinds = (Identity, Package, File, Override, Elf, DebugInfo, Explained, Problem, Begin, Unread, End, Log)
    said: dict[type, list[Any]] = {kind: [] for kind in kinds}
    problems: list[Problem] = said[Problem]
    senseless = ""
    try:
        for message in frames.facts(answer.payload):
            said[type(message)].append(message)
    except msgspec.MsgspecError as error:
        senseless = f"the answer of the reading process makes no sense: {escape(str(error))[:2000]}"
    place = said[Begin][-1].path if said[Begin] else None
    death = _death(answer.ending, limits, place)
    if death:
        problems.append(death)
    elif senseless:
        problems.append(_internal(senseless, place))
    elif not said[End] and not problems:
        problems.append(_internal("the reading process ended without a word", place))
    package, unread = _last(said[Package]), _last(said[Unread])
    return Reading(
        job=job,
        identity=_last(said[Identity]),
        package=package,
        files=tuple(said[File]),
        objects=tuple(said[Elf]),
        problems=tuple(problems),
        built=said[End][-1].built if said[End] else None,
        status=_status(package, problems, unread),
        seconds=answer.seconds,
        unread=unread.reason if unread else None,
        overrides=tuple(said[Override]),
        debug=tuple(said[DebugInfo]),
        explained=tuple(said[Explained]),
    )


def _last(messages: list[Any]) -> Any:
    return messages[-1] if messages else None


def _internal(text: str, place: str | None = None) -> Problem:
    return Problem(stage=Stage.CHILD, kind=ProblemKind.INTERNAL, message=text, path=place)


def lost(job: Job) -> Reading:
    """The reading of a job whose worker was killed from outside, more than once."""
    text = "the worker was killed from outside each time it read this package"
    return _nothing(job, Problem(stage=Stage.CHILD, kind=ProblemKind.KILLED, message=text))


def failed(job: Job, error: Exception) -> Reading:
    """The reading of a job that a worker could not hand over: a bug of ours, or an answer that no memory holds."""
    return _nothing(job, _internal(f"the answer did not arrive: {escape(f'{type(error).__name__}: {error}')[:2000]}"))


def _nothing(job: Job, problem: Problem) -> Reading:
    return Reading(job=job, identity=None, package=None, files=(), objects=(), problems=(problem,), built=None,
                   status=PackageStatus.UNREADABLE)  # fmt: skip


def _status(package: Package | None, problems: list[Problem], unread: Unread | None) -> PackageStatus:
    if package is None:
        return PackageStatus.UNREADABLE
    if problems:
        return PackageStatus.PARTIAL
    skipped = unread is not None and unread.reason == UnreadReason.NO_CANDIDATES
    return PackageStatus.SKIPPED if skipped else PackageStatus.COMPLETE


def _death(ending: Ending, limits: Limits, place: str | None) -> Problem | None:
    match ending.how:
        case "exit" if ending.code == 0:
            return None
        case "exit":
            kind, text = ProblemKind.CRASH, f"the reading process ended with code {ending.code}"
        case "timeout":
            kind, text = ProblemKind.TIMEOUT, f"not read within {limits.deadline:g} seconds (deadline)"
        case "answer":
            kind, text = ProblemKind.LIMIT, f"more than {limits.answer_bytes} bytes of facts (answer_bytes)"
        case _ if ending.code == signal.SIGKILL:
            kind, text = ProblemKind.KILLED, "the reading process was killed; if not by hand, then for lack of memory"
        case _ if ending.hungry and ending.code in _OF_HUNGER:
            name = _signal_name(ending.code)
            kind, text = ProblemKind.MEMORY, f"died of {name} near its {limits.memory_bytes} bytes (memory_bytes)"
        case _ if ending.code == signal.SIGXCPU:
            kind, text = ProblemKind.TIMEOUT, f"not read within {limits.deadline:g} seconds of CPU time (deadline)"
        case _:
            kind, text = ProblemKind.CRASH, f"the reading process died of {_signal_name(ending.code)}"
    return Problem(stage=Stage.CHILD, kind=kind, message=text, path=place)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
