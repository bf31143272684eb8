"""Strings and pointers among what an object never changes while it runs."""

from __future__ import annotations

from archscan.elf.image import PF_W, Image, loads, mapped, section
from archscan.elf.pointers import pointer_at

_PT_RELRO = 0x6474E552
_LONGEST = 4096  # bytes of a string that names an algorithm, or lists some; suites of TLS take about 600
_MOST_WORDS = 512  # bytes of what is shown to people
_MOST_NUMBERS = 512  # of a list; OpenSSL knows about 50 algorithms for signatures


def is_constant(image: Image, address: int) -> bool:
    """Whether what stands at an address stays as the file has it: not writable, or only until it is relocated.

    What the file does not have is nothing, or copied from another object when that is loaded.
    """
    parts = [part for part in loads(image) if part.address <= address < part.address + part.file_size]
    if not parts or any(not part.flags & PF_W for part in parts):
        return bool(parts)
    got = section(image, ".got")
    if got is not None and got.address <= address < got.address + got.size:
        return True  # nobody but the loader writes there
    relro = (part for part in image.segments if part.type == _PT_RELRO)
    return any(part.address <= address < part.address + part.memory_size for part in relro)


def string_at(image: Image, address: int) -> str | None:
    """The text of printable ASCII at an address; None where there is none, or something else."""
    raw = mapped(image, address, _LONGEST)
    end = raw.find(b"\0")
    if end < 0 or not is_constant(image, address):
        return None
    text = raw[:end]
    return text.decode("ascii") if all(32 <= byte < 127 for byte in text) else None


def words_at(image: Image, address: int) -> str:
    """What is written at an address, in one line without other blanks; empty where that is no text, or may change."""
    text = mapped(image, address, _MOST_WORDS).partition(b"\0")[0].decode("utf-8", "ignore")
    readable = all(one.isprintable() or one.isspace() for one in text)
    return " ".join(text.split()) if readable and is_constant(image, address) else ""


def number_at(image: Image, address: int, width: int) -> int | None:
    """The number of ``width`` bytes at an address where nobody changes it, a pointer once it is relocated."""
    if not is_constant(image, address):
        return None
    if width == image.bits // 8:
        return pointer_at(image, address)
    raw = mapped(image, address, width)
    return int.from_bytes(raw, "little" if image.order == "<" else "big") if len(raw) == width else None


def numbers_at(image: Image, address: int, width: int, count: int | None) -> list[int] | None:
    """The ``count`` numbers of ``width`` bytes from an address on, or those before a 0; None where one may change."""
    found: list[int] = []
    most = _MOST_NUMBERS if count is None else count
    if not 0 <= most <= _MOST_NUMBERS:
        return None
    while len(found) < most:
        number = number_at(image, address + width * len(found), width)
        if number is None:
            return None
        if count is None and number == 0:
            return found
        found.append(number)
    return None if count is None else found
