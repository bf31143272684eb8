"""Whether functions guard their return address with a canary (gcc(1), `-fstack-protector-strong`).

An import of `__stack_chk_fail` alone errs both ways: it is absent where nothing needs a canary or the C library is
linked in, and one protected unit is enough for it. So the code is asked: which functions load the guard, and which
show their stack to others without doing so.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from archscan.elf.arch.idioms import Text
from archscan.elf.arrays import NONE, Offsets, np
from archscan.elf.by_hand import is_by_hand
from archscan.elf.c_functions import c_functions
from archscan.elf.code import entry
from archscan.elf.exposure import Shown, exposed
from archscan.elf.frame import SMALL
from archscan.elf.functions import defines, owners
from archscan.elf.image import Image
from archscan.elf.inspection import (
    DECODED,
    Inspection,
    by_prologues,
    has_functions,
    holding,
    instructions,
    is_covered,
    only,
    site,
)
from archscan.elf.language import Language, has_stack_arrays
from archscan.elf.language.go import SECTIONS as GO_SECTIONS
from archscan.elf.results import without_results
from archscan.elf.startup import own_functions
from archscan.elf.subject import STATIC, Judged, Subject
from archscan.model import ElfKind, Reason, Verdict

LARGE = 128  # bytes of stack from which on a function most likely holds an array
_LONGEST = 1024  # bytes of a function that are decoded to tell
_UNTIL_RETURN = 1 << 15  # bytes in which a function that shows its stack is searched for a return
_CALL = 96  # bytes behind the address of a local variable in which it is passed on
_BYTES = 8 << 10  # of all functions of an object in which none is guarded
_SAMPLE = 128 << 10  # of one in which some are
_SMALL_SAMPLE = 4 << 10  # of such where it was not measured how often our eyes deceive us (`Text.mistaken`)
# As Debian 12's tini, whose build puts it behind `-fstack-protector-strong`; the code cannot tell.
_WEAKER = "or with -fstack-protector alone, which guards arrays of characters only"
# Go's own, of runtime/cgo, ask for that (its cgo.go, `#cgo CFLAGS`).
_OF_CGO = "which functions of runtime/cgo, a part of every program in Go and C, always are"
_MOST_SPENT = 4 << 20  # bytes that are decoded for one object, the same ones counted as often as that is done
_ENOUGH = 8  # of them that are exposed
_SKIPPED = 64  # of them in assembler
_SEVERAL = (3, 6)  # that an object with many guarded functions must have: a few may be assembler code, or run early
_MANY = 200  # guarded functions for each of these
_PLAIN = 32  # bytes of what is shown from which on it is hardly a parameter, or a number and its neighbour
_EXEMPT = 100  # of so many guarded functions one may honestly do without: resolvers, casts the compiler saw through


# Languages whose compilers put no variable on the stack that C uses: what hands out addresses of it is C. Of Go, the
# functions are those of C alone (see below).
_QUIET = frozenset({Language.GO, Language.OCAML, Language.HASKELL})
# Of these it was measured how seldom a function is taken for exposed by mistake.
_MEASURED = frozenset({Language.C, Language.CXX}) | _QUIET


class _Doubt(msgspec.Struct, frozen=True, eq=False):
    """Functions without a canary that hand out addresses of their stack."""

    numbers: Sequence[int]
    share: float  # of those that might, how many were decoded
    assembler: int = 0  # further ones, which no compiler wrote
    plain: int = 0  # of all, those that show more than a number
    exhausted: bool = False  # as much was decoded as may be, and more is left


def stack_protector(subject: Subject, found: Inspection) -> Judged:
    """The verdict on the functions of an object that are written in a language with arrays on the stack."""
    if _lacks_guard(subject, found):
        found = msgspec.structs.replace(found, canaries=NONE, guarded=np.zeros_like(found.guarded))
    covered = is_told(found, subject.language)
    told = covered or not (found.idioms.unwound or subject.language == Language.GO or not subject.needed)
    if told and not covered:
        found = by_prologues(found, subject.image)
    guarded = int(found.guarded.sum())
    large = found.room >= LARGE
    counts = {
        "functions": int(found.view.starts.size),
        "guarded": guarded,
        "large_frames": int(large.sum()),
        "large_frames_guarded": int((large & found.guarded).sum()),
    }
    if not has_stack_arrays(subject.language) and not (subject.language in _QUIET and not _is_gccgos(subject)):
        return _mixed(subject, found, counts)
    if not found.view.starts.size and not has_functions(found):
        return Verdict.NOT_APPLICABLE, Reason("no-code", "no more code than start files have", counts)
    if subject.kind == ElfKind.LOADER and not guarded:
        return Verdict.NOT_APPLICABLE, Reason("loader", "the loader makes the guard, so it runs without", counts)
    if not told:
        return _uncovered(counts)
    if subject.kind in STATIC and (guarded or subject.language not in _QUIET):
        return _static(subject, found, counts)
    doubt = _doubt(found, subject.image)
    counts["exposed"] = len(doubt.numbers)
    if doubt.assembler:
        counts["assembler"] = doubt.assembler
    if not guarded:
        return _unguarded(found, doubt, counts, covered=covered)
    plain = _is_plain(subject, found, doubt, guarded) and not _is_c_library(found)
    if plain or _is_much(doubt, guarded):
        why = _OF_CGO if subject.language == Language.GO else _WEAKER
        text = f"functions without a canary hand out addresses of their stack: some units are built without, {why}"
        return Verdict.PARTIAL, _reason("some-units-without", text, counts, found, doubt)
    if doubt.exhausted:
        return _exhausted(counts)
    return Verdict.YES, Reason("canaries", "the functions that need one load the guard", counts)


def is_told(found: Inspection, language: str) -> bool:
    """Whether the tables list the functions of an object, or those of its part in C where it is in Go."""
    # Of Go, they list what is in C, all of it and nothing else: the Go compiler writes none.
    return is_covered(found) or (language == Language.GO and found.view.starts.size > 0)


def _is_gccgos(subject: Subject) -> bool:
    """Whether gcc compiled an object in Go: then its functions look like those of C."""
    sections = subject.image.sections
    return subject.language == Language.GO and bool(sections) and not any(part.name in GO_SECTIONS for part in sections)


def _is_much(doubt: _Doubt, guarded: int) -> bool:
    """Whether more functions are exposed than there are honest reasons for, beside so many that are guarded."""
    few = guarded >= _EXEMPT and len(doubt.numbers) < min(max(_SEVERAL[0], guarded // _MANY), _SEVERAL[1])
    return len(doubt.numbers) * _EXEMPT > guarded * doubt.share and not few


def _is_plain(subject: Subject, found: Inspection, doubt: _Doubt, guarded: int) -> bool:
    """Whether more functions show arrays or structures than are taken for such by mistake, beside so many guarded."""
    text = found.idioms.text
    if not text or subject.language not in _MEASURED:
        return False
    return doubt.plain * text.mistaken > guarded * doubt.share


def _is_c_library(found: Inspection) -> bool:
    """Whether the object defines what is called when a canary was overwritten: some of it runs before there is any."""
    return defines(found.view, b"__stack_chk_fail")


def _uncovered(counts: dict[str, int]) -> Judged:
    return Verdict.UNKNOWN, Reason("no-functions", "no table says where functions, or most of them, begin", counts)


def _exhausted(counts: dict[str, int]) -> Judged:
    return Verdict.UNKNOWN, Reason("too-much-code", "more code is in doubt than is looked at", counts)


def _lacks_guard(subject: Subject, found: Inspection) -> bool:
    """Whether the object cannot load the guard: it is linked dynamically and does not import the variable."""
    if not found.idioms.guard or not subject.needed or subject.kind in (*STATIC, ElfKind.LOADER):
        return False
    return all(row.symbol != found.idioms.guard for row in subject.imports)


def _doubt(found: Inspection, image: Image) -> _Doubt:
    """Looks for exposed functions, the largest frames first, until it is plain what they mean."""
    text, guarded = found.idioms.text, int(found.guarded.sum())
    if text is None:
        return _Doubt((), 1.0)
    candidates, reach = _candidates(found, entry(found.text, image))
    # A sample of all sizes of frames, where all would be too many.
    most = _SAMPLE if text.mistaken else _SMALL_SAMPLE
    every = -(-int(reach.sum()) // most) or 1 if guarded else 1
    left, spent, looked, assembler, plain = _BYTES, 0, 0, 0, 0
    numbers: list[int] = []
    exhausted = False
    for number, size in zip(candidates[::every].tolist(), reach[::every].tolist(), strict=True):
        exhausted = spent > _MOST_SPENT
        if exhausted or (not guarded and left <= 0):
            break
        left, looked = left - size, looked + 1
        shown, decoded = _exposed(found, text, number, size)
        spent += decoded
        if shown is None:
            continue
        spent += DECODED
        if is_by_hand(image, found, number):
            assembler += 1
            left += size if assembler <= _SKIPPED else 0  # it says nothing of what comes behind it
            continue
        numbers.append(number)
        plain += shown.extent > _PLAIN
        if len(numbers) >= _ENOUGH and max(len(numbers) * _EXEMPT, plain * text.mistaken) > guarded:
            break
    return _Doubt(numbers, looked / max(candidates.size, 1), assembler, plain, exhausted)


def _exposed(found: Inspection, text: Text, number: int, size: int) -> tuple[Shown | None, int]:
    """Where a function shows its stack, by its first bytes; then by more of them, for it may never return.

    Also how many bytes were decoded.
    """
    room, length = int(found.room[number]) + text.reserved, int(found.view.ends[number] - found.view.starts[number])
    beside = bool(found.guarded.any())
    shown = exposed(instructions(found, number, size), text, room, whole=size >= length, beside=beside)
    if shown is None or (size >= length and text.pops_result is None):
        return shown, size
    lines = without_results(found, text, instructions(found, number, _UNTIL_RETURN))
    shown = exposed(lines, text, room, whole=length <= _UNTIL_RETURN, beside=beside)
    return shown, size + min(length, _UNTIL_RETURN)


def _candidates(found: Inspection, begin: int) -> tuple[Offsets, Offsets]:
    """Functions without a canary that may hand out addresses of their stack, the likely and the largest frames first.

    Their numbers, and how many bytes of each there are to look at: to the call behind the last address that it takes.
    """
    starts, room = found.view.starts, found.room
    taken = found.idioms.addresses(found.text)
    owner = owners(found.view, taken)
    last = np.zeros(starts.shape, np.int64)
    np.maximum.at(last, owner[owner >= 0], taken[owner >= 0])
    grows = holding(found.view, found.frames.grows)
    likely = (last > 0) & (room > SMALL) | (room >= LARGE) | grows
    # Where nothing is guarded all are looked at: an array in the red zone needs no frame, an index no address.
    wanted = likely & ~found.guarded if found.guarded.any() else np.ones(starts.shape, np.bool_)
    # What the kernel enters passes on the arguments that lie on the stack.
    wanted &= starts != begin
    sizes = np.minimum(found.view.ends - starts, _LONGEST)
    reach = np.where((last > 0) & (room < LARGE) & ~grows, np.minimum(sizes, last - starts + _CALL), sizes)
    numbers = np.flatnonzero(wanted)
    numbers = numbers[np.lexsort((-room[numbers], ~likely[numbers]))]
    return numbers, reach[numbers]


def _mixed(subject: Subject, found: Inspection, counts: dict[str, int]) -> Judged:
    """Of an object in another language: canaries are C's, and of the functions without one those that gcc wrote."""
    parts = None if _is_gccgos(subject) else c_functions(subject.image, found)
    if parts is not None:
        own = only(found, parts.surely)
        doubt, guarded = _doubt(own, subject.image), int(own.guarded.sum())
        counts["functions_in_c"], counts["exposed"] = int(own.view.starts.size), len(doubt.numbers)
        if doubt.numbers and not guarded:
            text = f"no function in C has a canary, though some show their stack to others: built without, {_WEAKER}"
            return Verdict.NO, _reason("no-canary", text, counts, own, doubt)
        if _is_plain(subject, own, doubt, guarded) or _is_much(doubt, guarded):
            text = (
                f"functions in C show their stack to others without a canary: some units are built without, {_WEAKER}"
            )
            return Verdict.PARTIAL, _reason("some-units-without", text, counts, own, doubt)
        beside = only(found, parts.maybe)
        doubt = _doubt(beside, subject.image)
        if len(doubt.numbers) > min(guarded, _ENOUGH - 1):
            text = "functions beside those in C show their stack to others without a canary; they may be C's, too"
            return Verdict.UNKNOWN, _reason("c-untold", text, counts, beside, doubt)
        if doubt.exhausted:
            return _exhausted(counts)
    if found.guarded.any():
        text = f"the part in C loads the guard; {subject.language} needs none"
        return Verdict.YES, Reason("canaries-in-c", text, counts)
    text = f"nothing loads the guard, and which functions are C's among those of {subject.language} cannot be told"
    return Verdict.UNKNOWN, Reason("c-untold", text, counts)


def _unguarded(found: Inspection, doubt: _Doubt, counts: dict[str, int], *, covered: bool) -> Judged:
    if found.idioms.text is None:
        return Verdict.UNKNOWN, Reason(
            "no-pattern", "how code for this variant of the processor looks is not known", counts
        )
    if doubt.numbers:
        text = f"no function has a canary, though some hand out addresses of their stack: built without, {_WEAKER}"
        return Verdict.NO, _reason("no-canary", text, counts, found, doubt)
    if doubt.exhausted:
        return _exhausted(counts)
    if doubt.assembler:
        text = "only code in assembler hands out addresses of its stack, and no flag of a compiler changes that"
        return Verdict.NOT_APPLICABLE, Reason("assembler", text, counts)
    if not covered:
        return _uncovered(counts)
    return Verdict.NOT_APPLICABLE, Reason("nothing-exposed", "no function needs a canary", counts)


def _static(subject: Subject, found: Inspection, counts: dict[str, int]) -> Judged:
    """The C library in a static object is protected by itself, or is not; what counts is the program's own code."""
    if found.idioms.unwound:
        found = by_prologues(found, subject.image)
    mine = own_functions(subject.image, found)
    own = only(found, mine.functions) if mine is not None else found
    doubt = _doubt(own, subject.image)
    counts["exposed"], guarded = len(doubt.numbers), int(own.guarded.sum())
    if doubt.numbers and mine is None:
        text = "some functions hand out addresses of their stack without a canary; they may be the C library's"
        return Verdict.UNKNOWN, _reason("own-code-untold", text, counts, own, doubt)
    # Where a function begins was guessed for what the tables leave out; it may have loaded the guard before.
    plain = bool((own.view.described >= 0).all()) and _is_plain(subject, own, doubt, guarded)
    if doubt.numbers and not found.guarded.any():
        return _unguarded(own, doubt, counts, covered=True)
    if doubt.numbers and (plain or _is_much(doubt, guarded)):
        text = "canaries are in the C library; the program's own functions hand out addresses of their stack without"
        return Verdict.PARTIAL, _reason("own-code-without", text, counts, own, doubt)
    if doubt.exhausted:
        return _exhausted(counts)
    if guarded:
        return Verdict.YES, Reason("canaries", "the functions that need one load the guard", counts)
    if mine is not None and mine.whole:
        text = "no function of the program's own needs a canary; those that load the guard are the C library's"
        return Verdict.NOT_APPLICABLE, Reason("nothing-exposed", text, counts)
    text = "no function of the program's own was seen to need a canary, and not all of them are known"
    return Verdict.UNKNOWN, Reason("own-code-untold", text, counts)


def _reason(code: str, text: str, counts: dict[str, int], found: Inspection, doubt: _Doubt) -> Reason:
    starts: Offsets = found.view.starts
    sites = tuple(site(found, int(starts[number])) for number in doubt.numbers[:16])
    return Reason(code, text, counts, sites, len(doubt.numbers) > len(sites))
