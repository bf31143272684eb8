"""Who decides what a call selects, where the object does not: variables, parameters, and what others return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.crypto.answer import Answer, together
from archscan.elf.filling import ALLOCATING
from archscan.elf.values.domain import (
    Atom,
    Computed,
    Field,
    FieldAddress,
    Filled,
    Kept,
    Memory,
    Parameter,
    Pointer,
    Result,
)
from archscan.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archscan.crypto.book import Book

_ELSEWHERE = (Outcome.RUNTIME, Outcome.FORWARDED)


def of_kept(variable: Kept, field: str) -> Answer:
    """What a variable holds, or what stands where that points."""
    if variable.shared:
        return Answer(Outcome.RUNTIME, reason=f"{field}variable {variable.by}, which other objects may change")
    how = f"whose address {variable.by} passes on" if variable.given else f"stored by {variable.by}"
    return Answer(Outcome.RUNTIME, reason=f"{field}variable {variable.address:#x}, {how}")


def of_parameter(parameter: Parameter, field: str) -> Answer:
    """What others pass, who call the function by its name or, where that is taken, by its address."""
    where = f"{field}argument {parameter.number} of {parameter.of}"
    if not parameter.of:
        return Answer(Outcome.UNKNOWN, reason="parameter")
    if parameter.taken:
        return Answer(Outcome.RUNTIME, reason=f"{where}, whose address is taken")
    if parameter.uncalled:
        return Answer(Outcome.RUNTIME, reason=f"{where}, which nothing is seen to call")
    return Answer(Outcome.FORWARDED, reason=where)


def of_field(book: Book, place: Field | FieldAddress) -> Answer:
    """What stands in a structure that others pass, return or fill in."""
    where = ""
    of: Pointer | FieldAddress = place
    while isinstance(of, Field | FieldAddress):
        again = " and so on" if isinstance(of, Field) and of.again else ""
        where, of = f"{where}{'somewhere in' if of.at is None else f'field {of.at:#x}{again} of'} ", of.of
    if isinstance(of, Parameter):
        return of_parameter(of, where)
    if isinstance(of, Kept):
        return of_kept(of, where)
    if isinstance(of, Memory) and of.address in book.sites.slots:
        return Answer(Outcome.RUNTIME, reason=f"{where}{book.sites.slots[of.address]}")
    called = book.sites.called(of.call) if isinstance(of, Result | Filled) else None
    if called is None or (isinstance(of, Result) and called in ALLOCATING):
        return Answer(Outcome.UNKNOWN, reason="field")
    made = "the result of" if isinstance(of, Result) else "what is filled in by"
    return Answer(Outcome.RUNTIME, reason=f"{where}{made} {called}")


def is_sure(one: Atom, *, text: bool) -> bool:
    """Whether who a value comes from has to do with it even where other ways to the same place are not known.

    What stands where a parameter points may have been stored there by the function that has it, or by others that it
    was passed on to. What a function returned may be left over from something else: it passes for a number, but not for
    a ``text``, which may be anything that a pointer points to.
    """
    if isinstance(one, Computed):
        return is_sure(one.of, text=text)
    if isinstance(one, Parameter):
        return not one.uncalled
    of: Atom = one
    while isinstance(of, Field):
        of = of.of
    return not of.given if isinstance(of, Kept) else isinstance(one, Result) and not text


def decided(answers: Sequence[Answer], sure: Sequence[Answer]) -> Answer:
    """What several values of an argument select: where one is ``sure`` to come from elsewhere, that is who decides.

    Whatever ways may bring besides that nobody knows, which is said.
    """
    found, others = together(answers), [one for one in sure if one.outcome in _ELSEWHERE]
    if found.outcome != Outcome.UNKNOWN or not others:
        return found
    by = together(others)
    return msgspec.structs.replace(found, outcome=by.outcome, reason=f"{by.reason}; or unknown: {found.reason}")
