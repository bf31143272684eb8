"""Whether the C library's checked functions are called: _FORTIFY_SOURCE (feature_test_macros(7)).

The names fall into two classes, measured with gcc 12 and glibc 2.36 at -O2. Of the *always* class the compiler takes
the checked name even when it knows no size, so one plain import proves a unit that was built without level 2. Of the
*sized* class (memcpy, read, strcpy, …) it drops the check where it knows no size: a plain import proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from archscan.elf.calls import Called, called, first_calls
from archscan.elf.code import place
from archscan.elf.fortify_level import computed_call, run_time_size, sized
from archscan.elf.image import contents, section
from archscan.elf.inspection import Inspection
from archscan.elf.language import Language, uses_c_headers
from archscan.elf.subject import FOREIGN, MOST_SITES, STATIC, Judged, Subject, not_applicable, unlinked
from archscan.model import ElfKind, Reason, Site, Verdict

# A plain call proves the absence of level 2: nothing folds it away, nothing leaves it plain.
_PROOF = frozenset(
    """
    asprintf dprintf fprintf fwprintf obstack_printf obstack_vprintf printf sprintf swprintf syslog vasprintf vdprintf
    vfprintf vfwprintf vprintf vsnprintf vsprintf vswprintf vsyslog vwprintf wprintf
    """.split()
)
# Of these, gcc leaves plain where the format has no directive, or is "%s", and the result is used. So a plain call
# proves something where the format, whose place among the arguments this is, is none that stands in the code.
_FOLDED = {"sprintf": 1, "vsprintf": 1, "vsnprintf": 2}
# In C++ clang has no form that passes further arguments on (glibc, bits/stdio2.h, `__va_arg_pack`).
_VARIADIC = frozenset(
    "asprintf dprintf fprintf fwprintf obstack_printf printf swprintf syslog vswprintf wprintf".split()
)
# Checked without a known size too, but a plain call has honest reasons: `snprintf(p, n, "%s", q)` stays as it is,
# open() with a mode needs no check, longjmp and explicit_bzero are checked at level 1 already.
_ALWAYS = frozenset("explicit_bzero longjmp mq_open open open64 openat openat64 snprintf".split())
_SIZED = frozenset(
    """
    confstr fgets fgets_unlocked fgetws fgetws_unlocked fread fread_unlocked getcwd getdomainname getgroups gethostname
    getlogin_r gets getwd mbsnrtowcs mbsrtowcs mbstowcs memcpy memmove mempcpy memset poll ppoll pread pread64 ptsname_r
    read readlink readlinkat realpath recv recvfrom stpcpy stpncpy strcat strcpy strlcat strlcpy strncat strncpy
    ttyname_r wcpcpy wcpncpy wcrtomb wcscat wcscpy wcslcat wcslcpy wcsncat wcsncpy wcsnrtombs wcsrtombs wcstombs wctomb
    wmemcpy wmemmove wmempcpy wmemset
    """.split()
)
_PLAIN = _PROOF | _ALWAYS | _SIZED
_FORMATS = _PROOF | {"snprintf"}
# FD_SET calls no plain function; ppoll with 64-bit time and the `_2` names follow no rule.
_CHECKED = (
    {f"__{name}_chk" for name in _PLAIN}
    | {f"__{name}_2" for name in ("open", "open64", "openat", "openat64", "mq_open")}
    | {f"__nldbl___{name}_chk" for name in _FORMATS}  # 64-bit long double: ppc64el, s390x, alpha
    | {f"__{name}_chkieee128" for name in _FORMATS}  # 128-bit long double: ppc64el
    | {"__fdelt_chk", "__ppoll64_chk"}
)
_CHECKED_FORMATS = {
    form for name in _FORMATS for form in (f"__{name}_chk", f"__nldbl___{name}_chk", f"__{name}_chkieee128")
}
_VARIANTS = {f"__nldbl_{name}": name for name in _FORMATS} | {f"__{name}ieee128": name for name in _FORMATS}


# Where Debian has static libraries for another C library, and that library itself.
_OTHER_LIBRARY = re.compile(r"/(?:diet|musl|klibc)/(?:[^/]+/)*[^/]+\.[ao]\b")


class FortifyCalls(msgspec.Struct, frozen=True):
    """Names of the C library that an object imports, sorted: checked ones, and plain ones by what they prove."""

    checked: tuple[str, ...]
    proof: tuple[str, ...]
    plain: tuple[str, ...]


def fortify_calls(imported: Iterable[str]) -> FortifyCalls:
    """The fortifiable functions among imported names; needs no libc of the machine at hand."""
    wanted = set(imported)
    plain = {name for name in wanted if _VARIANTS.get(name, name) in _PLAIN}
    proof = {name for name in plain if _VARIANTS.get(name, name) in _PROOF}
    return FortifyCalls(tuple(sorted(wanted & _CHECKED)), tuple(sorted(proof)), tuple(sorted(plain - proof)))


def fortified(subject: Subject, found: Inspection | None) -> tuple[Judged, int, int]:
    """The verdict, the number of checked functions that are imported, and of all that have a checked form.

    ``found`` is what the machine code shows: which of the functions are called, and with which sizes.
    """
    if subject.kind in FOREIGN or subject.kind == ElfKind.KERNEL_MODULE:
        return unlinked(subject.kind), 0, 0
    imported = fortify_calls(row.symbol for row in subject.imports)
    checked = len(imported.checked)
    total = checked + len(imported.proof) + len(imported.plain)
    if not uses_c_headers(subject.language, c_part=subject.c_part):
        text = f"{subject.language} does not call the C library through its headers"
        return not_applicable("language", text), checked, total
    if has_other_libc(subject):
        return not_applicable("other-libc", "only glibc has checked functions"), checked, total
    if subject.kind in STATIC:
        return (Verdict.UNKNOWN, Reason("not-measured", "a static object imports nothing")), 0, 0
    proving = _proving(subject, found, imported.proof)
    functions = _functions(subject, found, (*proving, *sized(imported.checked)))
    sites = _sites(found, proving, functions)
    proof = tuple(name for name in imported.proof if name in sites)
    judged = FortifyCalls(imported.checked, proof, tuple(sorted({*imported.plain, *imported.proof} - {*proof})))
    return _with_level(_verdict(judged, sites), found, functions), checked, total


def _proving(subject: Subject, found: Inspection | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the functions of which a plain call proves something, whatever its arguments are."""
    excused = _VARIADIC if _may_be_of_clang(subject, found) else frozenset()
    return tuple(name for name in names if _VARIANTS.get(name, name) not in excused)


def _may_be_of_clang(subject: Subject, found: Inspection | None) -> bool:
    """Whether there may be units in C++ that clang compiled: nothing shows gcc's hand."""
    runtime = any(name.startswith(("libstdc++.so", "libc++.so", "libc++abi.so")) for name in subject.needed)
    if subject.language in (Language.C, Language.UNKNOWN) and not runtime:
        return False
    signed = section(subject.image, ".comment")
    text = contents(subject.image, signed) if signed else b""
    if b"clang" in text or any(name.startswith("libc++") for name in subject.needed):
        return True
    by_gcc = b"GCC: " in text or (found is not None and found.idioms.of_gcc(found.text, found.canaries).any())
    return not by_gcc


def _functions(subject: Subject, found: Inspection | None, wanted: tuple[str, ...]) -> dict[str, Called] | None:
    """What the code shows of imported functions; None where calls cannot be told."""
    if found is None or not wanted:
        return None
    return called(subject.image, found.text, found.idioms, wanted, subject.machine.jump_slot)


def _sites(found: Inspection | None, names: tuple[str, ...], functions: dict[str, Called] | None) -> dict[str, Site]:
    """Of imported functions those whose calls prove something, with the first such call; where none can be told, all.

    A function whose address alone is taken (a callback that is `fprintf`) proves nothing: it has no checked form then.
    """
    folded = [name for name in names if _VARIANTS.get(name, name) in _FOLDED]
    if found is None or functions is None:
        return {name: Site(name=name) for name in names if name not in folded}
    plain = {name: functions[name] for name in names if name in functions and name not in folded}
    known = first_calls(found.text, found.idioms, plain)
    for name in folded:
        argument = _FOLDED[_VARIANTS.get(name, name)]
        offset = computed_call(found, functions[name].calls, argument) if name in functions else None
        known |= {name: offset} if offset is not None else {}
    return {
        name: Site(address=None if offset is None else place(found.text, offset), name=name)
        for name, offset in known.items()
    }


def _with_level(judged: Judged, found: Inspection | None, functions: dict[str, Called] | None) -> Judged:
    """The verdict with ``level`` 3 in its counts and the place that proves it, where the machine code does."""
    verdict, reason = judged
    if verdict not in (Verdict.YES, Verdict.PARTIAL) or reason is None or found is None or functions is None:
        return judged
    proof = run_time_size(found, functions)
    if proof is None:
        return judged
    text = f"{reason.text}; a size that the program computes shows level 3"
    counts = {**reason.counts, "level": 3}
    sites, cut = (proof, *reason.sites), len(reason.sites) >= MOST_SITES
    return verdict, Reason(reason.code, text, counts, sites[:MOST_SITES], reason.truncated or cut)


def has_other_libc(subject: Subject) -> bool:
    """Whether the object runs on a C library that is not glibc: musl (whose soname is `libc.so`), klibc, dietlibc."""
    interpreter = subject.interpreter or ""
    return (
        is_klibc(subject)
        or (subject.kind == ElfKind.RELOCATABLE and _OTHER_LIBRARY.search(subject.path) is not None)
        or any(name in interpreter for name in ("ld-musl", "dietlibc", "ld-uClibc", "/system/bin/linker"))
        or any(name == "libc.so" or name.startswith(("libc.musl-", "libc.so.0")) for name in subject.needed)
    )


def is_klibc(subject: Subject) -> bool:
    """Whether the object is a program of klibc or klibc itself, at fixed addresses by design (usr/klibc/README)."""
    name = subject.path.rpartition("/")[2]
    return (
        "/klibc-" in (subject.interpreter or "")
        or "lib/klibc/bin/" in subject.path
        or (name.startswith("klibc-") and name.endswith(".so"))
    )


def _verdict(calls: FortifyCalls, called: dict[str, Site]) -> Judged:
    sites = tuple(called[name] for name in calls.proof[:MOST_SITES])
    cut = len(calls.proof) > len(sites)
    counts = {"checked": len(calls.checked), "proof": len(calls.proof), "plain": len(calls.plain)}
    if calls.checked and calls.proof and not _CHECKED_FORMATS & set(calls.checked):
        text = "checks sizes that the compiler knows, but no formats: as at level 1"
        return Verdict.PARTIAL, Reason("level-1", text, {**counts, "level": 1}, sites, cut)
    if calls.checked and calls.proof:
        text = "some units call the C library unchecked where the compiler always checks"
        return Verdict.PARTIAL, Reason("unfortified-unit", text, counts, sites, cut)
    if calls.checked:
        text = "imports checked functions, and no unchecked one that a check would always replace"
        return Verdict.YES, Reason("checked", text, counts)
    if calls.proof:
        text = "calls the C library unchecked where the compiler always checks"
        return Verdict.NO, Reason("none-checked", text, counts, sites, cut)
    if calls.plain:
        text = "calls only functions that honestly stay unchecked: for want of a known size, or of a checked form"
        return Verdict.NOT_APPLICABLE, Reason("sized-only", text, counts)
    return not_applicable("nothing-to-fortify", "imports no function that could be checked")
