"""What a function does not do where it is passed certain numbers (`left_out`), as it compares them before its branches.

Only comparisons of a parameter that nothing else may stand in place of, with a small number: whether those are signed,
and how many of their bytes are compared, makes no difference then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archscan.elf.arch.lifting import NOTHING, Kind, Operation, mirrored
from archscan.elf.values import Run
from archscan.elf.values.blocks import CASES, Block
from archscan.elf.values.domain import Number, Parameter, Value
from archscan.elf.values.limits import Compared, compare
from archscan.elf.values.steps import step

_SMALL = range(128)
Decisions = Mapping[int, tuple[int, int, Operation]]
"""Blocks that end by comparing a parameter: which one, with what, and the branch."""


def decisions(run: Run) -> Decisions:
    """Where a function branches on what it is passed."""
    found = {}
    for start, known in run.states.items():
        rows = run.blocks[start].rows
        branch = rows[-1][2] if rows else NOTHING
        compared: dict[str, Compared | None] = {}
        if branch.kind == Kind.BRANCH and (branch.taken, branch.passed) != (None, None):
            state = known.copied()
            for row in rows:
                compare(compared, state, row)
                step(state, row, run.lift, run.effects)
        with_ = compared.get(branch.flags)
        parameter = _parameter(with_.value) if with_ is not None else None
        if with_ is not None and parameter is not None and with_.number in _SMALL:
            found[start] = parameter, with_.number, mirrored(branch) if with_.is_second else branch
    return found


def left_out(run: Run, known: Decisions, passed: Sequence[Value]) -> frozenset[int]:
    """The addresses of instructions that are not gone through where a function is passed some values."""
    ways: dict[int, tuple[int, ...]] = {}
    for start, (parameter, number, branch) in known.items():
        values = passed[parameter] if parameter < len(passed) else frozenset()
        numbers = [one.value for one in values if isinstance(one, Number) and one.value in _SMALL]
        if numbers and len(numbers) == len(values):
            ways[start] = _ways(run.blocks[start], branch, numbers, number)
    if all(ways[start] == run.blocks[start].followed_by for start in ways):
        return frozenset()
    entry = next(start for start in run.blocks if start != CASES)
    usual = _reached(run.blocks, {}, (entry,))
    reached = _reached(run.blocks, ways, (entry, *(run.blocks.keys() - usual)))
    return frozenset(at for start in run.blocks.keys() - reached for at, _, _ in run.blocks[start].rows)


def _parameter(value: Value) -> int | None:
    (one, *others) = value or (None,)
    return one.number if isinstance(one, Parameter) and not one.of and not others else None


def _ways(block: Block, branch: Operation, numbers: Iterable[int], with_: int) -> tuple[int, ...]:
    """The blocks to which a branch may lead where one of some numbers is compared with another one."""
    target = branch.target
    if target not in block.followed_by or len(set(block.followed_by)) < 2:
        return block.followed_by
    taken = any(_may(one, with_, branch.taken, branch.unlike) for one in numbers)
    unlike = None if branch.unlike is None else not branch.unlike
    passes = any(_may(one, with_, branch.passed, unlike) for one in numbers)
    return tuple(to for to in block.followed_by if (taken if to == target else passes))


def _may(one: int, with_: int, less: int | None, unlike: bool | None) -> bool:
    """Whether a way may be taken that is only for what is less than a number, or is that or is not."""
    return (less is None or one < with_ + less) and (unlike is None or unlike == (one != with_))


def _reached(blocks: Mapping[int, Block], ways: Mapping[int, tuple[int, ...]], begins: Iterable[int]) -> set[int]:
    work, found = list(begins), set(begins)
    while work:
        start = work.pop()
        for one in ways.get(start, blocks[start].followed_by):
            if one not in found:
                found.add(one)
                work.append(one)
    return found
