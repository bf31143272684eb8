"""Which instruction names an address of the object's data (`naming`): it reads what stands there, or passes it on."""

from __future__ import annotations

from archscan.elf.code import address_of
from archscan.elf.explained.replay import replay, results_at
from archscan.elf.program import Program, by_function, instructions_of
from archscan.elf.values.domain import Number

_MOST = 8  # functions that are gone through


def naming(program: Program, address: int) -> tuple[int, int] | None:
    """The number of the first function that names an address, and the instruction's own; None where none was seen."""
    if program.named is None:
        return None
    wanted, left = Number(address), _MOST
    for number, offsets in by_function(program, program.named(program.text, address, address)):
        if number < 0 or left == 0:
            continue
        left -= 1
        again = replay(program, number)
        places = [address_of(program.text, offset) for offset in offsets.tolist()]
        rows = {(at, behind) for at, behind, _ in instructions_of(program, number)} if again else set()
        for at, behind in sorted(rows):
            if again and any(at <= place < behind for place in places):
                done = results_at(again, at)
                if any(wanted in row.place or wanted in row.result for row in done):
                    return number, at
    return None
