"""How instructions of IBM Z are read for the values that they move, from the disassembler's text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from archscan.elf.arch.lifting import FLAGS, NOTHING, Kind, Line, Operation, Operator, Place, as_they_are, on
from archscan.elf.arrays import np
from archscan.elf.code import Code, address_of, offsets_of
from archscan.elf.mapping import FAR

_NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|\d+)$")
_PARTS = re.compile(r"[^,(]*\([^)]*\)|[^,]+")
_PLACE = re.compile(r"(?P<at>-?(?:0x[0-9a-f]+|\d+))?\((?:(?P<index>\w+), )?(?P<base>\w+)\)$")
_CONDITION = "n?(?:o|h|l|e|lh|he|le|z|p|m)"
_JUMP = re.compile(rf"j(?:g)?(?P<condition>{_CONDITION})$")
_COUNTS = re.compile(r"(?:brct|brx|jct|jx)")
_RETURNS = re.compile(rf"b{_CONDITION}r$")
_COMPARES_AND_JUMPS = re.compile(rf"cl?g?(?P<with>[ri])j(?P<condition>{_CONDITION})$")
_COMPARES = re.compile(r"c(?:l?g?fi|g?hi|l?[gf]?hsi|h?hsi|li|liy)$")
_CHOOSES = re.compile(rf"loc(?P<wide>g?)(?P<of>r|hi|){_CONDITION}$")
_QUIET = re.compile(r"nop|c(?!s|dsg?$|ks|u)|tm|bcr|bc$|lt[ed]br|pfd|tp|stfle|spm")
_RELATIONS = {"h": ">", "nle": ">", "he": ">=", "nl": ">=", "ne": "!=", "lh": "!=", "nh": "<=", "le": "<=",
              "l": "<", "nhe": "<", "e": "=", "nlh": "="}  # fmt: skip
# They leave what a comparison has left for branches.
_KEEPS = re.compile(r"l(?!t|[pnc]g?f?r|pq)|st|mv[hgic]|mvhhi|s[lr]lg?k?$|risbgn|ms|nop|b|j")
_COPIES = frozenset("lr lgr lgfr llgfr ltr ltgr ltgfr ldr ldgr lgdr".split())
_NARROW = {"llgcr": 0xFF, "llcr": 0xFF, "llghr": 0xFFFF, "llhr": 0xFFFF}
_NUMBERS = {"lhi": 0, "lghi": 0, "lgfi": 0, "llilf": 0, "llill": 0, "iilf": 0, "larl": 0, "llilh": 16,
            "llihf": 32, "llihl": 32, "llihh": 48}  # fmt: skip
_LOADS = {"l": 4, "ly": 4, "lgf": 4, "llgf": 4, "lt": 4, "ltgf": 4, "lg": 8, "ltg": 8, "llc": 1, "llgc": 1, "llh": 2,
          "llgh": 2, "ld": 8, "ldy": 8,
          "lrl": 4, "lgfrl": 4, "llgfrl": 4, "lgrl": 8, "llhrl": 2, "llghrl": 2}  # fmt: skip
_STORES = {"st": 4, "sty": 4, "stg": 8, "stc": 1, "stcy": 1, "sth": 2, "sthy": 2, "std": 8, "stdy": 8, "strl": 4,
           "stgrl": 8, "sthrl": 2, "mvhi": 4, "mvghi": 8, "mvhhi": 2, "mvi": 1, "mviy": 1}  # fmt: skip
_CHANGES = {"asi": 4, "alsi": 4, "agsi": 8, "algsi": 8, "ni": 1, "oi": 1, "xi": 1, "niy": 1, "oiy": 1, "xiy": 1}
_KINDS = {
    "a": Operator.ADD, "al": Operator.ADD, "s": Operator.SUBTRACT, "sl": Operator.SUBTRACT, "n": Operator.AND,
    "o": Operator.OR, "x": Operator.XOR, "ms": Operator.MULTIPLY, "m": Operator.MULTIPLY,
}  # fmt: skip
_ARITHMETIC = re.compile(r"(?P<kind>al|sl|ms|a|s|n|o|x|m)(?P<of>g?f?)(?P<form>rk?|hik?|fi|y|)$")
_HALVES = {"oill": 0, "oilf": 0, "oilh": 16, "xilf": 0}
# They write pairs of registers.
_TO_PAIRS = frozenset(
    "d dl dlg dlgr dlr dr dsg dsgf dsgfr dsgr m ml mlg mlgr mlr mr clcl clcle slda sldl srda srdl".split()
)
_MOVES = frozenset(("mvcl", "mvcle", "mvst"))  # to where the first register points; how much, others say
_MEMORY = re.compile(r"(?:mv|xc|nc|oc|tr|ed|zap|pack|unpk)")
_SCRATCH = "scaled"  # no register, where one instruction does several things
_SAVED = 8  # bytes of a register where a function saves those that it must keep: each has its place
_LONGEST = 64  # bytes of one copy that are followed
_MOST = 64  # instructions of a function that are not known to the disassembler
_STACK = "r15"
_ALL = tuple(f"r{number}" for number in range(15))


def lines(engine: object, text: Code, start: int, end: int) -> Iterator[Line]:
    """The instructions between two offsets. What returns on a condition is a branch around a return.

    What executes another instruction is that, of a length that nobody knows; what the disassembler does not know has
    the length that its first byte says.
    """
    begin, at = address_of(text, start), start
    for _ in range(_MOST):
        behind = end
        for address, size, mnemonic, operands in as_they_are(engine, text, at, end):
            offset = start + address - begin
            if mnemonic == ".byte":
                behind = min(offset + _length(int(text.raw[offset])), end)
                yield address, behind - offset, "unknown", ""
                break
            if _RETURNS.match(mnemonic):
                condition = mnemonic[1:-1]
                inverse = condition[1:] if condition[0] == "n" else f"n{condition}"
                yield address, size - 1, f"j{inverse}", hex(address + size)
                yield address + size - 1, 1, "br", operands
            elif mnemonic == "exrl":
                yield address, size, *_executed(engine, text, operands)
            else:
                yield address, size, mnemonic, operands.replace("%", "")
        if behind >= end:
            return
        at = behind


def _length(first: int) -> int:
    """Bytes of an instruction (z/Architecture Principles of Operation, "Instruction formats")."""
    return (2, 4, 4, 6)[first >> 6]


def _executed(engine: object, text: Code, operands: str) -> tuple[str, str]:
    """The instruction that another one executes, with as many bytes as a register says."""
    number = _number(operands.rpartition(", ")[2])
    known = number is not None and 0 <= number < FAR
    offset = int(offsets_of(text, np.array([number if known else -1], np.int64))[0])
    if offset < 0:
        return "unknown", ""
    found = next(iter(as_they_are(engine, text, offset, offset + 6)), None)
    return ("unknown", "") if found is None else (f"ex {found[2]}", found[3].replace("%", ""))


def read(mnemonic: str, operands: str) -> tuple[Operation, ...]:
    """What an instruction does, one thing after another."""
    parts = [part.strip() for part in _PARTS.findall(operands)]
    executed, name = mnemonic.startswith("ex "), mnemonic.removeprefix("ex ")
    if name == "unknown":
        return (Operation(Kind.NOTHING, also=_ALL),)
    if executed:
        place = _place(parts[0]) if parts and _MEMORY.match(name) else None
        return (Operation(Kind.STORE, place=place, width=0),) if place else (NOTHING,)
    if name in ("br", "b", "j", "jg", "brasl", "bras", "basr"):
        return (_leads(name, parts),)
    if name == "svc":
        return (Operation(Kind.NOTHING, also=tuple(f"r{number}" for number in range(6))),)
    done = _branches(name, parts)
    if done:
        return done
    done = _compares(name, parts) or _changes(name, parts)
    last = done[-1]
    if _KEEPS.match(name) or (last.kind == Kind.NOTHING and (last.number is not None or last.operand is not None)):
        return done
    # What a comparison before has left is lost.
    return (*done[:-1], msgspec.structs.replace(last, also=(*last.also, FLAGS)))


def _leads(name: str, parts: list[str]) -> Operation:
    to = parts[-1] if parts else ""
    number, place = _number(to), _place(to)
    if name == "br" and to == "r14":
        return Operation(Kind.RETURN)
    kind = Kind.CALL if name in ("brasl", "bras", "basr") else Kind.JUMP
    if number is not None:
        return Operation(kind, target=number)
    return Operation(kind, place=place) if place else Operation(kind, register=to)


def _branches(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """A branch, and what it compares itself."""
    plain, both = _JUMP.match(name), _COMPARES_AND_JUMPS.match(name)
    target = _number(parts[-1]) if parts else None
    if plain or _COUNTS.match(name):
        leads = Operation(Kind.BRANCH, target=target, also=() if plain else (parts[0],))
        return (on(_RELATIONS.get(plain["condition"]) if plain else None, leads),)
    if not both or len(parts) < 3:
        return ()
    number = _number(parts[1])
    leads = on(_RELATIONS.get(both["condition"]), Operation(Kind.BRANCH, target=target))
    if number is not None:
        return Operation(Kind.NOTHING, register=parts[0], number=number), leads
    return Operation(Kind.NOTHING, register=parts[0], operand=parts[1]), leads


def _compares(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """A comparison with a number, or anything that changes nothing."""
    number = _number(parts[-1]) if parts else None
    if _COMPARES.match(name) and number is not None:
        place = _place(parts[0])
        if place:
            width = 8 if "g" in name else 1 if name.startswith("cli") else 2 if "hh" in name else 4
            return (Operation(Kind.NOTHING, place=place, reads=True, width=width, number=number, big=width < 8),)
        return (Operation(Kind.NOTHING, register=parts[0], number=number),)
    return (NOTHING,) if not parts or _QUIET.match(name) else ()


def _changes(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """An instruction that goes on to the next one, and writes something."""
    if name in ("stmg", "lmg"):
        return _several(name, parts)
    if name in _STORES and len(parts) == 2:
        return (_stores(name, parts),)
    if name in _CHANGES or name.startswith("st"):
        place = _place(parts[0] if name in _CHANGES else parts[-1])
        wide = 16 if name == "vst" else 0
        return (Operation(Kind.STORE, place=place, width=_CHANGES.get(name, wide)),) if place else (NOTHING,)
    if _MEMORY.match(name) and (found := _in_memory(name, parts)):
        return found
    if name.startswith(("cs", "la")) and len(parts) == 3 and name not in ("la", "lay"):
        # What was there is read, and something is put there.
        place = _place(parts[-1])
        stored = (Operation(Kind.STORE, place=place, width=8 if "g" in name else 4),) if place else ()
        return (*stored, Operation(Kind.SET, to=parts[0]))
    if name.startswith("vst"):
        place = _place(parts[-1] if len(parts) < 3 or "(" in parts[-1] else parts[-2])
        return (Operation(Kind.STORE, place=place, width=0 if name == "vstm" else 16),) if place else (NOTHING,)
    if name in _MOVES:
        return Operation(Kind.STORE, place=Place(parts[0], None, 0)), _pairs(parts)
    if name in _TO_PAIRS:
        return (_pairs(parts),)
    return _computed(name, parts)


def _pairs(parts: list[str]) -> Operation:
    """What changes two registers, and the one behind each."""
    return Operation(Kind.NOTHING, also=tuple(one for part in parts[:2] for one in _pair(part)))


def _pair(register: str) -> tuple[str, ...]:
    """A register and the next one."""
    number = register[1:]
    return (register, f"r{int(number) + 1}") if register[:1] == "r" and number.isdigit() else ()


def _several(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """Saving or restoring registers, each at its own distance from the stack pointer as the caller left it."""
    place, numbers = _place(parts[-1]), [int(part[1:]) for part in parts[:2] if part[1:].isdigit()]
    if place is None or len(numbers) != 2 or place.base is None or numbers[0] > numbers[1]:
        return (Operation(Kind.NOTHING, also=_ALL),)
    found, stack = [], []
    for step, number in enumerate(range(numbers[0], numbers[1] + 1)):
        at = Place(place.base, None, place.at + _SAVED * step)
        register = f"r{number}"
        if name == "stmg":
            found.append(Operation(Kind.STORE, place=at, register=None if register == _STACK else register))
        elif register == _STACK:
            stack.append(Operation(Kind.SET, to=register, register=place.base, number=place.at - _SAVED * numbers[0]))
        else:
            found.append(Operation(Kind.SET, to=register, place=at, reads=True))
    # The register that the address is counted from is the last one that is written.
    found.sort(key=lambda one: one.to == place.base)
    return (*found, *stack) if place.base == _STACK else (*stack, *found)


def _stores(name: str, parts: list[str]) -> Operation:
    width = _STORES[name]
    if name.startswith("mv"):
        place, number = _place(parts[0]), _number(parts[1])
        return Operation(Kind.STORE, place=place, number=number, width=width) if place else NOTHING
    number, register = _number(parts[1]), None if parts[0] == _STACK else parts[0]
    place = _place(parts[1]) if number is None else Place(None, None, number)
    return Operation(Kind.STORE, place=place, register=register, width=width) if place else NOTHING


def _in_memory(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """What copies or clears some bytes, in pieces; anything else that changes memory."""
    found = re.match(r"(?P<at>-?(?:0x[0-9a-f]+|\d+))?\((?P<length>0x[0-9a-f]+|\d+), (?P<base>\w+)\)$", parts[0])
    if found is None:
        return ()
    to, length = Place(found["base"], None, _distance(found["at"])), int(found["length"], 0)
    source = _place(parts[1]) if name == "mvc" and len(parts) == 2 else None
    clears = name == "xc" and len(parts) == 2 and parts[1] == f"{found['at'] or ''}({found['base']})"
    if length > _LONGEST or not (source or clears):
        return (Operation(Kind.STORE, place=to, width=length),)
    done: list[Operation] = []
    at = 0
    while at < length:
        width = next(wide for wide in (8, 4, 2, 1) if wide <= length - at)
        there = Place(to.base, None, to.at + at)
        if source:
            place = Place(source.base, None, source.at + at)
            done.append(Operation(Kind.SET, to=_SCRATCH, place=place, reads=True, width=width, big=width < 8))
            done.append(Operation(Kind.STORE, place=there, register=_SCRATCH, width=width))
        else:
            done.append(Operation(Kind.STORE, place=there, number=0, width=width))
        at += width
    return tuple(done)


def _computed(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """An instruction whose first operand is the register that it changes."""
    to, rest = parts[0], parts[1:]
    number, place = (_number(rest[-1]), _place(rest[-1])) if rest else (None, None)
    if name in _NUMBERS and number is not None:
        return (Operation(Kind.SET, to=to, number=number << _NUMBERS[name]),)
    if name in _COPIES and len(rest) == 1:
        return (Operation(Kind.SET, to=to, register=rest[0]),)
    if name in _NARROW and len(rest) == 1:
        return (Operation(Kind.SET, to=to, register=rest[0], operator=Operator.AND, operand=_NARROW[name]),)
    if name in _LOADS and len(rest) == 1:
        width = _LOADS[name]
        at = Place(None, None, number) if number is not None else place
        return (Operation(Kind.SET, to=to, place=at, reads=at is not None, width=width, big=width < 8),)
    if name in ("la", "lay") and place:
        return (_address(to, place),)
    chooses = _CHOOSES.match(name)
    if chooses and len(rest) == 1:
        return (_chosen(chooses, to, rest[0], number, place),)
    if name == "risbg" or name == "risbgn":
        return _rotated(to, rest)
    return _operated(name, to, rest, number, place)


def _address(to: str, place: Place) -> Operation:
    if place.index is None:
        return Operation(Kind.SET, to=to, register=place.base, number=place.at)
    return Operation(Kind.SET, to=to, register=place.base, operator=Operator.ADD, operand=place.index, number=place.at)


def _chosen(chooses: re.Match[str], to: str, source: str, number: int | None, place: Place | None) -> Operation:
    """What leaves a register as it is, or puts something there."""
    if place is not None:
        width = 8 if chooses["wide"] else 4
        return Operation(Kind.SELECT, to=to, place=place, reads=True, width=width, other=to, big=width < 8)
    if number is not None:
        return Operation(Kind.SELECT, to=to, number=number, other=to)
    return Operation(Kind.SELECT, to=to, register=source, other=to)


def _rotated(to: str, rest: list[str]) -> tuple[Operation, ...]:
    """The lower bits of a register, moved up, where the others are cleared."""
    numbers = [_number(part) for part in rest[1:]]
    if len(numbers) not in (2, 3) or None in numbers:
        return (Operation(Kind.SET, to=to),)
    first, last, by = (*(number or 0 for number in numbers), 0)[:3]
    end, by = last & 63, by & 63
    width = end - (first & 63) + 1
    if last & 0x80 and (by != 63 - end or width <= 0):
        return (Operation(Kind.SET, to=to, register=rest[0], operator=Operator.OTHER, operand=0),)
    if not last & 0x80:
        return (Operation(Kind.SET, to=to),)
    shift = Operation(
        Kind.SET, to=to, register=rest[0] if width == 32 else _SCRATCH, operator=Operator.SHIFT, operand=by
    )
    if width == 32:
        return (shift,)  # an index, of which nobody knows more
    return (
        Operation(Kind.SET, to=_SCRATCH, register=rest[0], operator=Operator.AND, operand=(1 << width) - 1),
        shift,
    )


def _operated(name: str, to: str, rest: list[str], number: int | None, place: Place | None) -> tuple[Operation, ...]:
    """Arithmetic with a number, a register, or what stands somewhere."""
    if name in ("xr", "xgr", "sr", "sgr", "slr", "slgr") and rest == [to]:
        return (Operation(Kind.SET, to=to, number=0),)
    if name in ("slbgr", "slbr") and rest == [to]:
        return (Operation(Kind.SET, to=to, choice=(0, -1)),)
    if name in ("nilf", "nill") and number is not None:
        above = -1 << (32 if name == "nilf" else 16)
        mask = number if name == "nilf" and number < 16 else above | number
        if to == _STACK:
            return (NOTHING,)  # rounds it down; distances within the frame stay
        return (Operation(Kind.SET, to=to, register=to, operator=Operator.AND, operand=mask),)
    if name == "iihf" and number is not None:
        low = (1 << 32) - 1
        return (Operation(Kind.SET, to=to, register=to, operator=Operator.AND, operand=low, number=number << 32),)
    if name in _HALVES and number is not None:
        operator = Operator.XOR if name[0] == "x" else Operator.OR
        return (Operation(Kind.SET, to=to, register=to, operator=operator, operand=number << _HALVES[name]),)
    if re.match(r"sl[la]g?k?$", name) and number is not None:
        source = rest[0] if len(rest) == 2 else to
        return (Operation(Kind.SET, to=to, register=source, operator=Operator.SHIFT, operand=number),)
    if re.match(r"sr[la]g?k?$", name) and number is not None:
        source = rest[0] if len(rest) == 2 else to
        return (Operation(Kind.SET, to=to, register=source, operator=Operator.OTHER, operand=number),)
    found = _ARITHMETIC.match(name)
    if found is None or not rest:
        return (Operation(Kind.SET, to=to),)
    operator, first = _KINDS[found["kind"]], rest[0] if len(rest) == 2 else to
    if number is not None and operator in (Operator.ADD, Operator.SUBTRACT):
        return (Operation(Kind.SET, to=to, register=first, number=number if operator == Operator.ADD else -number),)
    if place is not None:
        width = 8 if found["of"] == "g" else 4
        read_ = Operation(Kind.SET, to=_SCRATCH, place=place, reads=True, width=width, big=width < 8)
        return read_, Operation(Kind.SET, to=to, register=to, operator=operator, operand=_SCRATCH)
    by = number if number is not None else rest[-1]
    return (Operation(Kind.SET, to=to, register=first, operator=operator, operand=by),)


def _place(text: str) -> Place | None:
    """The address that an operand names."""
    found = _PLACE.match(text)
    if found is None or found["base"].isdigit():
        return None
    base = None if found["base"] == "r0" else found["base"]
    index = None if found["index"] in (None, "r0") else found["index"]
    if index is not None and index[0] != "r":
        return None
    return Place(base, index, _distance(found["at"]))


def _distance(text: str | None) -> int:
    return int(text, 0) if text else 0


def _number(text: str) -> int | None:
    return int(text, 0) if _NUMBER.match(text) else None
