"""Whether an object was compiled with _FORTIFY_SOURCE=3, told from what it passes to checked functions.

Below level 3 the size of the destination is a constant, or the compiler does not know it. A size that the program
computes is proof of level 3; that none is found proves nothing (gcc(1), `__builtin_dynamic_object_size`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from archscan.elf.arrays import Offsets
from archscan.elf.calls import Called
from archscan.elf.code import address_of
from archscan.elf.flow import computed
from archscan.elf.functions import owners
from archscan.elf.inspection import Inspection, instructions, site
from archscan.model import Site

# Which argument is the size of the destination, counted from 0 (glibc, debug/*_chk.c).
_SIZE_ARGUMENT = {
    f"__{name}_chk": position
    for position, names in {
        1: "fgets fgets_unlocked fgetws fgetws_unlocked fread fread_unlocked",
        2: "explicit_bzero getcwd gethostname getdomainname getlogin_r realpath sprintf stpcpy strcat strcpy vsprintf "
        "wcpcpy wcscat wcscpy",
        3: "confstr mbstowcs memcpy memmove mempcpy memset poll read readlink recv recvfrom snprintf stpncpy strlcat "
        "strlcpy strncat strncpy swprintf ttyname_r vsnprintf vswprintf wcpncpy wcsncat wcsncpy wcstombs wmemcpy "
        "wmemmove wmempcpy wmemset",
        4: "pread pread64 ppoll",
    }.items()
    for name in names.split()
}
_TRIED = 8  # calls of a function
_BYTES = 4 << 10  # of code that is decoded: a program of level 3 has such calls in many places


def sized(imported: Iterable[str]) -> Iterator[str]:
    """The checked functions among imported names that are told the size of a destination."""
    return (name for name in imported if name in _SIZE_ARGUMENT)


def run_time_size(found: Inspection, functions: Mapping[str, Called]) -> Site | None:
    """A call of a checked function with a size which the program computes: proof of level 3; None proves nothing."""
    if found.idioms.text is None or found.idioms.text.flow is None:
        return None
    left = _BYTES
    for offset, number, argument in _doubtful(found, functions):
        reach = offset - int(found.view.starts[number])
        left -= reach
        if left < 0:
            return None
        lines = instructions(found, number, reach)
        if computed(lines, found.idioms.text, address_of(found.text, offset), argument):
            return site(found, offset)
    return None


def computed_call(found: Inspection, calls: Offsets, argument: int) -> int | None:
    """The offset of the first of some calls that is given an argument which the program computes."""
    text = found.idioms.text
    if text is None or text.flow is None:
        return None
    tried = calls[:_TRIED]
    for offset, number in zip(tried.tolist(), owners(found.view, tried).tolist(), strict=True):
        reach = offset - int(found.view.starts[number]) if number >= 0 else _BYTES
        if reach < _BYTES and computed(
            instructions(found, number, reach), text, address_of(found.text, offset), argument
        ):
            return int(offset)
    return None


def _doubtful(found: Inspection, functions: Mapping[str, Called]) -> Iterable[tuple[int, int, int]]:
    """Calls that no constant is put together for: offset, number of the function, argument; near its start first."""
    rows = []
    for name in sized(functions):
        argument, every = _SIZE_ARGUMENT[name], functions[name].calls
        if not every.size:
            continue
        offsets = every[~found.idioms.constant_argument(found.text, every, argument)]
        numbers = owners(found.view, offsets)
        known = numbers >= 0
        reach = offsets[known] - found.view.starts[numbers[known]]
        rows += [
            (*row, argument)
            for row in zip(reach.tolist(), offsets[known].tolist(), numbers[known].tolist(), strict=True)
        ]
    return ((offset, number, argument) for _, offset, number, argument in sorted(rows))
