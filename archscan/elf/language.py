"""The language that an object was written in, from what stripping leaves (no `.comment`: Debian removes it)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from archscan.elf.image import ET_REL, PF_W, SHF_EXECINSTR, SHT_NOBITS, Image, loads, section
from archscan.elf.notes import notes
from archscan.model import Import


class Language(StrEnum):
    """A source language. ``C`` includes what cannot be told from it."""

    ADA = "ada"
    ASSEMBLER = "assembler"
    C = "c"
    CXX = "c++"
    D = "d"
    FORTRAN = "fortran"
    GO = "go"
    HASKELL = "haskell"
    OCAML = "ocaml"
    PASCAL = "pascal"
    RUST = "rust"
    UNKNOWN = "unknown"


_GO_SECTIONS = (".go.buildinfo", ".note.go.buildid", ".gopclntab")
_FPC = re.compile(rb"FPC \d\.\d+\.\d+\S* \[")  # how Free Pascal signs the data of a program
_UNWIND = re.compile(rb"\x01z(?:P?L?R)\0")  # version and augmentation of unwind tables (LSB, ".eh_frame")
_PASCAL_SECTIONS = (".fpcdata", "fpc.resources", ".fpc.resources")
# The run-time library of a language by the beginning of its soname.
_RUNTIMES = (
    ("libHS", Language.HASKELL),
    ("libgnat", Language.ADA),
    ("libgnarl", Language.ADA),
    ("libphobos2", Language.D),
    ("libgphobos", Language.D),
    ("libdruntime", Language.D),
    ("libgdruntime", Language.D),
    ("libgo.so", Language.GO),
    ("libasmrun", Language.OCAML),
    ("libcamlrun", Language.OCAML),
    ("libstd-", Language.RUST),
    ("libgfortran", Language.FORTRAN),
    ("libflang", Language.FORTRAN),
    ("libstdc++", Language.CXX),
    ("libc++.so", Language.CXX),
)
# Strings of panic messages: the paths of the standard library and of crates (seen in stripped binaries).
_RUST_PATHS = (
    b"library/std/src/",
    b"/library/core/src/",
    b"/usr/share/cargo/registry/",
)
_PROTECTABLE = frozenset({Language.C, Language.CXX, Language.FORTRAN, Language.ADA, Language.D, Language.UNKNOWN})


def language(image: Image, needed: Sequence[str], imports: Sequence[Import], exported: bytes) -> Language:
    """The language of an object; ``exported`` is the string table of its dynamic symbols.

    Looks at sections first, then at the run-time libraries, then at names; C is what links to a C library and shows
    nothing else.
    """
    if any(section(image, name) for name in _GO_SECTIONS) or any(owner == b"Go" for owner, _, _ in notes(image)):
        return Language.GO
    if any(section(image, name) for name in _PASCAL_SECTIONS) or (not image.sections and _holds(image, _FPC, PF_W)):
        return Language.PASCAL
    for beginning, found in _RUNTIMES:
        if found is not Language.CXX and any(soname.startswith(beginning) for soname in needed):
            return found
    if b"caml_startup" in exported or b"caml_main" in exported or b"\0camlStdlib" in exported:
        return Language.OCAML
    if b"rust_eh_personality" in exported or b"rust_begin_unwind" in exported or _is_rust(image, needed, imports):
        return Language.RUST
    if b"stg_ap_" in exported or b"\0hs_main" in exported or _is_haskell(image, imports):
        return Language.HASKELL
    if b"_d_run_main" in exported or b"\0_D4core" in exported:
        return Language.D
    if (
        any(soname.startswith(("libstdc++", "libc++.so")) for soname in needed)
        or b"\0_ZN" in exported
        or b"\0_ZS" in exported
    ):
        return Language.CXX
    return _c_or_nothing(image, needed, imports)


def _is_haskell(image: Image, imports: Sequence[Import]) -> bool:
    """Programs of GHC hold its libraries and show nothing but libgmp's functions; its options stand in their data."""
    if not any(row.symbol.startswith("__gmpn_") for row in imports):
        return False
    return b"GHC.Base" in image.data and b"+RTS" in image.data


def _is_rust(image: Image, needed: Sequence[str], imports: Sequence[Import]) -> bool:
    """Rust unwinds through libgcc without C++'s library; only then are its strings looked for."""
    unwinds = any(row.symbol.startswith("_Unwind_") for row in imports)
    cxx = any(soname.startswith("libstdc++") for soname in needed)
    if cxx or not (unwinds or not image.dynamic):
        return False
    data = image.data
    rodata = section(image, ".rodata")
    start, end = (rodata.offset, rodata.offset + rodata.size) if rodata else (0, len(data))
    return any(data.find(path, start, end) >= 0 for path in _RUST_PATHS)


def _holds(image: Image, wanted: re.Pattern[bytes], writable: int) -> bool:
    """Whether a mapped segment holds a pattern, of those that are writable (PF_W) or of those that are not (0)."""
    parts = (part for part in loads(image) if part.flags & PF_W == writable)
    return any(wanted.search(image.data, part.offset, part.offset + part.file_size) for part in parts)


def _c_or_nothing(image: Image, needed: Sequence[str], imports: Sequence[Import]) -> Language:
    if needed or imports or section(image, ".eh_frame") or (not image.sections and _holds(image, _UNWIND, 0)):
        return Language.C
    # Compilers write unwind tables into what they compile; linked without them, a program may still be one of C.
    code = any(part.flags & SHF_EXECINSTR and part.size and part.type != SHT_NOBITS for part in image.sections)
    return Language.ASSEMBLER if code and image.type == ET_REL else Language.UNKNOWN


def has_stack_arrays(found: str) -> bool:
    """Whether the stack protector and FORTIFY mean anything for the language."""
    return found in _PROTECTABLE
