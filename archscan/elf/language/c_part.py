"""Whether an object of another language holds code in C (or C++) as well, on which it is then judged.

What another language's compiler never writes shows it: checked functions of the C library, its streams, the stack
guard, source files in C. Where a run-time system in C lies inside, nothing more is asked.
"""

from __future__ import annotations

import re

from archscan.elf.image import ET_REL
from archscan.elf.language.go import SECTIONS as GO_SECTIONS
from archscan.elf.language.go import cgo
from archscan.elf.language.look import Found, Language, Look, constants, holds, source_files
from archscan.elf.language.signs import needs_cxx

_CHECKED = re.compile(r"__(?:\w+_chk(?:ieee128)?|(?:open|openat)(?:64)?_2|mq_open_2)$")
_GUARDS = frozenset({"__stack_chk_fail", "__stack_chk_fail_local", "__stack_chk_guard"})
_STREAMS = (b"\0stderr\0", b"\0stdout\0")  # copied from libc, so no undefined symbols
_PRINTING = frozenset({"fprintf", "printf", "sprintf", "vfprintf", "vsnprintf", "vsprintf"})
_C_FILE = re.compile(r"\.(?:c|cc|cpp|cxx|C)$")
# What the start files and the compiler's own library name in every linked object.
_START_FILES = frozenset("crtstuff.c init.c abi-note.c init-first.c static-reloc.c elf-init.c".split())
# Languages whose code gcc may give guards and whose libraries use C's streams through bindings.
_LIKE_C = frozenset({Language.ADA, Language.D, Language.FORTRAN})
_WITH_STREAMS = _LIKE_C | {Language.PASCAL}


def c_part(look: Look, found: Found) -> tuple[str, ...]:
    """Names that show C in an object of another language, the first is enough; empty without any."""
    if found.language is Language.GO and _is_of_go_itself(look, found):
        return cgo(look)
    return _inside(look, found) or _shown(look, found.language)


def _is_of_go_itself(look: Look, found: Found) -> bool:
    """Whether Go's own compiler made the object, not gccgo."""
    return found.code.startswith("go-") or any(name in look.sections for name in GO_SECTIONS)


def _inside(look: Look, found: Found) -> tuple[str, ...]:
    """The run-time system in C that lies in the object itself."""
    match found.language:
        case Language.OCAML if found.code in ("bytecode", "runtime-strings"):
            return ("OCAMLRUNPARAM",)
        case Language.OCAML if b"\0caml_main\0" in look.strings or b"\0caml_startup_common\0" in look.strings:
            return ("caml_main",)
        case Language.HASKELL if look.soname.startswith("libHSrts"):
            return (look.soname,)
        case Language.HASKELL if b"\0hs_main\0" in look.strings and "hs_main" not in look.imported:
            return ("hs_main",)
        case Language.GO if look.soname.startswith("libgo.so"):
            return (look.soname,)
        case Language.GO if holds(look.image, constants(look), b"GOTRACEBACK\0"):
            return ("GOTRACEBACK",)
        case Language.HASKELL | Language.ADA | Language.FORTRAN if found.code == "runtime-strings":
            return found.names
        case Language.ADA | Language.FORTRAN:
            return _own(look, "__gnat_" if found.language is Language.ADA else "_gfortran_")
    return ()


def _own(look: Look, beginning: str) -> tuple[str, ...]:
    """The beginning of names, where a linked object has and does not import such: its run-time library lies inside."""
    has = look.image.type != ET_REL and b"\0" + beginning.encode() in look.strings
    return (beginning,) if has and not any(name.startswith(beginning) for name in look.imported) else ()


def _shown(look: Look, language: Language) -> tuple[str, ...]:
    """What is imported or named that the language alone would not."""
    for name in sorted(look.imported):
        if name in _GUARDS:
            if language not in _LIKE_C:
                return (name,)
        elif _CHECKED.match(name) or (name in _PRINTING and language not in _WITH_STREAMS):
            return (name,)
    if needs_cxx(look):
        return tuple(name for name in look.needed if name.startswith(("libstdc++", "libc++")))
    if language not in _WITH_STREAMS:
        for stream in _STREAMS:
            if stream in look.strings:
                return (stream.strip(b"\0").decode(),)
    if look.is_static:
        return ()  # the C library's own files; whoever links it is not asked for them
    names = (name for name in source_files(look.image) if _C_FILE.search(name) and name not in _START_FILES)
    first = next(names, None)
    return () if first is None else (first,)
