"""What disposable processes said of a job, put together: whole, in part, or only how they died."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

import msgspec

from archscan.model import (
    Begin,
    Contents,
    DebugInfo,
    Elf,
    End,
    Explained,
    File,
    FileFacts,
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
from archscan.pool.attempts import smaller
from archscan.pool.child import TOLD
from archscan.pool.spawner import Answer, Ending
from archscan.pool.terms import Result

_FACTS = (Package, File, FileFacts, Contents, Override, Elf, DebugInfo, Explained, Problem)
_KINDS = (*_FACTS, Begin, Unread, End, Log)
_MOST_PROBLEMS = 1_000  # of one package; whoever made it with 500,000 damaged members would fill a database with them
_ONCE = (Package, Contents, Unread, End, Begin)  # of which only the last counts

# How code that does not check its malloc dies of a failed one.
_OF_HUNGER = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP)


class _Said(msgspec.Struct):
    """The messages of one attempt by their kinds, and what ended it before its end, if anything did."""

    by_kind: dict[type, list[Any]]
    death: Problem | None

    def reach(self) -> tuple[bool, int]:
        """How far it came: to the end, or so many facts."""
        return bool(self.by_kind[End]), sum(len(self.by_kind[kind]) for kind in _FACTS)


def passed_over(path: str) -> Problem:
    """What the work says of a member that ``Job.passed_over`` names, and that it therefore does not look at."""
    text = "passed over, for an attempt before died of it"
    return Problem(stage=Stage.CHILD, kind=ProblemKind.KILLED, message=text, path=path)


def reading(job: Job, result: Result, limits: Limits) -> Reading:
    """Everything that came of a job, in one attempt or two.

    A death becomes a problem, with the member it happened at. Of two attempts the one that came further is taken; each
    of them read the package from its beginning.
    """
    if not result.answers:  # a known package, which nobody read
        return _nothing(job, result.identity)
    allowed = (limits, smaller(limits))
    attempts = [_said(answer, limit) for answer, limit in zip(result.answers, allowed, strict=False)]
    said = max(attempts, key=_Said.reach).by_kind  # the first, where they are equal
    problems = _joined(said[Problem], [one.death for one in attempts if one.death])
    package, unread = _last(said[Package]), _last(said[Unread])
    return Reading(
        job=job,
        identity=result.identity,
        package=package,
        files=tuple(said[File]),
        objects=tuple(said[Elf]),
        problems=problems,
        built=said[End][-1].built if said[End] else None,
        status=_status(package, problems, unread),
        seconds=sum(answer.seconds for answer in result.answers),
        unread=unread.reason if unread else None,
        overrides=tuple(said[Override]),
        file_facts=tuple(said[FileFacts]),
        contents=_last(said[Contents]),
        debug=tuple(said[DebugInfo]),
        explained=tuple(said[Explained]),
    )


def _joined(problems: Sequence[Problem], deaths: Sequence[Problem]) -> tuple[Problem, ...]:
    """The problems of the better attempt and the deaths of both: each of a kind once at its place."""
    told: dict[tuple[ProblemKind, str | None], Problem] = {}
    for death in deaths:
        told.setdefault((death.kind, death.path), death)
    known = [passed_over(death.path) for death in deaths if death.path]
    kept = [one for one in problems if one not in known]
    if len(kept) > _MOST_PROBLEMS:
        text = f"{len(kept) - _MOST_PROBLEMS} more problems, of which nothing is kept"
        kept[_MOST_PROBLEMS:] = [Problem(stage=Stage.CHILD, kind=ProblemKind.LIMIT, message=text)]
    return (*kept, *told.values())


def _said(answer: Answer, limits: Limits) -> _Said:
    """What a child said. Its own last words about why it could not go on are its death, too."""
    said: dict[type, list[Any]] = {kind: [] for kind in _KINDS}
    problems: list[Problem] = said[Problem]
    senseless = ""
    place: str | None = None
    try:
        for message in frames.facts(answer.payload):
            if isinstance(message, _ONCE):
                said[type(message)].clear()
            said[type(message)].append(message)
            place = frames.place_after(place, message)
    except msgspec.MsgspecError as error:
        senseless = f"the answer of the reading process makes no sense: {escape(str(error))[:2000]}"
    death = _death(answer.ending, limits, place)
    told = answer.ending.how == "exit" and answer.ending.code == TOLD
    if told and problems and problems[-1].stage == Stage.CHILD:
        death = msgspec.structs.replace(problems.pop(), path=place)
    elif not death and senseless:
        death = _internal(senseless, place)
    elif not death and not said[End] and not problems:
        death = _internal("the reading process ended without a word", place)
    return _Said(said, death)


def _last(messages: list[Any]) -> Any:
    return messages[-1] if messages else None


def _internal(text: str, place: str | None = None) -> Problem:
    return Problem(stage=Stage.CHILD, kind=ProblemKind.INTERNAL, message=text, path=place)


def lost(job: Job) -> Reading:
    """The reading of a job whose worker was killed from outside, more than once."""
    text = "the worker was killed from outside each time it read this package"
    return _nothing(job, None, Problem(stage=Stage.CHILD, kind=ProblemKind.KILLED, message=text))


def failed(job: Job, error: Exception) -> Reading:
    """The reading of a job that a worker could not hand over: a bug of ours, or an answer that no memory holds."""
    return _nothing(
        job, None, _internal(f"the answer did not arrive: {escape(f'{type(error).__name__}: {error}')[:2000]}")
    )


def _nothing(job: Job, identity: Identity | None, *problems: Problem) -> Reading:
    return Reading(job=job, identity=identity, package=None, files=(), objects=(), problems=problems, built=None,
                   status=PackageStatus.UNREADABLE)  # fmt: skip


def _status(package: Package | None, problems: Sequence[Problem], unread: Unread | None) -> PackageStatus:
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
