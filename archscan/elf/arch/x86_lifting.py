"""How instructions of x86-64 and IA-32 are read for the values that they move, from text in Intel's syntax."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from archscan.elf.arch.lifting import COUNTER, FLAGS, LOW, NOTHING, Kind, Operation, Operator, Place, flagged, on

_NUMBER = re.compile(r"-?(?:0x)?[0-9a-f]+$")
_PREFIX = re.compile(r"(?:bnd|notrack|lock|rep\w*|data16) ")
_PLACE = re.compile(
    r"(?:(?P<width>\w+) ptr )?(?P<segment>\w\w:)?\[(?:(?P<base>[a-z]\w*)(?![\w*]))?"
    r"(?: ?\+? ?(?P<index>[a-z]\w*)(?:\*(?P<factor>[1248]))?)?(?: ?(?P<at>[+-]? ?(?:0x)?[0-9a-f]+))?\]$"
)
_SEGMENTS = ("fs:", "gs:")  # the others begin at 0; `notrack` before a jump reads as `ds`
# Among them what extends numbers to 64 bits, as that makes no other one of a number of an enumeration.
_QUIET = re.compile(r"nop|cdqe$|cmp$|test$|bt$|v?u?comis|prefetch|endbr|pause$|[lsm]fence$|ldmxcsr|vptest|ptest")
# What leaves something else where a comparison leaves what it found.
_FLAGGED = re.compile(
    r"(?:ad[cdo]x?|sub|sbb|andn?|or|xor|neg|inc|dec|i?mul|i?div|s[ah][lr]d?|r[oc][lr]|bt[crs]?|bs[fr]|bls\w+|bzhi|bextr|"
    r"[tl]zcnt|popcnt|test|cmp|cmpxchg\w*|xadd|sahf|popf\w?|cl[ci]|st[ci]|cmc|rdrand|rdseed|"
    r"v?u?comis[sd]|v?ptest|v?pcmp[ei]str[im]|vtestp[sd]|k\w*test\w|fu?comip?)$"
)
# Signed or not: what is compared is less than which number.
_RELATIONS = {
    "ja": ">", "jg": ">", "jae": ">=", "jge": ">=", "jne": "!=", "jbe": "<=", "jle": "<=", "jb": "<", "jl": "<",
    "je": "=",
}  # fmt: skip
_UNSIGNED = {**dict.fromkeys(("ja", "jae", "jb", "jbe"), True), **dict.fromkeys(("jg", "jge", "jl", "jle"), False)}
_ENDS = frozenset({"ret", "hlt", "ud2", "int3"})
_COPIES = frozenset({"mov", "movabs", "movsxd"})
_WIDTHS = {"byte": 1, "word": 2, "dword": 4, "qword": 8, "xmmword": 16, "ymmword": 32, "zmmword": 64, "tbyte": 10}
# Registers that an instruction writes without naming them.
_BESIDES = {
    "mul": ("rax", "rdx"), "div": ("rax", "rdx"), "idiv": ("rax", "rdx"), "cpuid": ("rax", "rbx", "rcx", "rdx"),
    "cdq": ("rdx",), "cqo": ("rdx",), "cwd": ("rdx",), "cwde": ("rax",), "cbw": ("rax",),
    "rdtsc": ("rax", "rdx"), "rdtscp": ("rax", "rcx", "rdx"), "rdpmc": ("rax", "rdx"), "rdmsr": ("rax", "rdx"),
    "syscall": ("rax", "rcx", "r11"), "sysenter": ("rax", "rcx", "rdx"), "xgetbv": ("rax", "rdx"), "lahf": ("rax",),
    "cmpxchg": ("rax",), "cmpxchg8b": ("rax", "rdx"), "cmpxchg16b": ("rax", "rdx"), "xlatb": ("rax",),
    "pcmpistri": ("rcx",), "pcmpestri": ("rcx",), "vpcmpistri": ("rcx",), "vpcmpestri": ("rcx",), "in": ("rax",),
}  # fmt: skip
_STRINGS = re.compile(r"(?:movs|stos|lods|scas|cmps|ins|outs)[bwdq]?$")
_BY_STRINGS = ("rdi", "rsi", "rcx", "rax")
_OPERATORS = {
    "and": Operator.AND, "or": Operator.OR, "xor": Operator.XOR, "add": Operator.ADD, "sub": Operator.SUBTRACT,
    "imul": Operator.MULTIPLY, "shl": Operator.SHIFT, "sal": Operator.SHIFT,
}  # fmt: skip
_OTHERS = frozenset({"shr", "sar", "ror", "rol"})
_ALONE = frozenset({"not", "neg", "bswap"})
_BOTH = frozenset(
    {"mul", "imul", "div", "idiv"}
)  # with one operand: they leave two numbers that depend on the same two
_LOWEST = frozenset({"al", "bl", "cl", "dl"})
_HIGH = {"ah": "rax", "bh": "rbx", "ch": "rcx", "dh": "rdx"}
_NARROW = re.compile(r"word ptr|[a-d]x$|[sd]i$|[sb]p$|r\d+w$")
_SCRATCH = "lea"  # no register, where one instruction does several things


class _Names(msgspec.Struct, frozen=True):
    """The registers of a processor: narrow name → whole register, those of which a write changes all, the stack's."""

    whole: dict[str, str]
    full: re.Pattern[str]
    stack: str
    frame: str
    word: int


def reader(whole: dict[str, str]) -> Callable[[str, str], tuple[Operation, ...]]:
    """What reads instructions of x86-64, given the whole register for each narrow name."""
    names = _Names(whole, re.compile(r"(?:r\w+|e\w+|r\d+d)(?<![bw])$|r\d+d$"), "rsp", "rbp", 8)
    return lambda mnemonic, operands: _read(names, mnemonic, operands)


def narrow_reader(whole: dict[str, str]) -> Callable[[str, str], tuple[Operation, ...]]:
    """What reads those of IA-32."""
    names = _Names(whole, re.compile(r"e(?:[abcd]x|[sd]i|[sb]p)$"), "esp", "ebp", 4)
    return lambda mnemonic, operands: _read(names, mnemonic, operands)


def _own(names: _Names, registers: tuple[str, ...]) -> tuple[str, ...]:
    """The registers with these names of 64 bits, as the processor has them."""
    return registers if names.word == 8 else tuple(f"e{name[1:]}" for name in registers if not name[1:].isdigit())


def _read(names: _Names, mnemonic: str, operands: str) -> tuple[Operation, ...]:
    line = f"{mnemonic} {operands}"
    while prefix := _PREFIX.match(line):
        line = line[prefix.end() :]
    mnemonic, _, operands = line.partition(" ")
    parts = operands.split(", ") if operands else []
    if mnemonic == "call" or mnemonic[0] == "j" or mnemonic.startswith("loop"):
        kind = Kind.CALL if mnemonic == "call" else Kind.JUMP if mnemonic == "jmp" else Kind.BRANCH
        leads = _leads(names, kind, parts[0] if parts else "")
        leads = on(_RELATIONS.get(mnemonic), leads)
        leads = msgspec.structs.replace(leads, unsigned=_UNSIGNED.get(mnemonic))
        return (
            msgspec.structs.replace(leads, also=_own(names, ("rcx",)))
            if mnemonic[0] == "l" and kind != Kind.JUMP
            else leads,
        )
    if mnemonic in _ENDS:
        return (Operation(Kind.RETURN),)
    if _STRINGS.match(mnemonic) and not any("xmm" in part for part in parts):
        to = Operation(Kind.STORE, place=Place(_own(names, ("rdi",))[0], None, 0), width=0)
        found = (FLAGS,) if mnemonic[:4] in ("scas", "cmps") else ()
        return to, Operation(Kind.NOTHING, also=_own(names, _BY_STRINGS) + found)
    if mnemonic in ("push", "pop", "leave") and not (parts and _NARROW.match(parts[0])):
        return _stacked(names, mnemonic, parts)
    if mnemonic.startswith(("push", "pop", "enter")) and mnemonic != "popcnt":
        return (Operation(Kind.SET, to=names.stack),)  # of another size: nobody knows the stack behind it
    if mnemonic == "cmp" and _NUMBER.match(parts[1]):
        return (_compared(names, parts[0], int(parts[1], 16)),)
    if mnemonic == "cmp" and all(map(names.full.match, parts)):
        first, second = (_whole(names, part) for part in parts)
        return (Operation(Kind.NOTHING, register=first, operand=second, width=_bytes(names, parts[0])),)
    if mnemonic == "test" and parts[0] == parts[1] and names.full.match(parts[0]):
        return (_compared(names, parts[0], 0),)
    done = (NOTHING,) if _QUIET.match(mnemonic) else _changes(names, mnemonic, parts)
    return flagged(done) if _FLAGGED.match(mnemonic) else done


def _changes(names: _Names, mnemonic: str, parts: list[str]) -> tuple[Operation, ...]:
    """An instruction that goes on to the next one, and writes something."""
    also = _own(names, _BESIDES.get(mnemonic, ()))
    if mnemonic in _BOTH and len(parts) == 1 and names.full.match(parts[0]):
        low, high = _own(names, ("rax", "rdx"))
        made = Operation(Kind.SET, to=low, register=low, operator=Operator.OTHER, operand=_whole(names, parts[0]))
        return made, Operation(Kind.SET, to=high, register=low)
    if not parts or (mnemonic in _BESIDES and "[" not in parts[0]):
        # The first operand is written, or read alone, which does no harm.
        own = (_whole(names, parts[0]),) if parts and mnemonic == "cmpxchg" else ()
        return (Operation(Kind.NOTHING, also=also + own),)
    if mnemonic.startswith("set"):
        return _flag(names, parts[0])
    if mnemonic in ("movzx", "movsx") and "[" not in parts[0]:
        return (_widened(names, mnemonic, *parts),)
    if mnemonic == "lea" and parts[1].removeprefix("cs:") == f"[{parts[0]}]":
        return (NOTHING,)
    if mnemonic == "lea" and (scaled := _scaled(names, *parts)):
        return scaled
    if mnemonic == "imul" and len(parts) == 3 and names.full.match(parts[0]) and "[" not in parts[1]:
        to, source, by = _whole(names, parts[0]), _whole(names, parts[1]), int(parts[2], 16)
        return (Operation(Kind.SET, to=to, register=source, operator=Operator.MULTIPLY, operand=by),)
    if mnemonic == "imul" and len(parts) == 3 and names.full.match(parts[0]):
        read, by = _set(names, _SCRATCH, parts[1], chosen=False), int(parts[2], 16)
        to = _whole(names, parts[0])
        return read, Operation(Kind.SET, to=to, register=_SCRATCH, operator=Operator.MULTIPLY, operand=by)
    if mnemonic in _OPERATORS and len(parts) == 2 and "[" in parts[1] and names.full.match(parts[0]):
        to = _whole(names, parts[0])
        read = _set(names, _SCRATCH, parts[1], chosen=False)
        return read, Operation(Kind.SET, to=to, register=to, operator=_OPERATORS[mnemonic], operand=_SCRATCH)
    does = _puts(names, mnemonic, parts[0], parts[1] if len(parts) == 2 else None)
    # Of instructions with more operands, or that exchange, others may be written, too.
    swapped = mnemonic in ("xchg", "xadd", "mulx") and len(parts) > 1 and "[" not in parts[1]
    return (msgspec.structs.replace(does, also=does.also + also + ((_whole(names, parts[1]),) if swapped else ())),)


def _flag(names: _Names, to: str) -> tuple[Operation, ...]:
    """0 or 1 in a byte: of memory, or of a register whose other bits stay."""
    if "[" in to:
        place = _place(names, to)
        return (Operation(Kind.STORE, place=place, choice=(0, 1), width=1) if place else NOTHING,)
    register = _whole(names, to)
    if to not in _LOWEST and not to.endswith(("l", "b")):
        return (Operation(Kind.SET, to=register),)
    return (
        Operation(Kind.SET, to=register, register=register, operator=Operator.AND, operand=~0xFF),
        Operation(Kind.SET, to=_SCRATCH, choice=(0, 1)),
        Operation(Kind.SET, to=register, register=register, operator=Operator.ADD, operand=_SCRATCH),
        Operation(Kind.SET, to=register + LOW, choice=(0, 1)),
    )


def _widened(names: _Names, mnemonic: str, to: str, source: str) -> Operation:
    """A narrow value in a whole register; a negative one is nobody's."""
    register = _whole(names, to)
    if not names.full.match(to) or (mnemonic == "movsx" and "[" not in source):
        return Operation(Kind.SET, to=register)
    if "[" in source:
        place = _place(names, source) if mnemonic == "movzx" else None
        return Operation(Kind.SET, to=register, place=place, reads=place is not None, width=_width(source))
    if source in _LOWEST or source.endswith(("l", "b")):
        low = _whole(names, source) + LOW
        return Operation(Kind.SET, to=register, register=low, operator=Operator.AND, operand=0xFF)
    if source in _HIGH:
        return Operation(Kind.SET, to=register)
    return Operation(Kind.SET, to=register, register=_whole(names, source), operator=Operator.AND, operand=0xFFFF)


def _scaled(names: _Names, to: str, source: str) -> tuple[Operation, ...]:
    """`lea` as arithmetic: an index, multiplied, and what is added to it; nothing where it has no index."""
    found = _PLACE.match(source)
    if not found or not found["index"] or found["segment"]:
        return ()
    base, factor, at = found["base"], int(found["factor"] or 1), _distance(found["at"])
    if base == found["index"]:
        base, factor = None, factor + 1
    index = Operation(Kind.SET, to=_SCRATCH, register=_whole(names, found["index"]))
    times = Operation(Kind.SET, to=_SCRATCH, register=_SCRATCH, operator=Operator.MULTIPLY, operand=factor)
    by = _whole(names, base) if base else 0
    sum_ = Operation(Kind.SET, to=_whole(names, to), register=_SCRATCH, operator=Operator.ADD, operand=by, number=at)
    return (index, times, sum_) if factor > 1 else (index, sum_)


def _compared(names: _Names, with_: str, number: int) -> Operation:
    """A comparison, which changes nothing."""
    if with_ in _HIGH:
        return Operation(Kind.NOTHING, also=(FLAGS,))  # the second byte
    if "[" not in with_:
        return Operation(Kind.NOTHING, register=_whole(names, with_), number=number, width=_bytes(names, with_))
    place = _place(names, with_)
    return Operation(Kind.NOTHING, place=place, reads=True, width=_width(with_), number=number) if place else NOTHING


def _bytes(names: _Names, register: str) -> int:
    """Bytes of a register by its name."""
    if not names.full.match(register):
        return 1 if register in _LOWEST or register.endswith(("l", "b")) else 2
    return 4 if register[0] == "e" or register.endswith("d") else 8


def _leads(names: _Names, kind: Kind, to: str) -> Operation:
    if _NUMBER.match(to):
        return Operation(kind, target=int(to, 16))
    return Operation(kind, place=_place(names, to)) if "[" in to else Operation(kind, register=_whole(names, to))


def _stacked(names: _Names, mnemonic: str, parts: list[str]) -> tuple[Operation, ...]:
    top = Place(names.stack, None, 0)
    up = Operation(Kind.SET, to=names.stack, register=names.stack, number=names.word)
    if mnemonic == "leave":
        framed = Operation(Kind.SET, to=names.stack, register=names.frame)
        return framed, Operation(Kind.SET, to=names.frame, place=top, reads=True, width=names.word), up
    if mnemonic == "pop":
        if "[" in parts[0]:
            place = _place(names, parts[0])
            return (up, Operation(Kind.STORE, place=place, width=names.word)) if place else (up,)
        popped = Operation(Kind.SET, to=_whole(names, parts[0]), place=top, reads=True, width=names.word)
        return (popped,) if parts[0] == names.stack else (popped, up)
    down = Operation(Kind.SET, to=names.stack, register=names.stack, number=-names.word)
    if parts[0] == names.stack:
        return down, Operation(Kind.STORE, place=top, width=names.word)
    if "[" in parts[0]:
        read = _set(names, _SCRATCH, parts[0], chosen=False)
        return read, down, Operation(Kind.STORE, place=top, register=_SCRATCH, width=names.word)
    return down, _stored(names, top, parts[0], names.word)


def _puts(names: _Names, mnemonic: str, to: str, source: str | None) -> Operation:
    """An instruction whose first operand is what it changes."""
    if "[" in to:
        place = _place(names, to)
        if place is None:
            return NOTHING
        plain = mnemonic in ("mov", "movabs") or _always(mnemonic, source, _width(to))
        return _stored(names, place, source, _width(to)) if plain and source else _spoilt(place, _width(to))
    register = _whole(names, to)
    if mnemonic in ("inc", "dec") and names.full.match(to):
        return Operation(Kind.SET, to=register, register=register, number=1 if mnemonic == "inc" else -1)
    if mnemonic in _ALONE and names.full.match(to):
        return Operation(Kind.SET, to=register, register=register, operator=Operator.OTHER, operand=0)
    if source is None or not names.full.match(to):
        also = _own(names, ("rax", "rdx")) if mnemonic == "imul" and source is None else ()
        return Operation(Kind.SET, to=register, also=also)
    if mnemonic.startswith("cmov") or mnemonic in _COPIES:
        # `cmovne` brings something where `jne` leads somewhere.
        relation = _RELATIONS.get(f"j{mnemonic[4:]}") if mnemonic[0] == "c" else None
        return on(relation, _set(names, register, source, chosen=mnemonic[0] == "c"))
    if mnemonic == "lea":
        return Operation(Kind.SET, to=register, place=_place(names, source))
    return _computed(names, mnemonic, register, to, source)


def _computed(names: _Names, mnemonic: str, register: str, to: str, source: str) -> Operation:
    if mnemonic in ("xor", "sub") and to == source:
        return Operation(Kind.SET, to=register, number=0)
    if mnemonic == "sbb" and to == source:
        return Operation(Kind.SET, to=register, choice=(0, -1))
    number = int(source, 16) if _NUMBER.match(source) else None
    if _always(mnemonic, source, _bytes(names, to)):
        return Operation(Kind.SET, to=register, number=number)
    if number is not None and mnemonic in ("add", "sub"):
        return Operation(Kind.SET, to=register, register=register, number=number if mnemonic == "add" else -number)
    if number is not None and mnemonic in ("adc", "sbb"):
        number = number if mnemonic == "adc" else -number
        more = number + (1 if mnemonic == "adc" else -1)
        return Operation(Kind.SELECT, to=register, register=register, number=number, other=register, added=more)
    if mnemonic in _OTHERS and "[" not in source:
        by = _whole(names, source) if number is None else number
        return Operation(Kind.SET, to=register, register=register, operator=Operator.OTHER, operand=by)
    if mnemonic == "and" and register == names.stack:
        return NOTHING  # rounds the stack pointer down; distances within the frame stay
    if mnemonic in _OPERATORS and "[" not in source:
        by = _whole(names, source) if number is None else number
        return Operation(Kind.SET, to=register, register=register, operator=_OPERATORS[mnemonic], operand=by)
    return Operation(Kind.SET, to=register)


def _always(mnemonic: str, source: str | None, width: int) -> bool:
    """Whether an operand comes out whatever stood there: what is made small has `or reg, -1` and `and mem, 0`."""
    if not width or source is None or not _NUMBER.match(source):
        return False
    number, ones = int(source, 16), (1 << 8 * width) - 1
    return (mnemonic == "or" and number & ones == ones) or (mnemonic == "and" and not number)


def _set(names: _Names, register: str, source: str, *, chosen: bool) -> Operation:
    kind, other = (Kind.SELECT, register) if chosen else (Kind.SET, None)
    if _NUMBER.match(source):
        return Operation(kind, to=register, number=int(source, 16), other=other)
    if "[" in source:
        place = _place(names, source)
        return Operation(kind, to=register, place=place, reads=place is not None, other=other, width=_width(source))
    return Operation(kind, to=register, register=_whole(names, source), other=other)


def _stored(names: _Names, place: Place, source: str, width: int) -> Operation:
    if _NUMBER.match(source):
        return Operation(Kind.STORE, place=place, number=int(source, 16), width=width)
    register = _low(names, source)
    return Operation(Kind.STORE, place=place, register=register, width=width)


def _low(names: _Names, source: str) -> str | None:
    """The register that holds what is stored of it, or its lowest byte; None for vectors, and for the second byte."""
    if source in _HIGH or source not in names.whole:
        return source if names.full.match(source) else None
    return _whole(names, source) + (LOW if source in _LOWEST or source.endswith(("l", "b")) else "")


def _spoilt(place: Place, width: int) -> Operation:
    """A store of what nobody knows."""
    return Operation(Kind.STORE, place=place, width=width)


def _width(operand: str) -> int:
    """Bytes of an operand in memory; 0 where nothing says how many."""
    found = _PLACE.match(operand)
    return _WIDTHS.get(found["width"] or "", 0) if found else 0


def _place(names: _Names, text: str) -> Place | None:
    """The address that an operand names; None where it is none, or in another segment."""
    found = _PLACE.match(text)
    if not found or found["segment"] in _SEGMENTS:
        return None
    base, index, at = found["base"], found["index"], _distance(found["at"])
    if base == "rip":
        return Place(COUNTER, None, at)
    return Place(base and _whole(names, base), index and _whole(names, index), at, int(found["factor"] or 1))


def _distance(text: str | None) -> int:
    return int(text.replace(" ", "").removeprefix("+"), 16) if text else 0


def _whole(names: _Names, register: str) -> str:
    return _own(names, (_HIGH[register],))[0] if register in _HIGH else names.whole.get(register, register)
