"""What each instruction of a function does with the values that are known where it stands (`rows_of`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from archscan.elf.arch.lifting import Kind, Operation
from archscan.elf.program import Program, run_of
from archscan.elf.values import Run
from archscan.elf.values.domain import Stack, Value
from archscan.elf.values.steps import step, store

_NOTHING: Value = frozenset()


class Done(msgspec.Struct, frozen=True):
    """An instruction, or a part of it, with values: ``place`` are the addresses that it reads, stores to, or computes.

    ``result`` is what the register that it writes holds behind it, or what it stores, ``arguments`` what the registers
    of arguments hold where it is a call.
    """

    address: int
    behind: int
    does: Operation
    place: Value = _NOTHING
    result: Value = _NOTHING
    arguments: tuple[Value, ...] = ()


class Replay(msgspec.Struct):
    """A function that is gone through again, a block at a time when that is asked for."""

    run: Run
    before: Mapping[int, tuple[int, ...]]  # the blocks that lead to each
    block_of: Mapping[int, int]  # by the addresses of instructions, where their block begins
    entry: int
    done: dict[int, tuple[Done, ...]] = {}


def replay(program: Program, number: int) -> Replay | None:
    """A function to be gone through again; None where it could not be gone through at all, or nothing is there."""
    run = run_of(program, number)
    if not run.states:
        return None
    before: dict[int, list[int]] = defaultdict(list)
    for start, block in run.blocks.items():
        for following in block.followed_by:
            before[following].append(start)
    block_of = {row[0]: start for start, block in run.blocks.items() for row in block.rows}
    entry = next(start for start in run.blocks if run.blocks[start].rows)
    return Replay(run, {start: tuple(found) for start, found in before.items()}, block_of, entry)


def rows_of(again: Replay, start: int) -> tuple[Done, ...]:
    """The instructions of the block that begins at an address; none where nothing leads there."""
    if start not in again.done:
        again.done[start] = tuple(_rows(again.run, start))
    return again.done[start]


def _rows(run: Run, start: int) -> list[Done]:
    known = run.states.get(start)
    if known is None:
        return []
    state, found = known.copied(), []
    for address, behind, does in run.blocks[start].rows:
        place, stored = store(state, does, behind) if does.place is not None else (_NOTHING, _NOTHING)
        leaves = does.kind in (Kind.CALL, Kind.JUMP)
        arguments = tuple(map(state.get, run.lift.arguments)) if leaves else ()
        step(state, (address, behind, does), run.lift, run.effects)
        result = stored if does.kind == Kind.STORE else state.get(does.to) if does.to else _NOTHING
        found.append(Done(address, behind, does, place, result, arguments))
    return found


def results_at(again: Replay, address: int) -> list[Done]:
    """What the instruction at an address does, one thing after another."""
    start = again.block_of.get(address)
    return [] if start is None else [row for row in rows_of(again, start) if row.address == address]


def stack_at(again: Replay, address: int) -> int | None:
    """Where the stack pointer points before an instruction, from where the caller left it; None if nobody knows."""
    start = again.block_of.get(address)
    known = again.run.states.get(start) if start is not None else None
    if known is None or start is None:
        return None
    state, run = known.copied(), again.run
    for at, behind, does in run.blocks[start].rows:
        if at == address:
            break
        step(state, (at, behind, does), run.lift, run.effects)
    tops = [one.at if isinstance(one, Stack) else None for one in state.get(run.lift.stack)]
    return tops[0] if len(tops) == 1 else None
