"""Where a jump by a table can lead: the tables that a function reads, as compilers lay them out.

gcc and clang for x86-64 keep distances of four bytes from the table itself, or whole addresses where the program is
not moved; those for AArch64 keep distances in instructions of one, two or four bytes from a place in the function.
How many entries there are stands in a comparison somewhere before; here a table ends where an entry leads out of the
function, or where the next table begins. What is read too far leads to places that exist, so nothing is missed by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archscan.elf.arch.lifting import COUNTER, Kind, Lift, Operation, Operator
from archscan.elf.image import Image, mapped

_MOST = 1024  # entries of a table
_FAR = 0x1000  # no field of a structure is that far from where a register points; it is an address
_INSTRUCTION = 4  # bytes, of which distances are multiples on AArch64


def cases(image: Image, rows: Iterable[tuple[int, int, Operation]], lift: Lift) -> frozenset[int]:
    """The addresses of instructions of a function to which its tables lead; none where it has no such jump."""
    rows = tuple(rows)
    if not any(is_table(does) for _, _, does in rows):
        return frozenset()
    starts = {at for at, _, _ in rows}
    tables, places = _tables(rows, lift)
    begins = sorted({table for table, _ in tables})
    found: set[int] = set()
    for table, width in tables:
        following = next((begin for begin in begins if begin > table), table + _MOST * width)
        entries = list(_entries(image, table, width, min((following - table) // width, _MOST)))
        if width < lift.word and lift.scaled_tables:
            for place in places & starts:
                found.update(_as_long_as((place + entry * _INSTRUCTION for entry in entries), starts))
        else:
            # Distances are counted from the table, or on some processors from what a register has.
            for place in [*([0] if width == lift.word else []), table, *sorted(places)]:
                led_to = list(_as_long_as((place + entry for entry in entries), starts))
                found.update(led_to)
                if led_to:
                    break
    return frozenset(found)


def is_table(does: Operation) -> bool:
    """Whether a jump goes where a register, or something at an index, says."""
    return does.kind == Kind.JUMP and does.target is None and (does.place is None or does.place.base != COUNTER)


def _as_long_as(targets: Iterable[int], starts: set[int]) -> Iterator[int]:
    """Targets up to the first that is no instruction of the function."""
    for target in targets:
        if target not in starts:
            return
        yield target


def _tables(rows: Iterable[tuple[int, int, Operation]], lift: Lift) -> tuple[set[tuple[int, int]], set[int]]:
    """What is read by an index, with the bytes of an entry; and all addresses that the function computes."""
    known: dict[str, int] = {}
    indexed: dict[str, int] = {}  # addresses to which something was added
    tables: set[tuple[int, int]] = set()
    places: set[int] = set()
    for _, behind, does in rows:
        place = does.place
        if place is not None and place.index is not None and (does.reads or does.kind == Kind.JUMP):
            # Without a factor either register may be the one that has the address.
            parts = [known.get(place.base) if place.base else 0, known.get(place.index)]
            tables |= {(part + place.at, does.width or lift.word) for part in parts if part is not None}
        elif place is not None and does.reads and place.at >= _FAR and place.base and place.base not in known:
            tables.add((place.at, does.width or lift.word))
        elif place is not None and place.base in indexed and does.reads:
            tables.add((indexed[place.base] + place.at, does.width or lift.word))
        constant, table = _constant(does, behind, known), _indexed(does, known)
        if does.to and not _is_restored(does, lift):
            known.pop(does.to, None)
            indexed.pop(does.to, None)
            if constant is not None:
                known[does.to] = constant
                places.add(constant)
            elif table is not None:
                indexed[does.to] = table
    return tables, places


def _indexed(does: Operation, known: dict[str, int]) -> int | None:
    """The address to which an instruction adds something that is not known."""
    if does.kind != Kind.SET or does.operator != Operator.ADD or not isinstance(does.operand, str):
        return None
    parts = [known.get(does.register or ""), known.get(does.operand)]
    return next((part for part in parts if part is not None), None) if None in parts else None


def _is_restored(does: Operation, lift: Lift) -> bool:
    """Whether a register is read from the stack, as at an end of the function; further ways know what it had before."""
    return does.reads and does.place is not None and does.place.base in (lift.stack, lift.frame)


def _constant(does: Operation, behind: int, known: dict[str, int]) -> int | None:
    """The number that an instruction puts into a register, if the ones before it say which."""
    if does.kind != Kind.SET or does.reads or does.operator is not None or does.choice:
        return None
    if does.place is not None:
        return behind + does.place.at if does.place.base == COUNTER else None
    if does.register is not None:
        base = known.get(does.register)
        return None if base is None else base + (does.number or 0)
    return does.number


def _entries(image: Image, table: int, width: int, count: int) -> Iterator[int]:
    data = mapped(image, table, width * count) if 0 <= table < 1 << 62 and width in (1, 2, 4, 8) else b""
    for at in range(0, len(data) - width + 1, width):
        yield int.from_bytes(data[at : at + width], "little" if image.order == "<" else "big", signed=True)
