"""What compilers weave into code: sanitizers, Clang's control flow integrity, its second stack.

Told by the names of their run-time libraries, imported or linked in, and by sections and texts that stripping leaves.
What calls no library leaves no name; of Control Flow Integrity the trap shows, which no other code holds.
"""

from __future__ import annotations

import re

from archscan.elf.arrays import NONE
from archscan.elf.constants import holds
from archscan.elf.image import section
from archscan.elf.inspection import Inspection, site
from archscan.elf.subject import FOREIGN, MOST_SITES, Judged, Subject, names, not_applicable, unlinked
from archscan.elf.symbol_names import spelled
from archscan.model import ElfKind, Reason, Verdict

# Only names that an instrumented unit cannot do without: allocators import others weakly, to tell a sanitizer what they
# do if one is there.
_IMPORTS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"__asan_(?:init|report_|load|store|version_mismatch_check)", "address"),
        (r"__hwasan_(?:init|check|load|store|tag_mismatch)", "hwaddress"),
        (r"__tsan_(?:init|func_entry)", "thread"),
        (r"__msan_(?:init|warning)", "memory"),
        (r"__lsan_init", "leak"),
        (r"__ubsan_handle_\w*_minimal", "undefined-minimal"),
        (r"__ubsan_handle_(?!cfi_)", "undefined"),  # clang's run-time libraries import that
        (r"__sanitizer_cov_(?:trace_|\w+_init)", "coverage"),
    )
)
_LIBRARIES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"libasan\.so|libclang_rt\.asan", "address"),
        (r"libhwasan\.so|libclang_rt\.hwasan", "hwaddress"),
        (r"libtsan\.so|libclang_rt\.tsan", "thread"),
        (r"libclang_rt\.msan", "memory"),
        (r"liblsan\.so|libclang_rt\.lsan", "leak"),
        (r"libclang_rt\.ubsan_minimal", "undefined-minimal"),
        (r"libubsan\.so|libclang_rt\.ubsan", "undefined"),
    )
)
# A run-time library that was linked in: clang does so by default, and exports its names. With an allocator of its own
# (Scudo) and for coverage it brings the library of undefined behaviour along, whether that is asked for or not.
_INSIDE = re.compile(
    rb"\0__(?:(?:asan|hwasan|tsan|msan|lsan)_init|ubsan_handle_(?:add|type)\w{0,64}|scudo_\w{1,64})(?=\0)"
)
_SCUDO = "__scudo_"
_COVERAGE_SECTION = "__sancov_"
# What is left of one that was linked in and stripped of its names: the texts of its options, which all have, and the
# variable of the environment that it reads. The first counts: the others read those of the last two, too.
_OPTIONS = (b"\0strip_path_prefix\0", b"\0external_symbolizer_path\0")
_VARIABLES = (
    (b"\0ASAN_OPTIONS\0", "address"),
    (b"\0HWASAN_OPTIONS\0", "hwaddress"),
    (b"\0TSAN_OPTIONS\0", "thread"),
    (b"\0MSAN_OPTIONS\0", "memory"),
    (b"\0LSAN_OPTIONS\0", "leak"),
    (b"\0UBSAN_OPTIONS\0", "undefined"),
)
_MINIMAL = b"ubsan: too many errors\n\0"  # has no options
_RUNTIME = re.compile(r"(?:^|/)lib(?:(?:hw)?asan|tsan|lsan|ubsan|clang_rt\.[\w-]+|rustc-\w+_rt\.\w+)[._-]")
_PROGRAMS = frozenset({ElfKind.EXECUTABLE, ElfKind.PIE, ElfKind.STATIC_EXECUTABLE, ElfKind.STATIC_PIE})
_CFI = re.compile(rb"\0__cfi_(?:check|slowpath(?:_diag)?)(?=\0)")
_SAFE_STACK = re.compile(rb"\0__safestack_(?:init|unsafe_stack_ptr|pthread_init|pointer_address)(?=\0)")


def sanitizers(subject: Subject) -> tuple[str | None, Reason | None]:
    """The names of the sanitizers that an object was built with, sorted, with blanks between; None without any."""
    if subject.kind in FOREIGN or _RUNTIME.search(subject.path):
        return None, None
    hooks = (row.symbol for row in subject.imports if row.symbol.startswith("__"))
    seen = {hook: name for hook in hooks if (name := _named(hook, _IMPORTS))}
    seen |= {soname: name for soname in subject.needed if (name := _named(soname, _LIBRARIES))}
    seen |= {one.name: "coverage" for one in subject.image.sections if one.name.startswith(_COVERAGE_SECTION)}
    if set(seen.values()) - {"coverage"}:
        text = "calls, or needs, the run-time library of a sanitizer"
        return _joined(seen), Reason("sanitizer-hooks", text, {}, *names(tuple(sorted(seen))))
    inside = _linked_in(subject, covered=bool(seen)) if subject.kind in _PROGRAMS else {}
    if inside:
        text = "the run-time library of a sanitizer was linked in"
        return _joined(seen | inside), Reason("sanitizer-inside", text, {}, *names(tuple(sorted(seen | inside))))
    if seen:
        text = "says which of its parts ran, as fuzzers ask for"
        return _joined(seen), Reason("sanitizer-hooks", text, {}, *names(tuple(sorted(seen))))
    return None, None


def _joined(seen: dict[str, str]) -> str:
    return " ".join(sorted(set(seen.values())))


def _linked_in(subject: Subject, *, covered: bool) -> dict[str, str]:
    # What is imported was looked at before: these names, if they are there, are defined.
    found = spelled(subject.image, _INSIDE)
    seen = {name: of for name in found if (of := _named(name, _IMPORTS))}
    # The other libraries hold that of undefined behaviour, whether it is used or not.
    others = {name: of for name, of in seen.items() if of != "undefined"}
    if others or covered or any(name.startswith(_SCUDO) for name in found):
        return others
    return seen or _by_texts(subject)


def _by_texts(subject: Subject) -> dict[str, str]:
    """The library that left its texts and no names, as GCC's `-static-libasan` in a stripped program."""
    if holds(subject.image, _MINIMAL):
        return {_MINIMAL.strip(b"\n\0").decode(): "undefined-minimal"}
    if not all(holds(subject.image, text) for text in _OPTIONS):
        return {}
    found = next(((text, name) for text, name in _VARIABLES if holds(subject.image, text)), None)
    return {found[0].strip(b"\0").decode(): found[1]} if found else {}


def _named(text: str, patterns: tuple[tuple[re.Pattern[str], str], ...]) -> str | None:
    return next((name for pattern, name in patterns if pattern.match(text)), None)


def clang_cfi(subject: Subject, found: Inspection | None) -> Judged:
    """Whether indirect calls are checked (Clang, "Control Flow Integrity").

    Across objects that leaves names. The kernel's form (`-fsanitize=kcfi`) lists its traps in a section. Within one
    object only the trap shows, where the code is known.
    """
    across = Reason("cross-dso", "indirect calls are checked, across objects too")
    absent = "nothing shows checks of calls across objects or traps of checks within one"
    verdict, reason = _spelled_out(subject, _CFI, across, absent)
    if verdict == Verdict.YES or (reason and reason.code != "not-asked-for"):
        return verdict, reason
    listed = section(subject.image, ".kcfi_traps")
    if listed is not None and listed.size:
        text = "indirect calls are checked against the type of the function, as in the kernel"
        return Verdict.YES, Reason("kernel-cfi", text, {"traps": listed.size // 4})
    traps = found.idioms.wrong_type(found.text) if found is not None else NONE
    if found is not None and traps.size:
        sites = tuple(site(found, int(at)) for at in traps[:MOST_SITES])
        text = "indirect calls are checked: the trap of a wrong type stands in the code"
        return Verdict.YES, Reason("type-traps", text, {"traps": traps.size}, sites, traps.size > MOST_SITES)
    return verdict, reason


def safe_stack(subject: Subject) -> Judged:
    """Whether return addresses lie on a stack of their own (Clang, "SafeStack")."""
    found = Reason("second-stack", "what others may be given the address of lies on a second stack")
    return _spelled_out(subject, _SAFE_STACK, found, "no name of the library that a second stack needs")


def _spelled_out(subject: Subject, wanted: re.Pattern[bytes], found: Reason, absent: str) -> Judged:
    """`yes`, for a reason, where the object has names that only clang's library for a feature has; else `n/a`."""
    if subject.kind in FOREIGN:
        return unlinked(subject.kind)
    if _RUNTIME.search(subject.path):
        return not_applicable("the-library", "is a part of clang's library for this")
    seen = spelled(subject.image, wanted)
    if seen:
        return Verdict.YES, Reason(found.code, found.text, {}, *names(tuple(sorted(seen))))
    return not_applicable("not-asked-for", absent)
