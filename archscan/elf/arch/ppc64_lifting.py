"""How instructions of 64-bit PowerPC are read for the values that they move, from the disassembler's text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from archscan.elf.arch.lifting import NOTHING, Kind, Line, Operation, Operator, Place, as_they_are, on
from archscan.elf.arch.wordwise import where, word_at
from archscan.elf.arrays import Offsets, np
from archscan.elf.code import Code, address_of, offsets_of
from archscan.elf.mapping import FAR

_NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|\d+)$")
_PLACE = re.compile(r"(?P<at>-?(?:0x[0-9a-f]+|\d+))?\((?P<base>\w+)\)$")
_NONE = "none"  # in place of a register, where the distance is the address
_LINK = 8  # bytes of the two instructions that set the pointer to the TOC, which calls within the object leave out
_LOADS = {"lbz": 1, "lhz": 2, "lwz": 4, "lwa": 4, "ld": 8, "lfd": 8}
_STORES = {"stb": 1, "sth": 2, "stw": 4, "std": 8, "stfd": 8}
_ACCESS = re.compile(r"(?P<name>lbz|lhz|lha|lwz|lwa|ld|lfd|lfs|stb|sth|stw|std|stfd|stfs)(?P<moves>u?)(?P<index>x?)$")
_OTHER_ACCESS = re.compile(r"(?:l|st)(?:v|xv|xs|q|[bhwd]ar|[bhwd]cx|[hwd]br|fi|xss)|dcbz")
_BRANCH = re.compile(r"b(?:gt|lt|ge|le|eq|ne|so|ns|un|nu|dnz|dz|c)[ft]?(?P<back>lr|ctr)?l?$")
_RELATIONS = {"bgt": ">", "ble": "<=", "bge": ">=", "blt": "<", "beq": "=", "bne": "!="}  # signed or not
_INVERSE = {"bgt": "ble", "ble": "bgt", "bge": "blt", "blt": "bge", "beq": "bne", "bne": "beq"}
_FIELDS = tuple(f"cr{number}" for number in range(8))  # where comparisons leave what they found
_COMPARES = re.compile(r"cmpl?[wd](?P<number>i?)$")
_TO_FIELDS = re.compile(r"f?cmp|xs?v?cmp|cr|mcr|mtcr|mtocr|.*\.$")
_QUIET = re.compile(r"x?nop|f?cmp|mt(?!ctr|vsr|fprd)|t[wd]|sync|lwsync|isync|eieio|ptesync|dcb[tfs]|icbi|cr")
_COPIES = ("mr", "extsw", "mffprd", "mfvsrd", "mtvsrd", "mtfprd", "fmr")
_OPERATORS = {
    "add": Operator.ADD, "and": Operator.AND, "or": Operator.OR, "xor": Operator.XOR, "mulld": Operator.MULTIPLY,
    "mullw": Operator.MULTIPLY, "mulli": Operator.MULTIPLY, "andi": Operator.AND, "ori": Operator.OR,
    "xori": Operator.XOR, "slwi": Operator.SHIFT, "sldi": Operator.SHIFT, "extswsli": Operator.SHIFT,
}  # fmt: skip
# Others that depend on nothing but one register, or two.
_OTHERS = re.compile(
    r"(?:sra?[wd]i?|rotl[wd]i?|div[wd]u?|mulh[wd]u?|mod[su][wd]|andc|nor|nand|orc|eqv|neg|not|exts[bh])$"
)
_TURNED = re.compile(r"rl(?:winm|wnm|dicl|dicr|dic|dcl|dcr)$")
_UPPER = {"oris": Operator.OR, "xoris": Operator.XOR, "andis": Operator.AND}
_SYSTEM = ("r0", *(f"r{number}" for number in range(3, 13)))
_SCRATCH = "scaled"  # no register, where one instruction does several things
_HALF = 16


def lines(engine: object, text: Code, start: int, end: int) -> Iterator[Line]:
    """The instructions between two offsets, with addresses in place of distances from the TOC.

    A call leads to where the function begins, also where it leaves out what that does for calls from elsewhere; what
    returns on a condition is a branch around a return. Tables of jumps behind these are left out.
    """
    begin = address_of(text, start)
    own = table_of_contents(text, start)
    base = table_of_contents(text) if own is None else own
    table = -1  # where one begins, while it goes on
    for address, size, mnemonic, operands in as_they_are(engine, text, start, end):
        name = mnemonic.rstrip("+-")
        if table >= 0 and _is_entry(text, start + address - begin, start + table - begin, (start, end)):
            continue
        table = address + size if name == "bctr" else -1
        branch = _BRANCH.match(name)
        if branch and branch["back"]:
            name = name.removesuffix(branch["back"])
            field = f"{operands}, " if operands in _FIELDS else ""
            yield address, size - 2, _INVERSE.get(name, "bc"), f"{field}{address + size:#x}"
            yield address + size - 2, 2, f"b{branch['back']}", ""
        elif name in ("b", "bl") and (to := _number(operands)) is not None:
            yield address, size, name, hex(begins(text, to))
        else:
            yield address, size, *_placed(name, operands, base)


def _is_entry(text: Code, offset: int, table: int, function: tuple[int, int]) -> bool:
    """Whether a word is the distance from a table to an instruction of the function; no instruction looks like that."""
    word = int.from_bytes(text.raw[offset : offset + 4].tobytes(), "little", signed=True)
    return word % 4 == 0 and function[0] <= table + word < function[1]


def _placed(name: str, operands: str, base: int | None) -> tuple[str, str]:
    """What an instruction does with the pointer to the TOC, given where that points."""
    if "r2" not in operands:
        return name, operands
    parts = operands.split(", ")
    if parts[0] == "r2" or (name == "ori" and parts[1] == "r2"):
        return "nop", ""  # it is set, saved and restored around calls
    place, number = _PLACE.match(parts[-1]), _number(parts[-1])
    if base is not None and place and place["base"] == "r2":
        return name, f"{parts[0]}, {base + _distance(place['at']):#x}({_NONE})"
    if base is not None and name in ("addi", "addis") and number is not None and parts[1] == "r2":
        return "li", f"{parts[0]}, {base + (number << _HALF if name == 'addis' else number):#x}"
    return name, operands


def begins(text: Code, address: int) -> int:
    """Where the function begins that is entered at an address, perhaps behind what sets the pointer to the TOC."""
    if not _LINK <= address < FAR:
        return address
    offset = int(offsets_of(text, np.array([address - _LINK], np.int64))[0])
    return address - _LINK if offset >= 0 and _sets(text, np.array([offset], np.int64))[0] >= 0 else address


def _sets(text: Code, offsets: Offsets) -> Offsets:
    """Where the TOC is, as two instructions say: `addis r2, r12, N; addi r2, r2, N`, or `lis`; -1 where they do not."""
    high, low = word_at(text, offsets), word_at(text, offsets + 4)
    relative, absolute = high >> _HALF == 0x3C4C, high >> _HALF == 0x3C40
    at = np.array([address_of(text, offset) for offset in offsets.tolist()], np.int64)
    value = (_signed(high) << _HALF) + _signed(low) + np.where(relative, at, 0)
    return np.where((relative | absolute) & (low >> _HALF == 0x3842), value, -1)


def _signed(words: Offsets) -> Offsets:
    return (words & 0xFFFF ^ 0x8000) - 0x8000


@lru_cache(1 << 12)
def table_of_contents(text: Code, start: int | None = None) -> int | None:
    """Where the pointer to the TOC points, as the function at an offset says; or all do, where they say the same."""
    if start is not None:
        found = int(_sets(text, np.array([start], np.int64))[0])
        return found if found >= 0 else None
    places = where(text, 4, lambda run: (run >> _HALF == 0x3C4C) | (run >> _HALF == 0x3C40))
    values = np.unique(_sets(text, places))
    values = values[values >= 0]
    return int(values[0]) if values.size == 1 else None


def read(mnemonic: str, operands: str) -> tuple[Operation, ...]:
    """What an instruction does, one thing after another."""
    whole = mnemonic.rstrip("+-")
    done = _read(whole.removesuffix("."), operands.split(", ") if operands else [])
    if not _TO_FIELDS.match(whole) or _COMPARES.match(whole):
        return done
    # What comparisons before have left is lost.
    return (*done[:-1], msgspec.structs.replace(done[-1], also=(*done[-1].also, *_FIELDS)))


def _read(name: str, parts: list[str]) -> tuple[Operation, ...]:
    if name in ("blr", "trap", "attn"):
        return (Operation(Kind.RETURN),)
    if name in ("b", "bl", "bctr", "bctrl", "blrl", "bcl"):
        return (_leads(name, parts),)
    if _BRANCH.match(name) and parts:
        return (_branches(name, parts),)
    if (compares := _COMPARES.match(name)) and len(parts) > 1:
        return (_compared(parts, is_number=bool(compares["number"])),)
    if name == "sc":
        return (Operation(Kind.NOTHING, also=_SYSTEM),)
    if name == "mtctr":
        return (Operation(Kind.SET, to="ctr", register=parts[0]),)
    if not parts or _QUIET.match(name):
        return (NOTHING,)
    access = _ACCESS.match(name)
    if access or _OTHER_ACCESS.match(name):
        return _accesses(name, access, parts)
    return _computed(name, parts)


def _compared(parts: list[str], *, is_number: bool) -> Operation:
    """A comparison with a number or a register, in the first field or in the one that it names."""
    first, second = parts[-2:]
    flags = parts[0] if len(parts) > 2 else _FIELDS[0]
    if is_number:
        return Operation(Kind.NOTHING, register=first, number=_number(second) or 0, flags=flags)
    return Operation(Kind.NOTHING, register=first, operand=second, flags=flags)


def _leads(name: str, parts: list[str]) -> Operation:
    kind = Kind.CALL if name.endswith("l") and name != "bctr" else Kind.JUMP
    number = _number(parts[-1]) if parts else None
    if number is not None and name != "bcl":
        return Operation(kind, target=number)
    return Operation(kind, register="ctr" if "ctr" in name else "lr")


def _branches(name: str, parts: list[str]) -> Operation:
    counts = ("ctr",) if name.startswith("bd") else ()
    target = _number(parts[-1])
    register = None if target is not None else parts[-1]
    flags = parts[0] if len(parts) > 1 else _FIELDS[0]
    leads = Operation(Kind.BRANCH, target=target, register=register, also=counts, flags=flags)
    return on(_RELATIONS.get(name), leads)


def _accesses(name: str, access: re.Match[str] | None, parts: list[str]) -> tuple[Operation, ...]:
    """What loads or stores, in one of its forms."""
    place = _place(parts)
    if access is None or place is None:
        stores = name.startswith(("st", "dcbz"))
        if stores:
            return (Operation(Kind.STORE, place=place, width=16 if "v" in name else 0),) if place else (NOTHING,)
        return (Operation(Kind.SET, to=parts[0]),)
    change: tuple[Operation, ...] = ()
    if access["moves"] and place.base:
        change = (Operation(Kind.SET, to=place.base, place=place),)
        place = Place(place.base, None, 0)
    if name[0] == "l":
        width = _LOADS.get(access["name"])
        loads = Operation(Kind.SET, to=parts[0], place=place if width else None, reads=bool(width), width=width or 8)
        return (*change, loads)
    width = _STORES.get(access["name"], 4)
    # The chain of frames begins with the stack pointer as it was; nobody else gets that.
    kept = None if parts[0] == "r1" or access["name"] == "stfs" else parts[0]
    return *change, Operation(Kind.STORE, place=place, register=kept, width=width)


def _place(parts: list[str]) -> Place | None:
    """The address of an access: the last operand, or the sum of the last two."""
    found = _PLACE.match(parts[-1])
    if found:
        return Place(None if found["base"] in (_NONE, "0") else found["base"], None, _distance(found["at"]))
    if len(parts) < 3:
        return None
    base, index = parts[-2:]
    return Place(index, None, 0) if base == "0" else Place(base, index, 0)


def _computed(name: str, parts: list[str]) -> tuple[Operation, ...]:
    """An instruction whose first operand is the register that it changes."""
    to, rest = parts[0], parts[1:]
    number = _number(rest[-1]) if rest else None
    if name in ("li", "lis") and number is not None:
        return (Operation(Kind.SET, to=to, number=number << _HALF if name == "lis" else number),)
    if name in _COPIES and len(rest) == 1:
        return (Operation(Kind.SET, to=to, register=rest[0]),)
    if name == "isel" and len(rest) == 3:
        first = {"number": 0} if rest[0] == "0" else {"register": rest[0]}
        return (Operation(Kind.SELECT, to=to, other=rest[1], **first),)
    if name == "subfe" and len(rest) == 2 and rest[0] == rest[1]:
        return (Operation(Kind.SET, to=to, choice=(0, -1)),)
    if len(rest) == 2 and number is not None:
        return (_with_number(name, to, rest[0], number),)
    if len(rest) == 2:
        return (_from_two(name, to, *rest),)
    if name == "rldic" and len(rest) == 3:
        return _shifted(to, rest)
    if _TURNED.match(name) or (_OTHERS.match(name) and len(rest) == 1):
        return (Operation(Kind.SET, to=to, register=rest[0], operator=Operator.OTHER, operand=0),)
    return (Operation(Kind.SET, to=to),)


def _with_number(name: str, to: str, register: str, number: int) -> Operation:
    if name in ("addi", "addic", "addis"):
        return Operation(Kind.SET, to=to, register=register, number=number << _HALF if name == "addis" else number)
    if name == "clrldi" and number == 32:
        return Operation(Kind.SET, to=to, register=register)  # an index, of which nobody knows more
    if name in ("clrldi", "clrlwi"):
        mask = (1 << (64 if name == "clrldi" else 32) - number) - 1
        return Operation(Kind.SET, to=to, register=register, operator=Operator.AND, operand=mask)
    if name in _UPPER:
        return Operation(Kind.SET, to=to, register=register, operator=_UPPER[name], operand=number << _HALF)
    if name in _OPERATORS:
        return Operation(Kind.SET, to=to, register=register, operator=_OPERATORS[name], operand=number)
    if _OTHERS.match(name) or name in ("clrrdi", "clrrwi"):
        return Operation(Kind.SET, to=to, register=register, operator=Operator.OTHER, operand=number)
    return Operation(Kind.SET, to=to)


def _from_two(name: str, to: str, first: str, second: str) -> Operation:
    if name == "subf":
        return Operation(Kind.SET, to=to, register=second, operator=Operator.SUBTRACT, operand=first)
    if name == "or" and first == second:
        return Operation(Kind.SET, to=to, register=first)
    if name in _OPERATORS:
        return Operation(Kind.SET, to=to, register=first, operator=_OPERATORS[name], operand=second)
    if _OTHERS.match(name):
        return Operation(Kind.SET, to=to, register=first, operator=Operator.OTHER, operand=second)
    return Operation(Kind.SET, to=to)


def _shifted(to: str, rest: list[str]) -> tuple[Operation, ...]:
    """The lower bits of a register, moved up."""
    by, above = _number(rest[1]) or 0, _number(rest[2]) or 0
    low = 64 - by - above
    shift = Operation(Kind.SET, to=to, register=rest[0] if low == 32 else _SCRATCH, operator=Operator.SHIFT, operand=by)
    if low == 32:
        return (shift,)
    mask = (1 << max(low, 0)) - 1
    return Operation(Kind.SET, to=_SCRATCH, register=rest[0], operator=Operator.AND, operand=mask), shift


def _distance(text: str | None) -> int:
    return int(text, 0) if text else 0


def _number(text: str) -> int | None:
    return int(text, 0) if _NUMBER.match(text) else None
