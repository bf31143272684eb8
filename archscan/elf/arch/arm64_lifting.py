"""How instructions of AArch64 are read for the values that they move, from the disassembler's text."""

from __future__ import annotations

import re

import msgspec

from archscan.elf.arch.lifting import NOTHING, Kind, Operation, Operator, Place, flagged, on

_NUMBER = re.compile(r"#?-?(?:0x[0-9a-f]+|\d+)$")
_PLACE = re.compile(
    r"\[(?P<base>\w+)(?:, (?:#(?P<at>-?(?:0x)?[0-9a-f]+)|(?P<index>[wx]\w+)(?:, \w+(?: #(?P<shift>\d))?)?))?\]"
    r"(?P<before>!)?$"
)
# General registers, and the halves of vector registers in which compilers keep what does not fit into those.
_FOLLOWED = re.compile(r"[wx](?:\d+|zr)$|d\d+$|sp$")
_VECTOR = re.compile(r"[bhsqv](?P<number>\d+)(?:\.|$)")
_QUIET = re.compile(r"ccm[pn]$|cm[pn]$|tst$|prf|nop|hint|bti|pac|aut|xpac|[di]sb$|dmb|ic$|dc$|msr|csdb|yield|sb$|clrex")
_LOADS = re.compile(r"ld(?:r|ur|ar|apr|apur|axr|xr|lar|tr|p|np|axp|xp)s?[bhw]?$|ldpsw$")
_SIGNED = re.compile(r"ld\w*s[bh]$")  # narrow numbers that may be negative
_STORES = re.compile(r"st(?:u?r|lu?r|p|np|l|lr)[bh]?$")
_CALLS = ("bl", "blr", "blraa", "blraaz", "blrab", "blrabz")
_JUMPS = ("b", "br", "braa", "braaz", "brab", "brabz")
_TESTED = {"cbz": 1, "cbnz": 1, "tbz": 2, "tbnz": 2}  # at which operand the target stands
_ZEROES = {"cbz": "=", "cbnz": "!="}
_TESTED_FLAGS = "tested"  # they leave the flags alone
_SYSTEM = ("svc", "hvc", "smc")
# What leaves something else where a comparison leaves what it found.
_FLAGGED = re.compile(
    r"ccm[pn]$|cm[pn]$|tst$|(?:add|sub|and|bic|neg|adc|sbc|ngc|subp)s$|fc?cmp|setf|rmif|cfinv|[ax]xflag|msr"
)
# Signed or not: what is compared is less than which number.
RELATIONS = {
    "hi": ">", "gt": ">", "hs": ">=", "cs": ">=", "ge": ">=", "ne": "!=", "ls": "<=", "le": "<=", "lo": "<", "cc": "<",
    "lt": "<", "eq": "=",
}  # fmt: skip
_ENDS = ("ret", "retaa", "retab", "brk", "udf", "eret", "hlt")
_CHOICES = {"csel": 0, "csinc": 1}  # what is added to the second
_OPERATORS = {
    "add": Operator.ADD, "adds": Operator.ADD, "sub": Operator.SUBTRACT, "subs": Operator.SUBTRACT,
    "and": Operator.AND, "ands": Operator.AND, "orr": Operator.OR, "eor": Operator.XOR, "mul": Operator.MULTIPLY,
    "lsl": Operator.SHIFT,
}  # fmt: skip
# Others that depend on nothing but one register, or two.
_OTHERS = re.compile(
    r"(?:lsr|asr|ror|neg|mvn|[us]bfx|[us]div|[us]mulh|[us]mull|[us]xt[bh]|orn|eon|bic|rev\d*|rbit|cl[zs])$"
)
_SHIFTED = re.compile(r"(?:lsl|[us]xtw|[us]xtx)(?: #(?P<by>\d+))?$")
_SCRATCH = "scaled"  # no register, where one instruction does several things
_WORD = 8
_WHOLE = 0xFFFF_FFFF_FFFF_FFFF


def read(mnemonic: str, operands: str) -> tuple[Operation, ...]:
    """What an instruction does, one thing after another."""
    done = _read(mnemonic, _parts(operands))
    compares = done[-1].kind == Kind.NOTHING and (done[-1].number, done[-1].operand) != (None, None)
    return flagged(done) if _FLAGGED.match(mnemonic) and not compares else done


def _read(mnemonic: str, parts: list[str]) -> tuple[Operation, ...]:
    if mnemonic in _ENDS:
        return (Operation(Kind.RETURN),)
    if mnemonic in _CALLS or mnemonic in _JUMPS:
        return (_leads(Kind.CALL if mnemonic in _CALLS else Kind.JUMP, parts[0]),)
    if mnemonic.startswith("b.") or mnemonic in _TESTED:
        leads = _leads(Kind.BRANCH, parts[_TESTED.get(mnemonic, 0)])
        if mnemonic in _ZEROES:
            tested = Operation(Kind.NOTHING, register=_whole(parts[0]), number=0, flags=_TESTED_FLAGS)
            return tested, on(_ZEROES[mnemonic], msgspec.structs.replace(leads, flags=_TESTED_FLAGS))
        return (on(RELATIONS.get(mnemonic.removeprefix("b.")), leads),)
    if mnemonic in _SYSTEM:
        return (Operation(Kind.NOTHING, also=tuple(f"x{number}" for number in range(18))),)
    if mnemonic in ("cmp", "cmn") and len(parts) == 2:
        return (_compared(*parts) if mnemonic == "cmp" else _compared_with_negative(*parts),)
    if not parts or _QUIET.match(mnemonic):
        return (NOTHING,)
    if _STORES.match(mnemonic):
        return _stores(mnemonic, parts)
    if _LOADS.match(mnemonic):
        return _loads(mnemonic, parts)
    if any("[" in part and part[0] == "[" for part in parts):
        return _accesses(parts)
    to = _written(parts[0])
    if to is None:
        return (NOTHING,)
    return _scaled(mnemonic, to, parts[1:]) or (_computed(mnemonic, to, parts[1:], lane="." in parts[0]),)


def _compared(first: str, second: str) -> Operation:
    """A comparison of a register with a number or another register."""
    number, register = _number(second), _whole(first)
    operand = _whole(second) if number is None else None
    width = 4 if first[0] == "w" else _WORD
    return Operation(Kind.NOTHING, register=register, number=number, operand=operand, width=width)


def _compared_with_negative(first: str, second: str) -> Operation:
    """A comparison of 32 bits with what a number must be added to, so that it is 0; of others nothing is said."""
    number = _number(second)
    if not number or first[0] != "w":
        return NOTHING
    return Operation(Kind.NOTHING, register=_whole(first), number=-number % (1 << 32), width=4)


def _scaled(mnemonic: str, to: str, parts: list[str]) -> tuple[Operation, ...]:
    """Multiplying by a number, and adding what is multiplied; nothing for any other instruction."""
    number = [_number(part) for part in parts]
    if mnemonic in ("ubfiz", "sbfiz") and len(parts) == 3 and number[1] is not None and number[2] is not None:
        mask = (1 << (number[2] if mnemonic == "ubfiz" else number[2] - 1)) - 1
        wide = number[2] == 32  # an index, of which nobody knows more
        low = Operation(Kind.SET, to=_SCRATCH, register=_whole(parts[0]), operator=Operator.AND, operand=mask)
        shifted = Operation(
            Kind.SET, to=to, register=_whole(parts[0]) if wide else _SCRATCH, operator=Operator.SHIFT, operand=number[1]
        )
        return (shifted,) if wide else (low, shifted)
    if mnemonic in ("madd", "umaddl", "smaddl") and len(parts) == 3:
        first, second, third = map(_whole, parts)
        times = Operation(Kind.SET, to=_SCRATCH, register=first, operator=Operator.MULTIPLY, operand=second)
        return times, Operation(Kind.SET, to=to, register=_SCRATCH, operator=Operator.ADD, operand=third)
    shift = _SHIFTED.match(parts[-1]) if mnemonic in ("add", "sub") and len(parts) == 3 and number[1] is None else None
    if shift is None:
        return ()
    operator = _OPERATORS[mnemonic]
    times = Operation(
        Kind.SET, to=_SCRATCH, register=_whole(parts[1]), operator=Operator.SHIFT, operand=int(shift["by"] or 0)
    )
    return times, Operation(Kind.SET, to=to, register=_whole(parts[0]), operator=operator, operand=_SCRATCH)


def _accesses(parts: list[str]) -> tuple[Operation, ...]:
    """Anything else that goes to memory: it may write there, and to each of the registers that it names."""
    *named, last = _until_place(parts)
    place, moved, first = _place(last)
    listed = [name for part in named for name in re.findall(r"[a-z]\w*", part)]
    also = tuple(dict.fromkeys(to for to in map(_written, listed) if to))
    spoilt = (Operation(Kind.STORE, place=place, width=0),) if place else ()
    moving = _moving((), place, moved + _behind(parts), before=first)
    odd = (place.base,) if place and place.base and len(parts) > len(named) + 1 and not moving else ()
    return (*spoilt, Operation(Kind.NOTHING, also=also + odd), *moving)


def _parts(operands: str) -> list[str]:
    """The operands; what stands in brackets is one."""
    return re.findall(r"\[[^]]*\]!?|\{[^}]*\}|[^,\s][^,]*", operands)


def _leads(kind: Kind, to: str) -> Operation:
    number = _number(to)
    return Operation(kind, register=_whole(to)) if number is None else Operation(kind, target=number)


def _computed(mnemonic: str, to: str, parts: list[str], *, lane: bool = False) -> Operation:
    """An instruction whose first operand is what it changes; ``lane``: a part of it."""
    number = _number(parts[0]) if parts else None
    first = _whole(parts[0]) if parts and number is None else None
    match mnemonic:
        case "mov" | "movz" | "adr" | "adrp" if number is not None:
            return Operation(Kind.SET, to=to, number=number << _shift(parts))
        case "movn" if number is not None:
            return Operation(Kind.SET, to=to, number=~(number << _shift(parts)))
        case "movk" if number is not None:
            kept = _WHOLE ^ 0xFFFF << _shift(parts)
            return Operation(
                Kind.SET, to=to, register=to, operator=Operator.AND, operand=kept, number=number << _shift(parts)
            )
        case "mov" | "fmov" | "sxtw" | "uxtw" if first is not None:
            return Operation(Kind.SET, to=to, register=None if lane else _followed(parts[0]))
        case "movi" if number == 0 and not lane:
            return Operation(Kind.SET, to=to, number=0)
        case "cset":
            return Operation(Kind.SET, to=to, choice=(0, 1))
        case "csetm":
            return Operation(Kind.SET, to=to, choice=(0, -1))
        case "cinc":
            return Operation(Kind.SELECT, to=to, register=first, other=first, added=1)
        case _ if mnemonic in _OPERATORS and len(parts) > 1:
            return _operated(mnemonic, to, _whole(parts[0]), parts)
        case _ if _OTHERS.match(mnemonic) and not lane and to[0] == "x" and parts and _FOLLOWED.match(parts[0]):
            by = _followed(parts[1]) if len(parts) > 1 else None
            return Operation(Kind.SET, to=to, register=first, operator=Operator.OTHER, operand=by or 0)
    if mnemonic in _CHOICES and len(parts) > 1:
        chosen = Operation(Kind.SELECT, to=to, register=first, other=_whole(parts[1]), added=_CHOICES[mnemonic])
        return on(RELATIONS.get(parts[-1]), chosen)
    return Operation(Kind.SET, to=to)


def _operated(mnemonic: str, to: str, register: str, parts: list[str]) -> Operation:
    number, shift = _number(parts[1]), _shift(parts)
    if number is None:
        by = Operation(Kind.SET, to=to, register=register, operator=_OPERATORS[mnemonic], operand=_whole(parts[1]))
        return by if len(parts) == 2 else Operation(Kind.SET, to=to)
    number <<= shift
    if mnemonic in ("add", "adds", "sub", "subs"):
        return Operation(Kind.SET, to=to, register=register, number=number if mnemonic[0] == "a" else -number)
    if mnemonic == "and" and to == "sp":
        return Operation(Kind.SET, to=to, register=register)  # rounds it down; distances within the frame stay
    return Operation(Kind.SET, to=to, register=register, operator=_OPERATORS[mnemonic], operand=number)


def _stores(mnemonic: str, parts: list[str]) -> tuple[Operation, ...]:
    *sources, last = _until_place(parts)
    place, moved, first = _place(last)
    if place is None:
        return (NOTHING,)
    width = _width(mnemonic, sources[0])
    narrow = mnemonic[-1] in "bh"
    stored = 1 if mnemonic[-1] == "b" else 2 if narrow else width
    done = tuple(
        Operation(
            Kind.STORE,
            place=_further(place, number * width),
            register=None if narrow or width > _WORD else _followed(source),
            width=stored,
        )
        for number, source in enumerate(sources[:2])
    )
    return _moving(done, place, moved + _behind(parts), before=first)


def _loads(mnemonic: str, parts: list[str]) -> tuple[Operation, ...]:
    *targets, last = _until_place(parts)
    literal = _number(last)
    place, moved, first = (Place(None, None, literal), 0, False) if literal is not None else _place(last)
    done = []
    for number, target in enumerate(targets[:2]):
        to = _written(target)
        if to is None:
            continue
        known = place is not None and target[0] in "wxd" and not _SIGNED.match(mnemonic)
        at = _further(place, number * _width(mnemonic, target)) if place is not None and known else None
        narrow = {"b": 1, "h": 2}.get(mnemonic[-1]) or _width(mnemonic, target)
        done.append(Operation(Kind.SET, to=to, place=at, reads=known, width=4 if mnemonic[-1] == "w" else narrow))
    if len(done) == 2 and place is not None and done[0].to == place.base:
        done.reverse()  # the address is read before
    return _moving(tuple(done), place, moved + _behind(parts), before=first) or (NOTHING,)


def _moving(done: tuple[Operation, ...], place: Place | None, moved: int, *, before: bool) -> tuple[Operation, ...]:
    """With the change of the register that the address is counted from, before or behind."""
    if place is None or not moved or place.base is None:
        return done
    change = Operation(Kind.SET, to=place.base, register=place.base, number=moved)
    return (change, *done) if before else (*done, change)


def _until_place(parts: list[str]) -> list[str]:
    """The operands up to the one in memory; what stands behind it is added to its register afterwards."""
    at = next((number for number, part in enumerate(parts) if part[0] in "[#"), len(parts) - 1)
    return parts[: at + 1]


def _behind(parts: list[str]) -> int:
    at = next((number for number, part in enumerate(parts) if part[0] == "["), len(parts))
    return _number(parts[at + 1]) or 0 if at + 1 < len(parts) else 0


def _place(text: str) -> tuple[Place | None, int, bool]:
    """The address that an operand names, what its register is moved by, and whether before the access."""
    found = _PLACE.match(text)
    if found is None:
        return None, 0, False
    at = _number(found["at"]) or 0 if found["at"] else 0
    index = _whole(found["index"]) if found["index"] else None
    if found["before"]:
        return Place(_whole(found["base"]), None, 0), at, True
    return Place(_whole(found["base"]), index, at, 1 << int(found["shift"] or 0)), 0, False


def _further(place: Place, distance: int) -> Place:
    return msgspec.structs.replace(place, at=place.at + distance) if distance else place


def _width(mnemonic: str, register: str) -> int:
    if mnemonic == "ldpsw" or register[0] in "ws":
        return 4
    return 16 if register[0] == "q" else _WORD


def _followed(register: str) -> str | None:
    return _whole(register) if _FOLLOWED.match(register) else None


def _written(register: str) -> str | None:
    """The register that is written, or the half of it that is followed; None for zero and for what is no register."""
    vector = _VECTOR.match(register)
    found = f"d{vector['number']}" if vector else _followed(register)
    return None if found == "xzr" else found


def _whole(register: str) -> str:
    return f"x{register[1:]}" if register[0] == "w" else register


def _number(text: str) -> int | None:
    return int(text.removeprefix("#"), 0) if _NUMBER.match(text) else None


def _shift(parts: list[str]) -> int:
    return int(parts[-1].partition("#")[2], 0) if parts[-1].startswith("lsl #") else 0
