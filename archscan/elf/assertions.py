"""Whether the containers of GNU's C++ library check how they are used: `_GLIBCXX_ASSERTIONS` (libstdc++, "Macros").

What the headers make of it (bits/c++config.h): a failed check calls `std::__glibcxx_assert_fail` of the library since
GCC 12; before, an inline function with the message in the object itself. And std::string is then compiled anew in
every object, where it otherwise, before C++20, is taken from the library. So an import of one of its members shows a
unit without checks. So does a member of a container that would check, where the object has it as a function of its own
and calls no check. Where nothing could fail, nothing is left of a check.
"""

from __future__ import annotations

import re

from archscan.elf.constants import holds
from archscan.elf.language import Language
from archscan.elf.subject import FOREIGN, Judged, Subject, names, not_applicable, unlinked
from archscan.elf.symbol_names import spelled
from archscan.model import ElfKind, Reason, Verdict

_FAIL = "_ZSt21__glibcxx_assert_failPKciS0_S0_"
_MESSAGE = b"%s:%d: %s: Assertion '%s' failed.\n\0"
_INSIDE = (b"basic_string::", b"vector::_M_")  # what the library says where it throws: it was linked in
# Members of std::string and std::wstring; the older form of them is in the library whatever was asked for.
_STRING = re.compile(r"_ZNK?St7__cxx1112basic_stringI[cw]")
# What vectors, strings, deques and lists call where they grow, throw or link: of them most checks are. What all
# containers call to take memory (`std::__throw_bad_array_new_length`) is left to maps and sets, which check nothing.
_CONTAINERS = re.compile(
    r"_ZSt(?:20__throw_length_errorPKc|24__throw_out_of_range_fmtPKcz)|_ZNSt8__detail15_List_node_base"
)
# Members that check, in all of these: front(), back(), operator[]; further ones; operator* of pointers.
_MEMBERS = re.compile(
    rb"\0_ZNK?St(?:(?:6vector|5deque|7__cxx1112basic_string|17basic_string_view)I[^\0]{1,4000}E(?:5front|4back|ix)"
    rb"|(?:6vector|5deque|7__cxx1112basic_string)I[^\0]{1,4000}E8pop_back|5dequeI[^\0]{1,4000}E9pop_front"
    rb"|(?:10unique_ptr|19__shared_ptr_access)I[^\0]{1,4000}Ede)E[mv](?=\0)"
)


def glibcxx_assertions(subject: Subject) -> Judged:
    """The verdict on an object with code in C++ that uses GNU's library."""
    excused = _excused(subject)
    if excused:
        return excused
    imported = {row.symbol for row in subject.imports}
    plain = tuple(sorted(name for name in imported if _STRING.match(name)))
    counts = {"plain": len(plain)}
    if _FAIL in imported or holds(subject.image, _MESSAGE):
        if plain:
            text = "containers are checked, but the std::string of some units is not"
            return Verdict.PARTIAL, Reason("some-units-unchecked", text, counts, *names(plain))
        return Verdict.YES, Reason("checked-containers", "containers are checked where they are used", counts)
    if plain:
        text = "takes std::string from the library, as units do that check nothing"
        return Verdict.NO, Reason("unchecked-strings", text, counts, *names(plain))
    inside = _has_inside(subject)
    members = () if inside else tuple(sorted(spelled(subject.image, _MEMBERS) - imported))
    if members:
        text = "has members of containers as functions of its own that would check, and none does"
        return Verdict.NO, Reason("unchecked-members", text, {"members": len(members)}, *names(members))
    if inside or any(_CONTAINERS.match(name) for name in imported):
        text = "no check is left, and nothing shows whether any was asked for"
        return Verdict.UNKNOWN, Reason("nothing-left", text, counts)
    return not_applicable("no-containers", "uses nothing of the containers that most checks are of")


def _excused(subject: Subject) -> Judged | None:
    if subject.kind in FOREIGN or subject.kind == ElfKind.KERNEL_MODULE:
        return unlinked(subject.kind)
    if subject.path.rpartition("/")[2].startswith("libstdc++"):
        return not_applicable("the-library", "is the library of C++ itself")
    if _needs_library(subject):
        return None
    if subject.language != Language.CXX:
        return not_applicable("language", f"{subject.language} does not use the library of C++")
    if any(name.startswith(("libc++.so", "libc++abi.so")) for name in subject.needed):
        return not_applicable("other-library", "only GNU's library of C++ has these checks")
    return None


def _has_inside(subject: Subject) -> bool:
    """Whether the library was linked in, so that what is called of it cannot be seen."""
    linked = subject.kind != ElfKind.RELOCATABLE and not _needs_library(subject)
    return linked and any(holds(subject.image, text) for text in _INSIDE)


def _needs_library(subject: Subject) -> bool:
    return any(name.startswith("libstdc++.so") for name in subject.needed)
