"""How Thumb code of 32-bit Arm is read for the values that it moves, from the disassembler's text.

Arm code, which compilers for armhf do not write, is not read.
"""

from __future__ import annotations

import re

import msgspec

from archscan.elf.arch.arm64_lifting import RELATIONS
from archscan.elf.arch.lifting import FLAGS, NOTHING, Kind, Operation, Operator, Place, on

_NUMBER = re.compile(r"#?-?(?:0x[0-9a-f]+|\d+)$")
_PARTS = re.compile(r"\[[^]]*\]!?|\{[^}]*\}|[^,\s][^,]*")
_PLACE = re.compile(
    r"\[(?P<base>\w+)(?:, (?:#(?P<at>-?(?:0x)?[0-9a-f]+)|(?P<index>\w+)(?:, lsl #(?P<shift>\d))?))?\](?P<before>!)?$"
)
CONDITIONS = "eq|ne|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_BRANCH = re.compile(rf"b(?:{CONDITIONS})$")
_TESTS = ("cmp", "cmn", "tst", "teq", "vmrs", "msr", "unknown")  # they leave something for branches
_QUIET = re.compile(
    r"nop|it[te]*$|cm[pn]$|t(?:st|eq)$|d[ms]b$|isb$|pld|yield|sev|wf[ei]|vmsr|vcmp|msr|clrex|hint|mcr|setend"
)
_LOADS = {"ldr": 4, "ldrb": 1, "ldrh": 2, "ldrsb": 0, "ldrsh": 0, "ldrex": 4, "ldrexb": 1, "ldrexh": 2, "lda": 4,
          "ldaex": 4, "ldrt": 4}  # fmt: skip
_STORES = {"str": 4, "strb": 1, "strh": 2, "stl": 4, "strt": 4}
_OPERATORS = {
    "add": Operator.ADD, "sub": Operator.SUBTRACT, "and": Operator.AND, "orr": Operator.OR, "eor": Operator.XOR,
    "mul": Operator.MULTIPLY, "lsl": Operator.SHIFT,
}  # fmt: skip
# Others that depend on nothing but one register, or two.
_OTHERS = re.compile(r"(?:lsr|asr|ror|bic|orn|[us]div|rsb)$")
_ALONE = re.compile(r"(?:mvn|sxt[bh]|[us]bfx|clz|rbit|rev\d*)$")
# Names that end in an `s` where the flags are set, too.
_FLAGGED = re.compile(r"(?P<name>mov|mvn|add|sub|rsb|and|orr|eor|bic|orn|lsl|lsr|asr|ror|mul|adc|sbc)s$")
_LONG = ("umull", "smull", "umlal", "smlal", "umaal", "smlalbb")  # they write two registers
_ENDS = ("udf", "bkpt", "trap")
_SCRATCH = "scaled"  # no register, where one instruction does several things
_WORD = 4
_ARGUMENTS = ("r0", "r1", "r2", "r3")
_ALL = ("r0", "r1", "r2", "r3", "ip", "lr")


def read(mnemonic: str, operands: str) -> tuple[Operation, ...]:
    """What an instruction does, one thing after another."""
    name, parts = mnemonic.removesuffix(".w"), _PARTS.findall(operands)
    flagged = _FLAGGED.match(name)
    done = _read(flagged["name"] if flagged else name, parts)
    last = done[-1]
    if not flagged and (name not in _TESTS or last.number is not None or last.operand is not None):
        return done
    # What a comparison before has left is lost.
    return (*done[:-1], msgspec.structs.replace(last, also=(*last.also, FLAGS)))


def _read(name: str, parts: list[str]) -> tuple[Operation, ...]:
    if name in ("b", "bl", "blx", "bx", "cbz", "cbnz") or _BRANCH.match(name):
        return (_leads(name, parts),)
    if name in _ENDS:
        return (Operation(Kind.RETURN),)
    if name == "svc":
        return (Operation(Kind.NOTHING, also=_ALL),)
    if name == "unknown":
        return (Operation(Kind.NOTHING, also=(*_ALL, *(f"r{number}" for number in range(4, 9)))),)
    if name == "cmp" and len(parts) == 2 and (number := _number(parts[1])) is not None:
        return (Operation(Kind.NOTHING, register=parts[0], number=number),)
    if name == "cmp" and len(parts) == 2:
        return (Operation(Kind.NOTHING, register=parts[0], operand=parts[1]),)
    if not parts or _QUIET.match(name):
        return (NOTHING,)
    if name in ("push", "pop", "ldm", "stm", "ldmdb", "stmdb", "ldmia", "stmia", "vpush", "vpop"):
        return _several(name, parts)
    if any(part[0] == "[" for part in parts):
        return _accesses(name, parts)
    return _vectors(name, parts) if name[0] == "v" else _changes(name, parts)


def _leads(name: str, parts: list[str]) -> Operation:
    """A call, a jump or a return."""
    to = parts[-1]
    number = _number(to)
    if name in ("bl", "blx"):
        return Operation(Kind.CALL, target=number) if number is not None else Operation(Kind.CALL, register=to)
    if name in ("b", "bx"):
        if to == "lr":
            return Operation(Kind.RETURN)
        return Operation(Kind.JUMP, target=number) if number is not None else Operation(Kind.JUMP, register=to)
    leads = Operation(Kind.BRANCH, target=number, register=None if number is not None else to)
    return on(RELATIONS.get(name[1:]), leads)


def _several(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """Pushing and popping, and the same from another register than the stack pointer."""
    pushes, listed = name.endswith("push"), _listed(parts[-1])
    if name in ("push", "pop", "vpush", "vpop"):
        base, moves, down = "sp", True, pushes
    else:
        base, moves, down = parts[0].rstrip("!"), parts[0].endswith("!"), name.endswith("db")
    wide = 8 if listed and listed[0][0] == "d" else _WORD
    size = wide * len(listed)
    change = Operation(Kind.SET, to=base, register=base, number=-size if down else size)
    first = 0 if down and moves else -size if down else 0
    places = [Place(base, None, first + wide * number) for number in range(len(listed))]
    if name in ("push", "vpush", "stm", "stmdb", "stmia"):
        done = tuple(
            Operation(Kind.STORE, place=place, register=one if wide == _WORD else None, width=wide)
            for one, place in zip(listed, places, strict=True)
            if name != "push" or one not in _ARGUMENTS  # these are pushed to make room
        )
        return ((change, *done) if down else (*done, change)) if moves else done
    return _loaded(listed, places, base, change if moves else None, down=down)


def _loaded(
    listed: list[str], places: list[Place], base: str, change: Operation | None, *, down: bool
) -> tuple[Operation, ...]:
    """Registers read from places one behind another; the one that they are counted from is the last that is written."""
    done = [
        Operation(Kind.SET, to=one, place=place, reads=True, width=_WORD)
        if one[0] not in "dq"
        else Operation(Kind.NOTHING, also=_parts_of(one))
        for one, place in zip(listed, places, strict=True)
        if one != "pc"
    ]
    done.sort(key=lambda one: one.to == base)
    changed = (change,) if change is not None and base not in listed else ()
    leaves = (Operation(Kind.RETURN),) if "pc" in listed and base == "sp" else ()
    if "pc" in listed and not leaves:
        leaves = (Operation(Kind.JUMP, register="nowhere"),)
    return (*changed, *done, *leaves) if down else (*done, *changed, *leaves)


def _listed(text: str) -> list[str]:
    """The registers of a list in braces."""
    found: list[str] = []
    for part in text.strip("{}").split(", "):
        first, _, last = part.partition("-")
        if last and first[1:].isdigit() and last[1:].isdigit():
            found += [f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1)][:32]
        elif part:
            found.append(part)
    return found


def _accesses(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """What loads or stores."""
    at = next(number for number, part in enumerate(parts) if part[0] == "[")
    if not at:
        return (NOTHING,)  # it prepares what may be read later
    place, moved, first = _place(parts[at])
    behind = _number(parts[at + 1]) if at + 1 < len(parts) else None
    loads = name.startswith(("ld", "vld"))
    if place is None or name[0] == "v":
        return _other_accesses(name, parts[:at], place, moved or behind or 0, first=first, loads=loads)
    done = _loads(name, parts[:at], place) if loads else _stores(name, parts[:at], place)
    if at + 1 < len(parts) and behind is None and place.base:
        return (*done, Operation(Kind.SET, to=place.base))  # moved by what a register says
    return _moving(done, place, moved or behind or 0, before=first)


def _other_accesses(
    name: str, registers: list[str], place: Place | None, moved: int, *, first: bool, loads: bool
) -> tuple[Operation, ...]:
    """Vectors, and what the address says in a form that is not known."""
    listed = [one for part in registers for one in _listed(part)]
    if loads or name in ("tbb", "tbh"):
        also = tuple(piece for one in listed for piece in _parts_of(one))
        leaves = (Operation(Kind.JUMP, register="nowhere"),) if "pc" in listed else ()
        return _moving((Operation(Kind.NOTHING, also=also), *leaves), place, moved, before=first)
    if place is None:
        return (NOTHING,)
    width = 4 if listed and listed[0][0] == "s" else 8
    keeps = listed[0] if len(listed) == 1 and listed[0][0] == "s" else None
    stored = Operation(Kind.STORE, place=place, register=keeps, width=width * len(listed))
    return _moving((stored,), place, moved, before=first)


def _loads(name: str, registers: list[str], place: Place) -> tuple[Operation, ...]:
    if name in ("ldrd", "ldrexd", "ldaexd"):
        done = [
            Operation(Kind.SET, to=to, place=_further(place, _WORD * number), reads=True, width=_WORD)
            for number, to in enumerate(registers[:2])
        ]
        done.sort(key=lambda one: one.to == place.base)
        return tuple(done)
    width = _LOADS.get(name, 0)
    if registers[0] == "pc":
        # What was pushed as the return address; or somewhere else.
        returns = place.base == "sp"
        return (Operation(Kind.RETURN) if returns else Operation(Kind.JUMP, place=place, reads=True, width=_WORD),)
    if not width:
        return (Operation(Kind.SET, to=registers[0]),)
    return (Operation(Kind.SET, to=registers[0], place=place, reads=True, width=width),)


def _stores(name: str, registers: list[str], place: Place) -> tuple[Operation, ...]:
    if name == "strd":
        return tuple(
            Operation(Kind.STORE, place=_further(place, _WORD * number), register=one, width=_WORD)
            for number, one in enumerate(registers[:2])
        )
    if name in _STORES:
        return (Operation(Kind.STORE, place=place, register=registers[0], width=_STORES[name]),)
    # Of several threads' variables: the first register says whether it was stored.
    return Operation(Kind.STORE, place=place, width=8), Operation(Kind.SET, to=registers[0])


def _moving(done: tuple[Operation, ...], place: Place | None, moved: int, *, before: bool) -> tuple[Operation, ...]:
    """With the change of the register that the address is counted from, before or behind."""
    if place is None or not moved or place.base is None:
        return done
    change = Operation(Kind.SET, to=place.base, register=place.base, number=moved)
    if before:
        return (change, *done)
    return (*done[:-1], change, done[-1]) if done[-1].kind in (Kind.RETURN, Kind.JUMP) else (*done, change)


def _vectors(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """A copy between a general register and half of a vector's; anything else that writes one."""
    to, rest = parts[0], parts[1:]
    if name == "vmov" and len(rest) == 1 and {to[0], rest[0][0]} <= {"r", "s", "i", "f", "l"} and to[0] != rest[0][0]:
        return (Operation(Kind.SET, to=to, register=rest[0]),)
    two = name == "vmov" and len(parts) == 3 and to[0] == "r"
    return (Operation(Kind.NOTHING, also=(*_parts_of(to), *(_parts_of(parts[1]) if two else ()))),)


def _parts_of(register: str) -> tuple[str, ...]:
    """The registers that are followed of one that is written."""
    kind, number = register[0], re.match(r"\d+", register[1:])
    if number is None or kind not in "dq":
        return (register.partition("[")[0],)
    pieces = 2 if kind == "d" else 4
    return tuple(f"s{pieces * int(number[0]) + piece}" for piece in range(pieces))


def _changes(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """An instruction whose first operand is the register that it changes."""
    to, rest = parts[0], parts[1:]
    number = _number(rest[-1]) if rest else None
    if name == "mov" and to == "pc":
        return (Operation(Kind.RETURN) if rest == ["lr"] else Operation(Kind.JUMP, register=rest[0]),)
    if to == "pc":
        return (Operation(Kind.JUMP, register="nowhere"),)
    if name in ("mrc", "mrrc"):
        return (Operation(Kind.NOTHING, also=tuple(part for part in parts if part[0] in "ril")),)
    if name in _LONG:
        return (Operation(Kind.NOTHING, also=tuple(parts[:2])),)
    if name in ("mov", "movw") and len(rest) == 1:
        return (Operation(Kind.SET, to=to, number=number, register=None if number is not None else rest[0]),)
    if name == "movt" and number is not None:
        return (Operation(Kind.SET, to=to, register=to, operator=Operator.AND, operand=0xFFFF, number=number << 16),)
    if name == "mvn" and len(rest) == 1:
        if number is not None:
            return (Operation(Kind.SET, to=to, number=~number),)
        return (Operation(Kind.SET, to=to, register=rest[0], operator=Operator.XOR, operand=-1),)
    if name in ("uxtb", "uxth") and len(rest) == 1:
        mask = 0xFF if name == "uxtb" else 0xFFFF
        return (Operation(Kind.SET, to=to, register=rest[0], operator=Operator.AND, operand=mask),)
    if name == "ubfx" and len(rest) == 3 and _number(rest[1]) == 0 and number is not None:
        mask = (1 << min(number, 32)) - 1
        return (Operation(Kind.SET, to=to, register=rest[0], operator=Operator.AND, operand=mask),)
    if name == "sbc" and len(set(rest or parts)) == 1 and (rest == [to] or len(rest) == 2):
        return (Operation(Kind.SET, to=to, choice=(0, -1)),)
    return _computed(name, to, rest)


def _computed(name: str, to: str, rest: list[str]) -> tuple[Operation, ...]:
    """Arithmetic with a number, a register, or one that is shifted."""
    name = "add" if name == "addw" else "sub" if name == "subw" else name
    if name == "mla" and len(rest) == 3:
        times = Operation(Kind.SET, to=_SCRATCH, register=rest[0], operator=Operator.MULTIPLY, operand=rest[1])
        return times, Operation(Kind.SET, to=to, register=_SCRATCH, operator=Operator.ADD, operand=rest[2])
    shifted = re.match(r"lsl #(\d+)$", rest[-1]) if len(rest) > 1 else None
    if shifted and name in _OPERATORS:
        first = rest[0] if len(rest) == 3 else to
        by = Operation(Kind.SET, to=_SCRATCH, register=rest[-2], operator=Operator.SHIFT, operand=int(shifted[1]))
        return by, Operation(Kind.SET, to=to, register=first, operator=_OPERATORS[name], operand=_SCRATCH)
    if _ALONE.match(name) and rest and _number(rest[0]) is None and (len(rest) == 1 or name.endswith("bfx")):
        return (Operation(Kind.SET, to=to, register=rest[0], operator=Operator.OTHER, operand=0),)
    if len(rest) not in (1, 2):
        return (Operation(Kind.SET, to=to),)
    first, last = rest[0] if len(rest) == 2 else to, rest[-1]
    number = _number(last)
    if name == "rsb" and number is not None:
        start = Operation(Kind.SET, to=_SCRATCH, number=number)
        return start, Operation(Kind.SET, to=to, register=_SCRATCH, operator=Operator.SUBTRACT, operand=first)
    if number is None:
        operator = _OPERATORS.get(name, Operator.OTHER if _OTHERS.match(name) else None)
        return (Operation(Kind.SET, to=to, register=first if operator else None, operator=operator, operand=last),)
    if name in ("add", "sub"):
        return (Operation(Kind.SET, to=to, register=first, number=number if name == "add" else -number),)
    if name == "bic" and to == "sp":
        return (Operation(Kind.SET, to=to, register=first),)  # rounds it down; distances within the frame stay
    if name in _OPERATORS or name == "bic":
        by_number = ~number if name == "bic" else number
        operator = _OPERATORS.get(name, Operator.AND)
        return (Operation(Kind.SET, to=to, register=first, operator=operator, operand=by_number),)
    if _OTHERS.match(name):
        return (Operation(Kind.SET, to=to, register=first, operator=Operator.OTHER, operand=number),)
    return (Operation(Kind.SET, to=to),)


def _place(text: str) -> tuple[Place | None, int, bool]:
    """The address that an operand names, what its register is moved by, and whether before the access."""
    found = _PLACE.match(text)
    if found is None:
        return None, 0, False
    at = int(found["at"], 0) if found["at"] else 0
    if found["before"]:
        return Place(found["base"], None, 0), at, True
    return Place(found["base"], found["index"], at, 1 << int(found["shift"] or 0)), 0, False


def _further(place: Place, distance: int) -> Place:
    return msgspec.structs.replace(place, at=place.at + distance) if distance else place


def _number(text: str) -> int | None:
    return int(text.removeprefix("#"), 0) if _NUMBER.match(text) else None
