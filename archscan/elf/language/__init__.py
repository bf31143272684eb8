"""The language that an object was written in, from what stripping leaves, and what was compiled in.

`written` is the way in. What is told by what stands in ``signs``; ``go`` and ``rust`` read what those compilers leave;
``c_part`` finds C in objects of other languages, on which they are judged.
"""

from __future__ import annotations

import re

from archscan.elf.image import (
    ET_REL,
    PT_INTERP,
    SHF_EXECINSTR,
    SHT_NOBITS,
    STT_FUNC,
    Image,
    has_segment,
    symbol_struct,
)
from archscan.elf.language import go, rust, signs
from archscan.elf.language.c_part import c_part
from archscan.elf.language.look import (
    COMPONENTS,
    SITES,
    Found,
    Language,
    Look,
    Written,
    part,
    sites,
    source_files,
    spans,
)
from archscan.elf.language.toolchain import toolchain
from archscan.elf.symbols import SymbolTable, static_symbols
from archscan.model import Component, Import, Reason

__all__ = ["Language", "Written", "has_c_part", "has_stack_arrays", "uses_c_headers", "written"]

_UNWIND = re.compile(rb"\x01z(?:P?L?R)\0")  # version and augmentation of unwind tables (LSB, ".eh_frame")
_UNWIND_SECTIONS = (".eh_frame", ".ARM.exidx", ".IA_64.unwind", ".PARISC.unwind")
_MODULE_SECTIONS = (".modinfo", ".modname")  # of Linux, of GRUB
_PROTECTABLE = frozenset({Language.C, Language.CXX, Language.FORTRAN, Language.ADA, Language.D, Language.UNKNOWN})
_HEADERS = frozenset({Language.C, Language.CXX, Language.UNKNOWN})
_PLAIN = frozenset({Language.C, Language.CXX, Language.UNKNOWN, Language.ASSEMBLER})
# i386, amd64, arm64, ppc64, s390x: there compilers write unwind tables for every function without being asked.
_UNWINDS_ALL = frozenset({3, 62, 183, 21, 22})
_ASSEMBLER_FILE = re.compile(r"\.(?:s|S|asm|nasm)$")
_C_FILE = re.compile(r"\.(?:c|cc|cpp|cxx|C)$")
_BPF = 247


def written(
    image: Image, table: SymbolTable, needed: tuple[str, ...], imports: tuple[Import, ...], soname: str | None
) -> Written:
    """The language of an object with the evidence, whether it holds C too, and its components.

    ``table`` are the symbols that its imports come from. C is what shows nothing else.
    """
    strings = table.strings if table.rows else static_symbols(image).strings
    sections = {one.name: one for one in reversed(image.sections)}
    look = Look(image, soname or "", needed, frozenset(row.symbol for row in imports), strings, sections)
    info = go.build_info(look) if go.is_go(look) else None
    found = _go(look, info) or _found(look)
    components, whole = _components(look, found, info)
    made = (*components, *toolchain(look, found.language))
    if found.language in _PLAIN:
        return Written(found.language, False, Reason(found.code, found.text, {}, sites(found.names)), made)
    shown = c_part(look, found)
    text = f"{found.text}; C shows in {shown[0]}"[:1024] if shown else f"{found.text}; nothing in it shows C"
    names = (*found.names, *info.settings) if info else found.names
    reason = Reason(
        found.code,
        text,
        {"c_part": int(bool(shown)), "components": sum(row.ecosystem != "toolchain" for row in components)},
        sites(names),
        truncated=not whole or len(names) > SITES,
    )
    return Written(found.language, bool(shown), reason, made)


def _go(look: Look, info: go.BuildInfo | None) -> Found | None:
    """Go's own compiler, whose objects hold nothing that another language's run-time system could be told by."""
    if info is not None:
        return Found(Language.GO, "go-buildinfo", f"holds the build information of {info.version}")
    if go.is_go(look):
        names = tuple(name for name in go.SECTIONS if name in look.sections)
        return Found(Language.GO, "go-sections", "holds a section or note of Go's linker", names)
    return None


def _found(look: Look) -> Found:
    """The language of what Go's own linker did not make."""
    return (
        signs.bytecode(look)
        or signs.by_runtime(look)
        or signs.by_sections(look)
        or signs.by_names(look)
        or signs.by_traces(look)
        or signs.by_cxx(look)
        or signs.by_sources(look)
        or _c_or_nothing(look)
    )


def _c_or_nothing(look: Look) -> Found:
    """C by its library or by what compilers write, assembler by what they would have written, else unknown."""
    image = look.image
    if image.type != ET_REL and (look.needed or look.imported):
        names = look.needed or tuple(sorted(look.imported)[:1])
        return Found(Language.C, "c-library", "needs a library in C, and shows no other language", names)
    if has_segment(image, PT_INTERP):  # klibc's programs, which name their library so
        return Found(Language.C, "c-library", "has an interpreter that belongs to a library in C")
    unwinding = next((name for name in _UNWIND_SECTIONS if name in look.sections), None)
    if unwinding or (not look.sections and _has_unwind_tables(image)):
        return Found(Language.C, "unwind-tables", "holds unwind tables, as compilers write them", (unwinding or "",))
    marks = tuple(name for name in _MODULE_SECTIONS if name in look.sections)
    if marks or image.machine == _BPF:
        return Found(Language.C, "module", "is a module for the kernel or a program, as C compilers make them", marks)
    if b"GCC: " in (comment := part(look, ".comment")) or b"clang version" in comment:
        return Found(Language.C, "compiler", "a compiler for C signed it", (".comment",))
    return _without_tables(look)


def _has_unwind_tables(image: Image) -> bool:
    return any(_UNWIND.search(image.data, start, end) for start, end in spans(image, writable=False))


def _without_tables(look: Look) -> Found:
    """What is said of code without unwind tables, by the names that are left of it."""
    image = look.image
    for name in source_files(image):
        for pattern, language in ((_C_FILE, Language.C), (_ASSEMBLER_FILE, Language.ASSEMBLER)):
            if pattern.search(name):
                text = f"a symbol names a source file in {language}"
                return Found(language, "source-file", text, (name,))
    code = any(one.flags & SHF_EXECINSTR and one.size and one.type != SHT_NOBITS for one in image.sections)
    if not code and (image.sections or image.type == ET_REL):
        return Found(Language.UNKNOWN, "no-code", "holds no code")
    if image.type == ET_REL and image.machine in _UNWINDS_ALL:
        text = "holds code without the unwind tables that a compiler writes"
        return Found(Language.ASSEMBLER, "no-unwind-tables", text)
    if look.imported:
        return Found(Language.C, "symbols", "calls other objects, and shows no other language")
    if code and _is_untyped(image):
        text = "holds code without unwind tables, and no symbol is marked as a function"
        return Found(Language.ASSEMBLER, "untyped-symbols", text)
    return Found(Language.UNKNOWN, "no-evidence", "holds nothing that only one language's tools write")


def _is_untyped(image: Image) -> bool:
    """Whether an object has symbols, none of which a compiler made: those of functions bear the type."""
    rows, code = static_symbols(image).rows, symbol_struct(image)
    kinds = rows[: len(rows) // code.size * code.size][4 if image.bits == 64 else 12 :: code.size]
    return len(kinds) > 1 and not any(kinds.count(binding << 4 | STT_FUNC) for binding in (0, 1, 2))


def _components(look: Look, found: Found, info: go.BuildInfo | None) -> tuple[tuple[Component, ...], bool]:
    """Modules or crates that were compiled in, and whether all are there."""
    if info is not None:
        version = (Component("toolchain", "go", info.version, "go-buildinfo"),) if info.version else ()
        return (*info.modules[:COMPONENTS], *version), info.whole
    if found.language is Language.RUST:
        return rust.crates(look)
    return (), True


def has_c_part(reason: Reason | None) -> bool:
    """Whether the reason for a language other than C says that the object holds code in C or C++, too."""
    return reason is not None and bool(reason.counts.get("c_part"))


def has_stack_arrays(found: str, *, c_part: bool = False) -> bool:
    """Whether the stack protector means anything for the language, or for the object's part in C."""
    return c_part or found in _PROTECTABLE


def uses_c_headers(found: str, *, c_part: bool = False) -> bool:
    """Whether FORTIFY, which is made of the C library's headers, means anything for the language or the part in C."""
    return c_part or found in _HEADERS
