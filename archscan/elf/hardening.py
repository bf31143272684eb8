"""The protections of an ELF object as far as its headers can tell, each with the reason.

What only machine code can tell stays ``unknown`` with the reason ``not-measured``. A protection that means nothing for
a kind, a processor or a language is ``n/a``. The codes are listed in docs/reasons.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from archscan.elf.arch import machine
from archscan.elf.arch.machine import Machine
from archscan.elf.fortify import fortify_calls
from archscan.elf.image import (
    DF_1_NOW,
    DF_BIND_NOW,
    DF_TEXTREL,
    DT_BIND_NOW,
    DT_FLAGS,
    DT_FLAGS_1,
    DT_TEXTREL,
    PF_W,
    PF_X,
    PT_GNU_RELRO,
    PT_GNU_STACK,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    Image,
    loads,
    section,
    tag,
)
from archscan.elf.language import has_stack_arrays
from archscan.elf.notes import feature_bits
from archscan.elf.relocations import relocations
from archscan.model import ElfKind, Import, Reason, Relro, Site, Verdict

# A kind that no process maps as it is: nothing of what a loader protects applies.
_UNLINKED = frozenset({ElfKind.RELOCATABLE, ElfKind.KERNEL_MODULE, ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE})
_PROGRAMS = frozenset({ElfKind.EXECUTABLE, ElfKind.STATIC_EXECUTABLE, ElfKind.PIE, ElfKind.STATIC_PIE})
_STATIC = frozenset({ElfKind.STATIC_EXECUTABLE, ElfKind.STATIC_PIE})
_MARKS = ("ibt_marked", "shstk_marked", "bti_marked", "pac_marked")
_CODE_COLUMNS = ("stack_clash", "ibt_compiled", "bti_compiled", "pac_compiled")
_SITES = 16


class Subject(msgspec.Struct, frozen=True):
    """What the checks look at: the object, what it is, and what it imports."""

    image: Image
    kind: ElfKind
    language: str
    needed: tuple[str, ...]
    imports: tuple[Import, ...]
    interpreter: str | None


class Protections(msgspec.Struct, frozen=True):
    """The columns of one object, and a reason for each."""

    columns: dict[str, str | int]
    reasons: dict[str, Reason]


Judged = tuple[str | int, Reason | None]


def protections(subject: Subject) -> Protections:
    """Every protection column of an object."""
    found = machine(subject.image.machine)
    judged: dict[str, Judged] = {"pie": _pie(subject), "nx": _nx(subject, found), "textrel": _textrel(subject)}
    judged["relro"], judged["bind_now"] = _binding(subject, found)
    judged["fortify"], checked, fortifiable = _fortify(subject)
    judged["stack_protector"] = _stack_protector(subject)
    bits = feature_bits(subject.image, found) if found.property_and else 0
    for column in _MARKS:
        judged[column] = _mark(subject, found, bits, column)
    for column in _CODE_COLUMNS:
        judged[column] = _code(subject, found, column)
    columns = {name: verdict for name, (verdict, _) in judged.items()}
    columns |= {"fortified_calls": checked, "fortifiable_calls": fortifiable, "wx_segments": _wx(subject.image)}
    return Protections(columns, {name: reason for name, (_, reason) in judged.items() if reason})


def _not_applicable(code: str, text: str) -> tuple[str, Reason]:
    return Verdict.NOT_APPLICABLE, Reason(code, text)


def _unlinked(kind: ElfKind) -> tuple[str, Reason]:
    return _not_applicable("kind", f"does not apply to an object of kind {kind}")


def is_klibc(subject: Subject) -> bool:
    """Whether the object is a program of klibc or klibc itself: fixed addresses by design (klibc(7))."""
    return "klibc" in (subject.interpreter or "")


def _pie(subject: Subject) -> Judged:
    match subject.kind:
        case ElfKind.PIE | ElfKind.STATIC_PIE:
            return Verdict.YES, None
        case ElfKind.EXECUTABLE | ElfKind.STATIC_EXECUTABLE if is_klibc(subject):
            return _not_applicable("klibc", "klibc loads its programs at a fixed address")
        case ElfKind.EXECUTABLE | ElfKind.STATIC_EXECUTABLE:
            return Verdict.NO, Reason("et-exec", "e_type is ET_EXEC: the program is loaded at a fixed address")
    return _not_applicable("not-a-program", f"an object of kind {subject.kind} has no address of its own choice")


def _nx(subject: Subject, found: Machine) -> Judged:
    image = subject.image
    if subject.kind in (ElfKind.KERNEL_MODULE, ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE):
        return _unlinked(subject.kind)
    if subject.kind == ElfKind.RELOCATABLE:
        return _stack_note(image, found)
    # The kernel and glibc take the last header (Linux, fs/binfmt_elf.c; glibc, elf/dl-load.c).
    headers = [segment for segment in image.segments if segment.type == PT_GNU_STACK]
    if headers:
        if headers[-1].flags & PF_X:
            return Verdict.NO, Reason(
                "executable-header", "PT_GNU_STACK asks for an executable stack", {"headers": len(headers)}
            )
        return Verdict.YES, None
    if not any(segment.flags & PF_X for segment in loads(image)):
        return _not_applicable("no-code", "no segment is executable")
    if found.executable_stack:
        return Verdict.NO, Reason("no-header", f"no PT_GNU_STACK: on {found.name} the stack then is executable")
    return Verdict.YES, Reason("no-header", f"no PT_GNU_STACK: on {found.name} the stack is not executable without one")


def _stack_note(image: Image, found: Machine) -> Judged:
    note = section(image, ".note.GNU-stack")
    if note:
        if note.flags & SHF_EXECINSTR:
            return Verdict.NO, Reason("executable-note", ".note.GNU-stack asks for an executable stack")
        return Verdict.YES, None
    if not any(part.flags & SHF_EXECINSTR and part.size for part in image.sections):
        return _not_applicable("no-code", "no section is executable")
    if found.executable_stack:
        return Verdict.NO, Reason("no-note", "no .note.GNU-stack: the linker then assumes an executable stack")
    return _not_applicable("no-note", f"no .note.GNU-stack, which {found.name} does not need")


def _binding(subject: Subject, found: Machine) -> tuple[Judged, Judged]:
    """RELRO and immediate binding, decided by the slots that the loader fills."""
    image = subject.image
    if subject.kind in _UNLINKED:
        return _unlinked(subject.kind), _unlinked(subject.kind)
    lazy: list[int] = []
    slots: list[int] = []
    if found.jump_slot:
        writes = found.jump_slot | found.glob_dat | found.irelative
        for address, kind in relocations(image):
            if kind in writes:
                slots.append(address)
                if kind not in found.glob_dat:
                    lazy.append(address)
    return _relro(subject, found, slots), _bind_now(subject, lazy)


def _relro(subject: Subject, found: Machine, slots: Sequence[int]) -> Judged:
    image = subject.image
    header = next((segment for segment in image.segments if segment.type == PT_GNU_RELRO), None)
    if header is None:
        if not slots and not image.dynamic:
            return Relro.NOT_APPLICABLE, Reason(
                "nothing-to-protect", "no PT_GNU_RELRO, and nothing that a loader writes"
            )
        counts = {"slots": len(slots)}
        return Relro.NONE, Reason("no-header", "no PT_GNU_RELRO: what the loader writes stays writable", counts)
    if not found.jump_slot:
        return Relro.UNKNOWN, Reason("unknown-machine", f"the relocation types of {found.name} are not known")
    # ld.so protects whole pages: the end is rounded down (glibc, elf/dl-reloc.c, _dl_protect_relro).
    start = header.address // found.page * found.page
    end = (header.address + header.memory_size) // found.page * found.page
    outside = [address for address in slots if not start <= address < end]
    counts = {"slots": len(slots), "outside": len(outside)}
    if outside:
        text = "slots that the loader fills lie outside PT_GNU_RELRO"
        sites = tuple(Site(address=hex(address)) for address in outside[:_SITES])
        return Relro.PARTIAL, Reason("slots-outside", text, counts, sites, len(outside) > _SITES)
    return Relro.FULL, Reason("all-inside", "every slot that the loader fills lies inside PT_GNU_RELRO", counts)


def _bind_now(subject: Subject, lazy: Sequence[int]) -> Judged:
    image = subject.image
    flags, flags_1 = tag(image, DT_FLAGS) or 0, tag(image, DT_FLAGS_1) or 0
    if tag(image, DT_BIND_NOW) is not None or flags & DF_BIND_NOW or flags_1 & DF_1_NOW:
        return Verdict.YES, None
    if subject.kind in _STATIC or not image.dynamic:
        return _not_applicable("static", "no loader binds symbols of a static object")
    if not lazy:
        return _not_applicable("nothing-lazy", "no slot would be bound lazily")
    return Verdict.NO, Reason("lazy", "functions are bound at their first call", {"slots": len(lazy)})


def _fortify(subject: Subject) -> tuple[Judged, int, int]:
    calls = fortify_calls(row.symbol for row in subject.imports)
    counts = {"checked": len(calls.checked), "proof": len(calls.proof), "plain": len(calls.plain)}
    total = sum(counts.values())
    if subject.kind in (ElfKind.KERNEL_MODULE, ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE):
        return _unlinked(subject.kind), 0, 0
    if not has_stack_arrays(subject.language):
        text = f"{subject.language} does not call the C library through its headers"
        return _not_applicable("language", text), len(calls.checked), total
    if subject.kind in _STATIC:
        return (Verdict.UNKNOWN, Reason("not-measured", "a static object imports nothing")), 0, 0
    if _other_libc(subject):
        return _not_applicable("other-libc", "only glibc has checked functions"), len(calls.checked), total
    return _fortify_verdict(calls.checked, calls.proof, counts), len(calls.checked), total


def _other_libc(subject: Subject) -> bool:
    names = " ".join((*subject.needed, subject.interpreter or ""))
    return any(libc in names for libc in ("musl", "klibc", "dietlibc", "uClibc", "bionic"))


def _fortify_verdict(checked: Sequence[str], proof: Sequence[str], counts: dict[str, int]) -> Judged:
    sites = tuple(Site(name=name) for name in proof[:_SITES])
    truncated = len(proof) > _SITES
    if checked and proof:
        text = "some units call the C library unchecked where the compiler always checks"
        return Verdict.PARTIAL, Reason("unfortified-unit", text, counts, sites, truncated)
    if checked:
        return Verdict.YES, Reason("checked", "imports checked functions only where a check is always made", counts)
    if proof:
        text = "calls the C library unchecked where the compiler always checks"
        return Verdict.NO, Reason("none-checked", text, counts, sites, truncated)
    if counts["plain"]:
        text = "calls only functions that stay unchecked where the compiler knows no size"
        return Verdict.NOT_APPLICABLE, Reason("sized-only", text, counts)
    return _not_applicable("nothing-to-fortify", "imports no function that could be checked")


def _stack_protector(subject: Subject) -> Judged:
    if subject.kind in (ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE):
        return _unlinked(subject.kind)
    if not has_stack_arrays(subject.language):
        return _not_applicable("language", f"{subject.language} keeps no unchecked arrays on the stack")
    guards = sum(
        row.symbol in ("__stack_chk_fail", "__stack_chk_fail_local", "__stack_chk_guard") for row in subject.imports
    )
    return Verdict.UNKNOWN, Reason("not-measured", "the machine code was not looked at", {"guard_imports": guards})


def _mark(subject: Subject, found: Machine, bits: int, column: str) -> Judged:
    if column not in found.features:
        return _not_applicable("machine", f"{found.name} has no such feature")
    if subject.kind in (ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE, ElfKind.KERNEL_MODULE):
        return _unlinked(subject.kind)
    if bits & found.marks[column]:
        return Verdict.YES, None
    return Verdict.NO, Reason("no-mark", "the property note of the processor's features lacks the bit")


def _code(subject: Subject, found: Machine, column: str) -> Judged:
    if column not in found.features:
        return _not_applicable("machine", f"{found.name} has no such feature")
    if subject.kind in (ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE):
        return _unlinked(subject.kind)
    if column == "stack_clash" and not has_stack_arrays(subject.language):
        return _not_applicable("language", f"{subject.language} checks its stack itself")
    return Verdict.UNKNOWN, Reason("not-measured", "the machine code was not looked at")


def _textrel(subject: Subject) -> Judged:
    image = subject.image
    flagged = tag(image, DT_TEXTREL) is not None or (tag(image, DT_FLAGS) or 0) & DF_TEXTREL
    if not flagged or subject.kind in _UNLINKED:
        return 0, None
    fixed = [(part.address, part.address + part.memory_size) for part in loads(image) if not part.flags & PF_W]
    places = [address for address, _ in relocations(image) if any(low <= address < high for low, high in fixed)]
    if not places:
        return 0, Reason("flag-only", "DT_TEXTREL is set, but no relocation changes a read-only segment")
    sites = tuple(Site(address=hex(address)) for address in places[:_SITES])
    text = "relocations change what should stay read-only"
    return len(places), Reason("relocations", text, {"relocations": len(places)}, sites, len(places) > _SITES)


def _wx(image: Image) -> int:
    """Segments, or sections of a relocatable object, that are writable and executable at once."""
    if image.segments:
        return sum(segment.flags & (PF_W | PF_X) == PF_W | PF_X for segment in loads(image))
    wanted = SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR
    return sum(part.flags & wanted == wanted for part in image.sections)
