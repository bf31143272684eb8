"""What the checks must know of a processor; one value a file in this folder."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from archscan.elf.arch.idioms import Idioms
from archscan.elf.arch.immediates import Immediates, Instructions
from archscan.elf.arch.lifting import Lift


class RelocationInfo(StrEnum):
    """Where the type stands in the 64-bit ``r_info``; in a 32-bit one it is always the lowest byte."""

    WORD = "word"  # the lower 32 bits
    BYTE = "byte"  # the lowest byte; more data above it (SPARC V9 ABI)
    MIPS = "mips"  # a byte of its own, last in the file; the first of three types (MIPS64 ABI supplement)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One value of ``e_machine``.

    Relocation types are those that the loader writes into the GOT: the slot of a lazily bound function, the
    address of a datum, the result of a resolver (the processor's ELF supplement; glibc, elf/elf.h).
    """

    name: str
    number: int  # e_machine
    jump_slot: frozenset[int] = frozenset()
    glob_dat: frozenset[int] = frozenset()
    irelative: frozenset[int] = frozenset()
    absolute: dict[int, int] = {}  # what writes an address into debug information before it is linked → its bytes
    none: frozenset[int] = frozenset({0})  # R_*_NONE, which changes nothing; MIPS begins tables with it
    relocation_info: RelocationInfo = RelocationInfo.WORD
    implicit_addends: bool = False  # Elf32_Rel: the addend stands in the place that is changed
    global_got: bool = False  # the loader fills slots that have no relocations
    page: int = 4096  # to which ld.so rounds the end of RELRO down: the kernel's smallest on Debian
    executable_stack: bool = True  # without PT_GNU_STACK: glibc, sysdeps/*/stackinfo.h, DEFAULT_STACK_PERMS
    property_and: int | None = None  # GNU property type whose bits every input of the link must carry
    marks: dict[str, int] = {}  # column → bit of that property
    features: frozenset[str] = frozenset()  # columns that mean something on this processor
    idioms: Idioms | None = None  # how its machine code looks; None where nobody has said
    immediates: Immediates | None = None  # numbers that code makes of two halves; None where they stand in it whole
    sha1: Instructions | None = None
    lift: Lift | None = None  # how its instructions are read for the values that they move
