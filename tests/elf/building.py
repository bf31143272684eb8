"""ELF objects for the tests: compiled, changed byte by byte, or put together from nothing."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from archscan.elf import Exports, Place, facts
from archscan.model import Elf

_EHDR = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
_PHDR = {32: "IIIIIIII", 64: "IIQQQQQQ"}

PLAIN = "-O2 -U_FORTIFY_SOURCE -fno-stack-protector -fPIE -pie -Wl,-z,relro,-z,lazy".split()
HELLO = '#include <stdio.h>\nint main(int c, char **v) { return printf("%d %s\\n", c, v[0]); }\n'


def compiled(folder: Path, source: str, flags: Sequence[str] = PLAIN, *, name: str = "out", suffix: str = "c") -> Path:
    """What gcc makes of a source text."""
    text, out = folder / f"{name}.{suffix}", folder / name
    text.write_text(source)
    subprocess.run(["gcc", "-o", out, text, *flags], check=True, capture_output=True)
    return out


def seen(
    data: bytes | Path, path: str = "usr/bin/out", architecture: str | None = "amd64", exports: Exports = ""
) -> Elf:
    """The facts about an object at a path of a package."""
    content = data.read_bytes() if isinstance(data, Path) else data
    return facts(content, Place(path, path, path, architecture), exports=exports)


def verdicts(found: Elf) -> dict[str, str | int]:
    """The columns that the protections fill."""
    names = (
        "kind pie relro bind_now nx fortify textrel wx_segments ibt_marked shstk_marked bti_marked pac_marked language"
    )
    return {name: getattr(found, name) for name in names.split()}


def segments(data: bytes) -> list[tuple[int, list[int]]]:
    """File offset and fields of each program header of a 64-bit little-endian object, in the order of Elf64_Phdr."""
    start, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    places = [start + number * 56 for number in range(count)]
    return [(at, list(struct.unpack_from("<IIQQQQQQ", data, at))) for at in places]


def with_segment(data: bytes, number: int, fields: Sequence[int]) -> bytes:
    """The object with one program header replaced."""
    at = segments(data)[number][0]
    return data[:at] + struct.pack("<IIQQQQQQ", *fields) + data[at + 56 :]


def with_dynamic(data: bytes, wanted: Sequence[tuple[int, int]], *, without: Sequence[int] = ()) -> bytes:
    """The 64-bit little-endian object with dynamic tags taken out and others put in, in the place that there is."""
    fields = next(fields for _, fields in segments(data) if fields[0] == 2)
    at, size = fields[2], fields[5]
    rows = [row for row in struct.iter_unpack("<qQ", data[at : at + size]) if row[0] and row[0] not in without]
    rows += wanted
    packed = b"".join(struct.pack("<qQ", *row) for row in rows)
    assert len(packed) < size, "no place for more tags"
    return data[:at] + packed.ljust(size, b"\0") + data[at + size :]


def without_sections(data: bytes) -> bytes:
    """The object as a tool leaves it that cuts everything the kernel and the loader do not need."""
    bits = {1: 32, 2: 64}[data[4]]
    order = {1: "<", 2: ">"}[data[5]]
    word, shoff, counts = ("Q", 40, 58) if bits == 64 else ("I", 32, 46)
    changed = bytearray(data)
    struct.pack_into(order + word, changed, shoff, 0)
    struct.pack_into(order + "HHH", changed, counts, 0, 0, 0)
    return bytes(changed)


def handmade(
    parts: Sequence[tuple[int, int, int, int]],
    body: bytes = b"",
    *,
    bits: int = 64,
    order: str = "<",
    machine: int = 62,
    kind: int = 3,
    entry: int = 0,
) -> bytes:
    """An object of nothing but headers and a body; ``parts`` are type, flags, address and size of its segments.

    Each byte lies at the address that is its offset in the file; the body starts at ``body_at``.
    """
    header, program = struct.Struct(order + _EHDR[bits]), struct.Struct(order + _PHDR[bits])
    identification = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    first = 16 + header.size
    fields = (kind, machine, 1, entry, first, 0, 0, first, program.size, len(parts), 0, 0, 0)
    rows = []
    for segment_type, flags, address, size in parts:
        plain = (segment_type, flags, address, address, size, size, 8)
        wide = (plain[0], plain[1], plain[2], plain[3], plain[3], plain[4], plain[5], plain[6])
        narrow = (plain[0], plain[2], plain[3], plain[3], plain[4], plain[5], plain[1], plain[6])
        rows.append(program.pack(*(wide if bits == 64 else narrow)))
    return identification + header.pack(*fields) + b"".join(rows) + body


def body_at(count: int, bits: int = 64) -> int:
    """Where the body of a handmade object with so many segments starts."""
    return (64 + 56 * count) if bits == 64 else (52 + 32 * count)


def linked(
    tables: Mapping[int, bytes],
    tags: Sequence[tuple[int, int]] = (),
    *,
    bits: int = 64,
    order: str = "<",
    machine: int = 62,
    relro: tuple[int, int] | None = None,
    flags: int = 6,
) -> bytes:
    """A shared object: ``tables`` are dynamic tags with the bytes their address leads to, ``tags`` further ones.

    All lies in one segment with ``flags``. ``relro`` is an address and a size.
    """
    pair = struct.Struct(order + ("QQ" if bits == 64 else "II"))
    count = 3 if relro is None else 4
    at, body, entries = body_at(count, bits), b"", []
    for tag, table in tables.items():
        entries.append((tag, at + len(body)))
        body += table + bytes(-len(table) % 8)
    entries += [*tags, (0, 0)]
    start = at + len(body)
    body += b"".join(pair.pack(*row) for row in entries)
    parts = [(1, flags, 0, at + len(body)), (2, 6, start, len(entries) * pair.size), (0x6474E551, 6, 0, 0)]
    if relro is not None:
        parts.append((0x6474E552, 4, relro[0], relro[1]))
    return handmade(parts, body, bits=bits, order=order, machine=machine)
