"""By what the languages are told apart: sections, run-time libraries, names, and what run-time systems leave inside.

Seen in what gcc 12, gnat 12, gfortran 12, gdc 12, ldc 1.30, rustc 1.63 to 1.95, ghc 9.0, ocaml 4.13, fpc 3.2 and
gccgo 12 make, and in Debian's packages.
"""

from __future__ import annotations

import re

from archscan.elf.language.look import Found, Language, Look, constants, holds, source_files, spans
from archscan.elf.language.rust import shows_rust
from archscan.model import escape

_SECTIONS = {
    ".rustc": Language.RUST,
    ".fpcdata": Language.PASCAL,
    "fpc.resources": Language.PASCAL,
    ".fpc.resources": Language.PASCAL,
    ".fpc.n_version": Language.PASCAL,
    ".go_export": Language.GO,  # gccgo
    "minfo": Language.D,  # gdc, dmd
    "__minfo": Language.D,  # ldc
    ".debug-ghc-link-info": Language.HASKELL,
}
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
)
CXX_RUNTIMES = ("libstdc++", "libc++.so", "libc++abi.so")
# Names of symbols. Each pattern begins with what is rare, so that millions of names cost little.
_NAMES = (
    (re.compile(rb"\0caml(?:[A-Z]\w*(?:__|[.$])\w|_program\0|_startup__)"), Language.OCAML),
    (re.compile(rb"\0rust_(?:eh_personality|begin_unwind)|\0DW\.ref\.rust_eh_personality"), Language.RUST),
    (re.compile(rb"\0__rust_(?:alloc|dealloc|no_alloc_shim|start_panic)"), Language.RUST),
    (re.compile(rb"\0stg_(?:ap|gc|upd|CAF|INTLIKE)_"), Language.HASKELL),
    (re.compile(rb"\0(?:ZCMain_main|base_GHCzi|ghczm)\w"), Language.HASKELL),
    (re.compile(rb"\0hs_main\0"), Language.HASKELL),
    (re.compile(rb"\0_D(?:4core|3std|6object|2rt|9Exception\d|\d{2}TypeInfo_)"), Language.D),
    (re.compile(rb"\0_d_(?:run_main|eh_|throw|arraybounds|assert|dso_registry|allocmemory|newclass)"), Language.D),
    (re.compile(rb"\0(?:_ada_|ada__|system__|gnat__)[a-z]\w*\0|\0__gnat_(?:rcheck|raise_exception)"), Language.ADA),
    (re.compile(rb"\0__\w{1,512}_MOD_\w"), Language.FORTRAN),
    (re.compile(rb"\0(?:FPC_[A-Z]|fpc_[a-z]|INIT\$_\$|(?:VMT|RTTI|INIT|U|TC)_\$[A-Z]|[A-Z]\w*\$_\$)"), Language.PASCAL),
    (re.compile(rb"\0__go_(?:init_main|register_gc_roots|type_hash)|\0go_0main"), Language.GO),
)
# How the names begin that one of these matches, but those of Fortran's modules and Pascal's classes; few names of C++
# need a second look.
_BEGINNING = re.compile(
    rb"\0(?!_Z)(?:caml|rust_|__rust_|DW\.ref\.rust|stg_|ZCMain|base_GHCzi|ghczm|hs_main|_D\d|_d_|_ada_|ada__|system__"
    rb"|gnat__|__gnat_|FPC_|fpc_|__go_|go_0main)"
)
_FORTRAN_CALLS = ("_gfortran_", "_Fortran")  # of flang's library: _FortranAioBeginExternalListOutput
_RUST_NAME = re.compile(rb"\0_(?:ZN[\w.$]{1,4096}17h[0-9a-f]{16}E|R(?:Nv|Inv|NC|NX|NM)[\w.$]{1,64})")
# `_ZGVbN4v_sinf` is a variant for vectors of a function of any language.
_CXX_NAME = re.compile(rb"\0_Z(?!GV[a-z][NM])(?:[NSTGLKV]|\d)|\0__gxx_personality|\0DW\.ref\.__gxx_personality")
# Strings of run-time systems that were linked in; the surest first.
_TRACES = (
    (b"GHCRTS\0", Language.HASKELL),
    (b"core.exception.RangeError", Language.D),
    (b"a-except.adb", Language.ADA),
    (b"Fortran runtime error", Language.FORTRAN),
    (b"GOTRACEBACK\0", Language.GO),
)
_CXX_TRACE = b"N10__cxxabiv1"  # the types of type information (Itanium C++ ABI, 2.9.4)
# Who has a run-time system inside unwinds the stack with functions of its own, not only onwards (_Unwind_Resume).
_UNWINDERS = frozenset(
    """
    _Unwind_GetLanguageSpecificData _Unwind_Backtrace _Unwind_RaiseException _dl_find_object dl_iterate_phdr
    """.split()
)
_SOURCES = {
    **dict.fromkeys("f for ftn f77 f90 f95 f03 f08 F FOR F77 F90 F95 F03 F08".split(), Language.FORTRAN),
    **dict.fromkeys("cc cp cxx cpp c++ C CPP".split(), Language.CXX),
    **dict.fromkeys(("adb", "ads"), Language.ADA),
    **dict.fromkeys(("pas", "pp", "lpr"), Language.PASCAL),
    "d": Language.D,
}
_TIMERS = ("timerfd_create", "timer_create")  # GHC's run-time system switches threads by them
_FPC = re.compile(rb"FPC \d\.\d{1,9}\.\d{1,9}\S{0,64} \[")  # how Free Pascal signs the data of a program


def by_sections(look: Look) -> Found | None:
    """The language whose tools alone make a section."""
    if ".dep-v0" in look.sections:
        return Found(Language.RUST, "dep-v0", "holds the list of crates of `cargo auditable`", (".dep-v0",))
    for name, language in _SECTIONS.items():
        if name in look.sections:
            return Found(language, "sections", f"holds a section that only tools for {language} make", (name,))
    for start, end in () if look.sections else spans(look.image, writable=True):
        if _FPC.search(look.image.data, start, end):
            return Found(Language.PASCAL, "signature", "Free Pascal signed the data of the program")
    return None


def by_runtime(look: Look) -> Found | None:
    """The language whose run-time library the object needs, or is."""
    for beginning, language in _RUNTIMES:
        for soname in (*look.needed, look.soname):
            if soname.startswith(beginning) and not (language is Language.FORTRAN and _only_holds_fortran(look)):
                what = "is" if soname == look.soname else "needs"
                return Found(language, "runtime-library", f"{what} a run-time library of {language}", (soname,))
    return None


def needs_cxx(look: Look) -> bool:
    """Whether the object needs the library of C++, or is it."""
    return any(soname.startswith(CXX_RUNTIMES) for soname in (*look.needed, look.soname))


def _only_holds_fortran(look: Look) -> bool:
    """Whether an object that needs Fortran's library is one of C++ that calls it, or is linked with it for nothing."""
    called = any(name.startswith(_FORTRAN_CALLS) for name in look.imported)
    own = look.soname.startswith(("libgfortran", "libflang"))
    return not own and (not called or (needs_cxx(look) and "_gfortran_set_args" not in look.imported))


def by_names(look: Look) -> Found | None:
    """The language whose names the object's symbols bear, C++ aside."""
    strings = look.strings
    hinted = _BEGINNING.search(strings) is not None or b"_MOD_" in strings or (b"$" in strings and b"_$" in strings)
    for pattern, language in _NAMES if hinted else ():
        match = pattern.search(strings)
        if match:
            return _named(language, match, look.strings)
    called = next((name for name in sorted(look.imported) if name.startswith(_FORTRAN_CALLS)), None)
    if called and not _only_holds_fortran(look) and b"\0_gfortrani_" not in look.strings:
        return Found(Language.FORTRAN, "symbols", "calls the run-time library of fortran", (called,))
    if b"17h" in look.strings or b"\0_R" in look.strings:
        match = _RUST_NAME.search(look.strings)
        if match:
            return _named(Language.RUST, match, look.strings)
    return None


def by_cxx(look: Look) -> Found | None:
    """C++, by its library or by names."""
    for soname in (*look.needed, look.soname):
        if soname.startswith(CXX_RUNTIMES):
            return Found(Language.CXX, "runtime-library", "needs or is the library of C++", (soname,))
    match = _CXX_NAME.search(look.strings)
    return _named(Language.CXX, match, look.strings) if match else None


def _named(language: Language, match: re.Match[bytes], strings: bytes) -> Found:
    start = match.start() + 1
    name = escape(strings[start : start + 256].partition(b"\0")[0])
    return Found(language, "symbols", f"has symbols with names of {language}", (name,))


def by_traces(look: Look) -> Found | None:
    """The language whose run-time system lies inside, looked for only where something hints at one."""
    inside = look.is_static or bool(look.imported & _UNWINDERS)
    haskell = any(name.startswith("__gmpn_") or name in _TIMERS for name in look.imported)
    if not (inside or haskell):
        return None
    places = constants(look)
    for sign, language in _TRACES if inside else _TRACES[:1]:
        if holds(look.image, places, sign):
            name = sign.strip(b"\0").decode()
            return Found(language, "runtime-strings", f"holds strings of a run-time system of {language}", (name,))
    if not inside:
        return None
    rust = shows_rust(look)
    if rust:
        return rust
    if holds(look.image, places, b"OCAMLRUNPARAM\0") and _has_ocaml_data(look):
        return Found(Language.OCAML, "runtime-strings", "holds strings of OCaml's run-time system", ("Stdlib.Exit",))
    if not needs_cxx(look) and holds(look.image, places, _CXX_TRACE):
        return Found(Language.CXX, "runtime-strings", "holds type information of C++", (_CXX_TRACE.decode(),))
    return None


def _has_ocaml_data(look: Look) -> bool:
    writable = spans(look.image, writable=True)
    return any(holds(look.image, writable, name) for name in (b"Stdlib.Exit\0", b"Pervasives.Exit\0"))


def by_sources(look: Look) -> Found | None:
    """The language of a source file that a symbol names, C and assembler aside; only unstripped objects have such."""
    for name in source_files(look.image):
        language = _SOURCES.get(name.rpartition(".")[2])
        if language:
            return Found(language, "source-file", f"a symbol names a source file in {language}", (name,))
    return None


def bytecode(look: Look) -> Found | None:
    """OCaml's bytecode behind a run-time system in C: its mark ends the file (OCaml, runtime/caml/exec.h)."""
    mark = look.image.data[-12:]
    if mark.startswith(b"Caml1999X"):
        text = "OCaml's bytecode follows the run-time system, which is C"
        return Found(Language.OCAML, "bytecode", text, (escape(mark),))
    return None
