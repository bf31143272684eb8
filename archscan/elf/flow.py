"""Where an argument of a call comes from, as far as the instructions before it tell.

Instructions are taken in one after another from the start of the function. Behind an unconditional jump nothing is
known; behind a conditional one the way straight on is a way that the program can go. So what is said holds on one way
to the call at least.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from archscan.elf.arch.idioms import Flow, Text

_WORD = re.compile(r"[a-z]\w*")


class Origin(Enum):
    """What a register holds: a constant of the program, something computed or read while it runs."""

    CONSTANT = 1
    COMPUTED = 2


def computed(lines: Iterable[tuple[int, str, str]], text: Text, call: int, argument: int) -> bool:
    """Whether an argument of the call at an address, counted from 0, is computed while the program runs.

    ``lines`` are address, mnemonic and operands of the function's instructions up to the call.
    """
    flow = text.flow
    if flow is None or argument >= len(text.arguments):
        return False
    known: dict[str, Origin] = dict.fromkeys(text.arguments, Origin.COMPUTED)
    for address, mnemonic, operands in lines:
        if address >= call:
            break
        _take(known, text, flow, f"{mnemonic} {operands}")
    return known.get(text.arguments[argument]) == Origin.COMPUTED


def _take(known: dict[str, Origin], text: Text, flow: Flow, line: str) -> None:
    """Takes one instruction in."""
    if flow.leaves.match(line):
        known.clear()
        return
    if text.call.match(line):
        for name in [name for name in known if name not in text.kept and not name.startswith("[")]:
            del known[name]
        known[flow.result] = Origin.COMPUTED
        return
    stored = text.home.match(line)
    if stored:
        _put(known, f"[{stored['base']}{stored['at']}", known.get(_whole(text, stored["source"])))
        return
    written = text.written.match(line)
    if written:
        _put(known, _whole(text, written["to"]), _origin(known, text, flow, line))


def _origin(known: dict[str, Origin], text: Text, flow: Flow, line: str) -> Origin | None:
    """What an instruction leaves in the register that it writes."""
    if flow.constant.match(line):
        return Origin.CONSTANT
    reload = text.reload.match(line)
    if reload:
        return known.get(f"[{reload['base']}{reload['at']}")
    loaded = flow.load.match(line)
    if loaded:
        on_stack = loaded["base"] in (text.stack, text.frame_pointer)
        return None if on_stack or flow.program_counter == loaded["base"] else Origin.COMPUTED
    derived = flow.derived.match(line)
    if not derived:
        return None
    names = {_whole(text, word) for word in _WORD.findall(derived["from"])} - {"ptr", "qword", "dword", "x", "lsl"}
    if text.stack in names or text.frame_pointer in names:
        return None  # an address, or what nobody knows
    origins = {known.get(name) for name in names}
    return Origin.COMPUTED if Origin.COMPUTED in origins else None


def _put(known: dict[str, Origin], name: str, origin: Origin | None) -> None:
    if origin is None:
        known.pop(name, None)
    else:
        known[name] = origin


def _whole(text: Text, register: str) -> str:
    return text.aliases.get(register, register)
