"""What the loader writes and whether it stays writable: RELRO and immediate binding.

Both are measured by the relocations themselves. Flags alone mislead: `-z now -z norelro` leaves every slot
writable, and `-fno-plt` or a static executable is protected whole without any flag.
"""

from __future__ import annotations

from archscan.elf.image import (
    DF_1_NOW,
    DF_BIND_NOW,
    DT_BIND_NOW,
    DT_FLAGS,
    DT_FLAGS_1,
    PT_GNU_RELRO,
    Segment,
    tag,
)
from archscan.elf.relocations import relocations
from archscan.elf.subject import STATIC, UNLINKED, Judged, Subject, not_applicable, places, unlinked
from archscan.model import Reason, Relro, Verdict


def binding(subject: Subject) -> tuple[Judged, Judged]:
    """The verdicts on RELRO and on immediate binding."""
    if subject.kind in UNLINKED:
        return unlinked(subject.kind), unlinked(subject.kind)
    found = subject.machine
    writes = found.jump_slot | found.glob_dat | found.irelative
    slots = [*relocations(subject.image, found, writes, relative=False)] if writes else []
    lazy = sum(kind not in found.glob_dat for _, kind in slots)
    return _relro(subject, [address for address, _ in slots]), _bind_now(subject, lazy)


def _relro(subject: Subject, slots: list[int]) -> Judged:
    image, found = subject.image, subject.machine
    counts = {"slots": len(slots)}
    # Of several headers the loader takes the last (glibc, elf/dl-load.c).
    header = next((part for part in reversed(image.segments) if part.type == PT_GNU_RELRO), None)
    if header is None:
        if not slots and not image.dynamic:
            text = "no PT_GNU_RELRO, and nothing that a loader writes"
            return Relro.NOT_APPLICABLE, Reason("nothing-to-protect", text)
        return Relro.NONE, Reason("no-header", "no PT_GNU_RELRO: what the loader writes stays writable", counts)
    if not found.jump_slot:
        return Relro.UNKNOWN, Reason("unknown-machine", f"the relocation types of {found.name} are not known")
    start, end = _protected(header, found.page)
    outside = [address for address in slots if not start <= address < end]
    counts["outside"] = len(outside)
    if outside and start >= end:
        return Relro.NONE, Reason("no-page", "PT_GNU_RELRO covers no whole page, so nothing is protected", counts)
    if outside:
        text = "slots that the loader fills lie outside PT_GNU_RELRO"
        return Relro.PARTIAL, Reason("slots-outside", text, counts, *places([*map(hex, outside)]))
    return Relro.FULL, Reason("all-inside", "every slot that the loader fills lies inside PT_GNU_RELRO", counts)


def _protected(header: Segment, page: int) -> tuple[int, int]:
    """The whole pages that ld.so makes read-only: both ends are rounded down (glibc, elf/dl-reloc.c)."""
    return header.address // page * page, (header.address + header.memory_size) // page * page


def _bind_now(subject: Subject, lazy: int) -> Judged:
    image = subject.image
    flags, flags_1 = tag(image, DT_FLAGS) or 0, tag(image, DT_FLAGS_1) or 0
    if tag(image, DT_BIND_NOW) is not None or flags & DF_BIND_NOW or flags_1 & DF_1_NOW:
        return Verdict.YES, None
    if subject.kind in STATIC or not image.dynamic:
        return not_applicable("static", "no loader binds symbols of a static object")
    if not lazy:
        return not_applicable("nothing-lazy", "no slot would be bound lazily")
    return Verdict.NO, Reason("lazy", "functions are bound at their first call", {"slots": lazy})
