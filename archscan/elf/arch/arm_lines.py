"""The instructions of Thumb code, without the data that lies among them, and without conditions.

Behind a function, or in its middle, lie the numbers that it loads, and right behind a jump by a table the table. What
is done on a condition (`it`) becomes a branch around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from archscan.elf.arch.arm_lifting import CONDITIONS
from archscan.elf.arch.lifting import Line, as_they_are
from archscan.elf.arrays import np
from archscan.elf.code import Code, address_of, offsets_of

_STEP, _LONGEST = 2048, 4  # bytes that are disassembled together; of an instruction
_MOST = 1000  # places with data in a function
_MOST_CASES = 1024
_INVERSE = {"eq": "ne", "hs": "lo", "mi": "pl", "vs": "vc", "hi": "ls", "ge": "lt", "gt": "le"}
_INVERSE |= {other: one for one, other in _INVERSE.items()}
_CONDITIONAL = re.compile(rf"(?P<name>.*)(?:{CONDITIONS})(?P<wide>(?:\..*)?)$")
_LITERAL = re.compile(r"(?P<to>\w+), \[pc(?:, #(?P<at>-?(?:0x)?[0-9a-f]+))?\]$")
_OF_COUNTER = re.compile(r"(?P<to>\w+), pc(?:, #(?P<at>(?:0x)?[0-9a-f]+))?$")
_ADDRESS = re.compile(r"(?P<to>\w+), #(?P<at>-?(?:0x)?[0-9a-f]+)$")
_TABLE = re.compile(r"\[pc, (?P<index>\w+)(?:, lsl #1)?\]$")
_NUMBER = re.compile(rf"mov(?:{CONDITIONS})(?:\.w)? \w+, #-?(?:0x)?[0-9a-f]+$")
_PLAIN = re.compile(r"(?:mov|ldr|str|add|sub)(?:[bhwd]|\.w)*$")  # changes neither flags nor the way on
_NEAR = 6  # instructions between two that are done on a condition
_COMPARED = re.compile(r"\w+, #(?P<number>(?:0x)?[0-9a-f]+)$")
_ARM_SHARE = 0.75  # of words that are always done, from which on code is taken for Arm code


def lines(engine: object, text: Code, start: int, end: int) -> list[Line]:
    """The instructions between two offsets; none of Arm code, or where more data lies among them than is usual."""
    if _is_arm(text, start, end):
        begin = address_of(text, start)
        return [(begin + at, 4, "unknown", "") for at in range(0, end - start, 4)]
    found: list[Line] = []
    for row in _without_data(engine, text, start, end):
        if row is None:
            return []
        found.append(row)
    return _unconditional(found)


def _is_arm(text: Code, start: int, end: int) -> bool:
    """Whether most words look like instructions of Arm code that are always done; Thumb code has few such words."""
    if start % 4 or end - start < 8:
        return False
    top = text.raw[start + 3 : end : 4] >> 4
    return bool(np.mean(top == 0xE) >= _ARM_SHARE)


def _without_data(engine: object, text: Code, start: int, end: int) -> Iterator[Line | None]:
    """The instructions, with numbers and addresses in place of where they stand; None where it is given up."""
    begin, data = address_of(text, start), set[int]()
    recent: list[Line] = []
    at, left = start, _MOST
    while at < end and left:
        address = begin + at - start
        if address in data:
            at += 2
            continue
        stop, left = min(at + _STEP, end), left - 1
        for row in as_they_are(engine, text, at, min(stop + _LONGEST, end)):
            here = start + row[0] - begin
            if here >= stop or row[0] in data:
                break
            done, behind = _read(text, row, recent, data, (start, end))
            yield from done
            recent = [*recent[-8:], row]
            at = behind
            if behind != here + row[1]:
                break
        else:
            if at < stop:
                at = stop  # nothing could be disassembled
    if at < end:
        yield None


def _read(
    text: Code, row: Line, recent: list[Line], data: set[int], function: tuple[int, int]
) -> tuple[list[Line], int]:
    """What an instruction becomes, and the offset where the next one is; takes down what it loads from the code."""
    address, size, mnemonic, operands = row
    offset, name = int(offsets_of(text, np.array([address], np.int64))[0]), mnemonic.removesuffix(".w")
    counter, behind = (address + 4) & ~3, offset + size
    literal, of_counter, table = _LITERAL.match(operands), _OF_COUNTER.match(operands), _TABLE.match(operands)
    if literal and name == "ldr" and literal["to"] != "pc":
        place = counter + (int(literal["at"], 0) if literal["at"] else 0)
        data.update(range(place, place + 4, 2))
        number = _number(text, place, 4)
        value = f"#{number:#x}" if number is not None else "nowhere"
        return [(address, size, "mov", f"{literal['to']}, {value}")], behind
    if literal or (name in ("vldr", "ldrd") and "[pc" in operands):
        far = re.search(r"#(-?(?:0x)?[0-9a-f]+)", operands)
        place = counter + (int(far[1], 0) if far else 0)
        data.update(range(place, place + (4 if re.match(r"s\d", operands) else 8), 2))
        return [row], behind
    if of_counter and name in ("add", "addw", "sub", "subw"):
        if of_counter["at"] is None and name == "add":
            return [(address, size, "add", f"{of_counter['to']}, #{address + 4:#x}")], behind
        distance = int(of_counter["at"] or "0", 0) * (-1 if name.startswith("sub") else 1)
        return [(address, size, "mov", f"{of_counter['to']}, #{counter + distance:#x}")], behind
    if name == "adr" and (near := _ADDRESS.match(operands)):
        return [(address, size, "mov", f"{near['to']}, #{counter + int(near['at'], 0):#x}")], behind
    if table and name in ("tbb", "tbh"):
        return _cases(text, row, (address + 4, 1 if name == "tbb" else 2), recent, function)
    begins = _table_behind(row, recent)
    if begins is not None:
        return _cases(text, row, (begins, 4), recent, function)
    return [row], behind


def _table_behind(row: Line, recent: list[Line]) -> int | None:
    """Where the table of distances of four bytes begins by which a jump leads, if it lies right behind that."""
    address, size, mnemonic, operands = row
    leaves = mnemonic == "bx" and operands != "lr"
    leaves |= mnemonic in ("mov", "add", "ldr.w", "ldr") and operands.startswith("pc, ") and operands != "pc, lr"
    if not leaves or not any(name.startswith("ldr") and "lsl #2]" in rest for _, _, name, rest in [*recent, row]):
        return None
    for at, _, name, rest in reversed(recent):
        found = _OF_COUNTER.match(rest) if name.startswith("add") else _ADDRESS.match(rest)
        if found and found["at"] and name.startswith(("add", "adr")):
            place = ((at + 4) & ~3) + int(found["at"], 0)
            return place if 0 <= place - address - size < 4 else None
    return None


def _cases(
    text: Code, row: Line, table: tuple[int, int], recent: list[Line], function: tuple[int, int]
) -> tuple[list[Line], int]:
    """A branch to each case in place of a jump by a table, and where the table ends."""
    address, size, _, operands = row
    (place, width), begin = table, address_of(text, function[0])
    low, high = begin, begin + function[1] - function[0]
    limit = _limit(recent)
    targets: list[int] = []
    first, number = high, 0
    while number < min(limit, _MOST_CASES) and place + width * number < first:
        entry = _number(text, place + width * number, width)
        if entry is None:
            break
        if width == 4:
            signed = (entry ^ 1 << 31) - (1 << 31)
            target = (entry if operands.startswith("pc, [") else place + signed) & ~1
        else:
            target = place + 2 * entry
        if not low <= target < high:
            break
        first = min(first, target) if target > place else first
        targets.append(target)
        number += 1
    behind = place + width * number
    end = function[0] + (behind + behind % 2) - begin
    if not targets:
        return [(address, size, "bx", "nowhere")], function[0] + address + size - begin
    every = sorted(set(targets))
    done = [(address + step, 1, "beq", f"#{to:#x}") for step, to in enumerate(every[:-1])]
    return [*done, (address + len(done), 1, "b", f"#{every[-1]:#x}")], end


def _limit(recent: list[Line]) -> int:
    """How many entries a comparison before lets be read."""
    for _, _, name, rest in reversed(recent):
        found = _COMPARED.match(rest) if name.startswith("cmp") else None
        if found:
            return int(found["number"], 0) + 1
    return _MOST_CASES


def _number(text: Code, address: int, size: int) -> int | None:
    offset = int(offsets_of(text, np.array([address], np.int64))[0])
    data = text.raw[offset : offset + size].tobytes() if offset >= 0 else b""
    return int.from_bytes(data, "little") if len(data) == size else None


def _joined(found: list[Line]) -> list[Line]:
    """The same, with numbers that are put somewhere on a condition, and shortly behind else, side by side."""
    done = list(found)
    for at, (_, _, mnemonic, condition) in enumerate(found[:-1]):
        if mnemonic != "it" or not _NUMBER.match(" ".join(found[at + 1][2:])) or done[at] != found[at]:
            continue
        to = found[at + 1][3].partition(",")[0]
        for other in range(at + 2, min(at + _NEAR, len(found) - 1)):
            address, _, name, operands = found[other]
            if name == "it" and operands == _INVERSE.get(condition):
                member = found[other + 1]
                if _NUMBER.match(" ".join(member[2:])) and member[3].partition(",")[0] == to:
                    done[at] = (*found[at][:2], "ite", condition)
                    done[at + 1 : at + 2] = [found[at + 1], member]
                    del done[other + 2]
                    done[other + 1] = (address, member[0] + member[1] - address, "nop", "")
                    return [*done[: other + 2], *_joined(done[other + 2 :])]
                break
            if not _PLAIN.match(name) or re.search(rf"\b{to}\b", operands):
                break
    return done


def _unconditional(rows: list[Line]) -> list[Line]:
    """The same with what is done on a condition as a branch around it, or to what is done else."""
    done: list[Line] = []
    at, found = 0, _joined(rows)
    while at < len(found):
        _, _, mnemonic, operands = found[at]
        block = re.match(r"it([te]{0,3})$", mnemonic)
        members = found[at + 1 : at + 2 + len(block[1])] if block else []
        if block and operands in _INVERSE and len(members) == len(block[1]) + 1:
            behind = at + 1 + len(members)
            following = found[behind] if behind < len(found) else None
            end, leads = following[0] if following else members[-1][0] + members[-1][1], None
            if following and "e" not in block[1] and following[2].removesuffix(".w") == f"b{_INVERSE[operands]}":
                # Who does not do that branches right behind it.
                end, leads = following[0] + following[1], following[3]
                behind += 1
            done += _chosen(found[at], members, f"t{block[1]}", end, leads)
            at = behind
        else:
            done.append(found[at])
            at += 1
    return done


def _chosen(it: Line, members: list[Line], kinds: str, end: int, leads: str | None) -> list[Line]:
    """A branch to what is done else, what is done, a jump behind all, and what is done else.

    ``leads`` is where the branch leads, if not there or to the end.
    """
    condition = it[3]
    first = [_always(row, condition) for row, kind in zip(members, kinds, strict=True) if kind == "t"]
    second = [_always(row, _INVERSE[condition]) for row, kind in zip(members, kinds, strict=True) if kind == "e"]
    leads = leads or f"#{second[0][0] if second else end:#x}"
    start = [(it[0], first[0][0] - it[0], f"b{_INVERSE[condition]}", leads)]
    if not second:
        return [*start, *_chained(first, end)]
    leap = first[-1][0] + 1
    return [*start, *_chained(first, leap), (leap, end - leap, "b", f"#{end:#x}"), *_chained(second, end)]


def _chained(rows: list[Line], end: int) -> list[Line]:
    """The same, each right before the next one, and the last before an end."""
    follows = [*(row[0] for row in rows[1:]), end]
    return [(row[0], to - row[0], row[2], row[3]) for row, to in zip(rows, follows, strict=True)]


def _always(row: Line, condition: str) -> Line:
    """An instruction without its condition."""
    address, size, mnemonic, operands = row
    found = _CONDITIONAL.match(mnemonic)
    name = f"{found['name']}{found['wide']}" if found and condition in mnemonic else mnemonic
    return address, size, name, operands
