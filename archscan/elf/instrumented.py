"""What compilers weave into code: sanitizers, Clang's control flow integrity, its second stack.

Told by the names of their run-time libraries, imported or linked in. What calls no library leaves no name.
"""

from __future__ import annotations

import re

from archscan.elf.subject import FOREIGN, Judged, Subject, names, not_applicable, unlinked
from archscan.elf.symbol_names import spelled
from archscan.model import ElfKind, Reason, Verdict

# Only names that an instrumented unit cannot do without: allocators import others weakly, to tell a sanitizer what they
# do if one is there.
_IMPORTS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"__asan_(?:init|report_|version_mismatch_check)", "address"),
        (r"__hwasan_(?:init|check|loadN|storeN|tag_mismatch)", "hwaddress"),
        (r"__tsan_(?:init|func_entry)", "thread"),
        (r"__msan_(?:init|warning)", "memory"),
        (r"__lsan_init", "leak"),
        (r"__ubsan_handle_\w*_minimal", "undefined-minimal"),
        (r"__ubsan_handle_(?!cfi_)", "undefined"),  # clang's run-time libraries import that
        (r"__sanitizer_cov_trace_", "coverage"),
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
# A run-time library that was linked in: clang does so by default, and exports its names.
_INSIDE = re.compile(rb"\0__(?:(?:asan|hwasan|tsan|msan|lsan)_init|ubsan_handle_(?:add|type)\w{0,64})(?=\0)")
_RUNTIME = re.compile(r"(?:^|/)lib(?:(?:hw)?asan|tsan|lsan|ubsan|clang_rt\.[\w-]+)[._-]")
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
    if seen:
        text = "calls, or needs, the run-time library of a sanitizer"
        return _joined(seen), Reason("sanitizer-hooks", text, {}, *names(tuple(sorted(seen))))
    seen = _linked_in(subject) if subject.kind in _PROGRAMS else {}
    if seen:
        text = "the run-time library of a sanitizer was linked in"
        return _joined(seen), Reason("sanitizer-inside", text, {}, *names(tuple(sorted(seen))))
    return None, None


def _joined(seen: dict[str, str]) -> str:
    return " ".join(sorted(set(seen.values())))


def _linked_in(subject: Subject) -> dict[str, str]:
    # What is imported was looked at before: these names, if they are there, are defined.
    seen = {name: of for name in spelled(subject.image, _INSIDE) if (of := _named(name, _IMPORTS))}
    # The other libraries hold that of undefined behaviour, whether it is used or not.
    return {name: of for name, of in seen.items() if of != "undefined"} or seen


def _named(text: str, patterns: tuple[tuple[re.Pattern[str], str], ...]) -> str | None:
    return next((name for pattern, name in patterns if pattern.match(text)), None)


def clang_cfi(subject: Subject) -> Judged:
    """Whether calls are checked across objects (Clang, "Control Flow Integrity"): only that leaves names."""
    found = Reason("cross-dso", "indirect calls are checked, across objects too")
    return _spelled_out(
        subject, _CFI, found, "nothing shows checks of calls across objects, and checks within one leave no trace"
    )


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
