"""How instructions of RISC-V are read for the values that they move, from the disassembler's text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from archscan.elf.arch.lifting import COUNTER, NOTHING, Kind, Line, Operation, Operator, Place, as_they_are, on
from archscan.elf.arch.wordwise import where
from archscan.elf.arrays import Mask, Words
from archscan.elf.code import Code, address_of

_NUMBER = re.compile(r"-?(?:0x)?[0-9a-f]+$")
_PLACE = re.compile(r"(?P<at>-?(?:0x)?[0-9a-f]+)?\((?P<base>\w+)\)$")
_LOADS = {"ld": 8, "lw": 4, "lwu": 4, "lhu": 2, "lbu": 1, "lh": 0, "lb": 0, "fld": 8, "flw": 4}
_STORES = {"sd": 8, "sw": 4, "sh": 2, "sb": 1, "fsd": 8, "fsw": 4}
_BRANCHES = re.compile(r"b(?P<relation>eq|ne|lt|ge|gt|le)u?z?$")
_RELATIONS = {"eq": "=", "ne": "!=", "lt": "<", "ge": ">=", "gt": ">", "le": "<="}  # signed or not
_ENDS = ("ret", "ebreak", "unimp", "mret", "sret", "c.unimp")
_QUIET = re.compile(r"nop|fence|pause|wfi")
_OPERATORS = {
    "add": Operator.ADD, "addw": Operator.ADD, "sub": Operator.SUBTRACT, "subw": Operator.SUBTRACT,
    "and": Operator.AND, "or": Operator.OR, "xor": Operator.XOR, "mul": Operator.MULTIPLY, "mulw": Operator.MULTIPLY,
    "andi": Operator.AND, "ori": Operator.OR, "xori": Operator.XOR,
    "slli": Operator.SHIFT, "slliw": Operator.SHIFT,
}  # fmt: skip
# Others that depend on nothing but one register, or two.
_OTHERS = re.compile(r"(?:sr[al]i?|div|rem|sext\.[bh]|zext\.[bh]|neg|not|mulh|xnor|andn|orn)(?:s?u)?w?$")
_FLAGS = ("slt", "slti", "sltu", "sltiu", "seqz", "snez", "sltz", "sgtz")
_ALWAYS = frozenset({"addi", "addiw", "add", "addw", "sub", "subw", "and", "or", "xor", "andi", "slli", "srli", "srai"})
_LEAVES = re.compile(r"(?:c\.)?(?:b(?!set|clr|inv|ext)|j|ret)")
_CALLS = re.compile(r"(?:c\.)?jalr?$")
_HALF, _NEAR = 32, 12  # bits of half a register; instructions between two shifts that belong together
_ABSOLUTE = 4  # bytes of `auipc`
_NAMES = ("zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6").split()


def lines(engine: object, text: Code, start: int, end: int) -> Iterator[Line]:
    """The instructions between two offsets, branches with the address that they lead to.

    So do calls and jumps by a register that `auipc` right before has set; and what is counted from the pointer to the
    variables of a program has its address.
    """
    begin, variables = address_of(text, start), global_pointer(text)
    page: tuple[int, int] | None = None  # what the instruction before has put into which register
    for address, size, mnemonic, operands in _widened([*as_they_are(engine, text, start, end)]):
        name, offset = mnemonic.removeprefix("c."), start + address - begin
        if name in ("jalr", "jr") and size == _ABSOLUTE:
            yield address, size, *_by_register(text, offset, page)
        else:
            yield address, size, mnemonic, _placed(name, operands, address, variables)
        page = _page(text, offset, address) if name == "auipc" else None


def _widened(found: list[Line]) -> list[Line]:
    """The same with one shift, where half of a register is moved up and back down, so that it is a whole number.

    In the end that is what is multiplied, or the half itself.
    """
    for number, (address, size, mnemonic, operands) in enumerate(found):
        up = _shift("slli", mnemonic, operands)
        if up is None or up[2] != _HALF:
            continue
        to, source, _ = up
        for place, (at, long, name, rest) in enumerate(found[number + 1 : number + _NEAR], number + 1):
            down = _shift("srli", name, rest) or _shift("srai", name, rest)
            if down is not None and down[1] == to and down[2] <= _HALF and (source != to or down[0] == to):
                found[place] = at, long, "slli", f"{down[0]}, {source}, {_HALF - down[2]}"
                if source == to:
                    found[number] = address, size, "mv", f"{to}, {to}"
                break
            lost = to[0] != "s" if _CALLS.match(name) else _LEAVES.match(name)
            if lost or to in re.split(r"[ ,()]+", rest) or rest.startswith(f"{source},"):
                break
    return found


def _shift(wanted: str, mnemonic: str, operands: str) -> tuple[str, str, int] | None:
    """The registers of a shift, and by how much; None for anything else."""
    if mnemonic.removeprefix("c.") != wanted:
        return None
    to, *rest = operands.split(", ")
    return to, rest[0] if len(rest) == 2 else to, _number(rest[-1]) or 0


def _placed(name: str, operands: str, address: int, variables: int | None) -> str:
    """The operands with the address that a branch leads to, or of a variable."""
    if name in ("j", "jal", "beqz", "bnez") or _BRANCHES.match(name):
        *parts, distance = operands.split(", ")
        number = _number(distance)
        return operands if number is None else ", ".join([*parts, hex(address + number)])
    if variables is not None and "gp" in operands:
        *parts, place = operands.split(", ")
        found, number = _PLACE.match(place), _number(place)
        if found and found["base"] == "gp":
            return ", ".join([*parts, f"{variables + _distance(found['at']):#x}(zero)"])
        if name == "addi" and number is not None and parts[1:] == ["gp"]:
            return f"{parts[0]}, zero, {variables + number:#x}"
    return operands


@lru_cache(4)
def global_pointer(text: Code) -> int | None:
    """What a program puts into the register from which it counts its variables: `auipc gp; addi gp, gp`, in its start.

    None in what has no such place, or several.
    """

    def both(run: Words) -> Mask:
        low, high = run[:-3], run[2:-1]
        return (low & 0xFFF == 0x197) & (high == 0x8193) & (run[3:] & 0xF == 1)

    found = [
        _page(text, at, address_of(text, at))[1] + (_word(text, at + _ABSOLUTE) >> 20 ^ 0x800) - 0x800
        for at in where(text, 2, both).tolist()
    ]
    return found[0] if len(set(found)) == 1 else None


def _word(text: Code, offset: int) -> int:
    return int.from_bytes(text.raw[offset : offset + _ABSOLUTE].tobytes(), "little")


def _page(text: Code, offset: int, address: int) -> tuple[int, int]:
    """The register that `auipc` sets, and to what."""
    word = _word(text, offset)
    return word >> 7 & 31, address + _signed(word & 0xFFFFF000)


def _by_register(text: Code, offset: int, page: tuple[int, int] | None) -> tuple[str, str]:
    """`jalr` with all that it has, or as a call or a jump to an address if the register is known."""
    word = _word(text, offset)
    to, base, distance = word >> 7 & 31, word >> 15 & 31, (word >> 20 ^ 0x800) - 0x800
    if page is not None and page[0] == base:
        return ("jal" if to else "j"), hex((page[1] + distance) & ~1)
    return ("jalr" if to else "jr"), _NAMES[base] if not distance else f"{distance:#x}({_NAMES[base]})"


def read(mnemonic: str, operands: str) -> tuple[Operation, ...]:
    """What an instruction does, one thing after another."""
    name, parts = mnemonic.removeprefix("c."), operands.split(", ") if operands else []
    if name in _ENDS:
        return (Operation(Kind.RETURN),)
    if name in ("j", "jal", "jr", "jalr"):
        return (_leads(name, parts),)
    if _BRANCHES.match(name) and parts:
        return _branches(name, parts)
    if name == "ecall":
        return (Operation(Kind.NOTHING, also=("a0",)),)
    if not parts or _QUIET.match(name):
        return (NOTHING,)
    plain = name.removesuffix("sp")
    place = _PLACE.match(parts[-1])
    if place is not None:
        return _accesses(plain, parts, Place(place["base"], None, _distance(place["at"])))
    return _computed(name, parts)


def _leads(name: str, parts: list[str]) -> Operation:
    """A call, a jump or a return; the first of several operands is where the return address goes."""
    to = parts[-1] if parts else ""
    number, place = _number(to), _PLACE.match(to)
    if number is not None:
        return Operation(Kind.CALL if name == "jal" and parts[0] != "zero" else Kind.JUMP, target=number)
    if name == "jr" and to in ("ra", "t0"):
        return Operation(Kind.RETURN)
    # At a distance from a register is nowhere that is known.
    return Operation(Kind.CALL if name == "jalr" else Kind.JUMP, register="nowhere" if place else to)


def _branches(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """A branch, and what it compares where that is with a number that stands in no register: with 0."""
    target = _number(parts[-1])
    leads = Operation(Kind.BRANCH, target=target) if target is not None else Operation(Kind.BRANCH, register=parts[-1])
    if len(parts) != 3:
        return (leads,)
    found = _BRANCHES.match(name)
    compares = Operation(Kind.NOTHING, register=parts[0], operand=parts[1])
    return compares, on(_RELATIONS[found["relation"]] if found else None, leads)


def _accesses(name: str, parts: list[str], place: Place) -> tuple[Operation, ...]:
    """What loads or stores."""
    if name in _STORES and len(parts) == 2:
        return (Operation(Kind.STORE, place=place, register=parts[0], width=_STORES[name]),)
    if name in _LOADS and len(parts) == 2:
        width = _LOADS[name]
        if not width:
            return (_put(parts[0]),)  # a narrow number that may be negative
        return (_put(parts[0], Operation(Kind.SET, to=parts[0], place=place, reads=True, width=width)),)
    # Atomic ones: what was there is read, and something is put there.
    return Operation(Kind.STORE, place=place, width=0), _put(parts[0])


def _put(to: str, does: Operation | None = None) -> Operation:
    """What an operation puts into a register; nothing into the one that is always 0."""
    return NOTHING if to == "zero" else does or Operation(Kind.SET, to=to)


def _computed(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """An instruction whose first operand is the register that it changes."""
    to, rest = parts[0], parts[1:]
    if name in ("addi16sp", "addi4spn"):
        name = "addi"
    if name in _ALWAYS and len(rest) == 1:
        rest = [to, *rest]  # compressed: it is the first operand, too
    if to == "zero":
        return (NOTHING,)
    number = _number(rest[-1]) if rest else None
    if name in _FLAGS:
        return (Operation(Kind.SET, to=to, choice=(0, 1)),)
    if len(rest) == 1:
        return (_from_one(name, to, rest[0], number),)
    if len(rest) == 2:
        scale = re.match(r"sh([123])add(?:\.uw)?$", name)
        if scale:
            return (
                Operation(Kind.SET, to=_SCRATCH, register=rest[0], operator=Operator.SHIFT, operand=int(scale[1])),
                Operation(Kind.SET, to=to, register=_SCRATCH, operator=Operator.ADD, operand=rest[1]),
            )
        return (_from_two(name, to, rest, number),)
    return (Operation(Kind.SET, to=to),)


_SCRATCH = "scaled"  # no register, where one instruction does several things


def _from_one(name: str, to: str, source: str, number: int | None) -> Operation:
    if name == "li" and number is not None:
        return Operation(Kind.SET, to=to, number=number)
    if name == "lui" and number is not None:
        return Operation(Kind.SET, to=to, number=_signed(number << 12))
    if name == "auipc" and number is not None:
        return Operation(Kind.SET, to=to, place=Place(COUNTER, None, _signed(number << 12) - _ABSOLUTE))
    if name in ("mv", "sext.w", "zext.w") or name in ("fmv.d", "fmv.x.d", "fmv.d.x"):
        return Operation(Kind.SET, to=to, register=source)
    if _OTHERS.match(name) and number is None:
        return Operation(Kind.SET, to=to, register=source, operator=Operator.OTHER, operand=0)
    return Operation(Kind.SET, to=to)


def _from_two(name: str, to: str, rest: list[str], number: int | None) -> Operation:
    if _OTHERS.match(name):
        by = rest[1] if number is None else number
        return Operation(Kind.SET, to=to, register=rest[0], operator=Operator.OTHER, operand=by)
    if number is None:
        operator = _OPERATORS.get(name)
        if operator is None:
            return Operation(Kind.SET, to=to)
        if name in ("add", "addw") and "zero" in rest:
            return Operation(Kind.SET, to=to, register=rest[rest[0] == "zero"])
        return Operation(Kind.SET, to=to, register=rest[0], operator=operator, operand=rest[1])
    if name in ("addi", "addiw") and rest[0] == "zero":
        return Operation(Kind.SET, to=to, number=number)
    if name in ("addi", "addiw"):
        return Operation(Kind.SET, to=to, register=rest[0], number=number)
    if name == "andi" and to == "sp":
        return Operation(Kind.SET, to=to, register=rest[0])  # rounds it down; distances within the frame stay
    if name in _OPERATORS:
        return Operation(Kind.SET, to=to, register=rest[0], operator=_OPERATORS[name], operand=number)
    return Operation(Kind.SET, to=to)


def _distance(text: str | None) -> int:
    return int(text, 0) if text else 0


def _number(text: str) -> int | None:
    return int(text, 0) if _NUMBER.match(text) and not text.startswith(("a", "b", "c", "d", "e", "f")) else None


def _signed(value: int) -> int:
    """A number of 32 bits with its sign."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
