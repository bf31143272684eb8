"""The protections of an ELF object, each with the reason.

Headers come first; machine code is looked at where they leave a doubt. A protection that means nothing for a kind, a
processor or a language is ``n/a``. The codes are listed in docs/reasons.md.
"""

from __future__ import annotations

import msgspec

from archscan.elf.arch.machine import Machine
from archscan.elf.assertions import glibcxx_assertions
from archscan.elf.binding import binding
from archscan.elf.fortify import fortified, is_klibc
from archscan.elf.image import (
    PF_W,
    PF_X,
    PT_GNU_STACK,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    Image,
    loads,
    section,
)
from archscan.elf.inspection import Inspection, inspection
from archscan.elf.instrumented import clang_cfi, safe_stack, sanitizers
from archscan.elf.landing_pads import landing_pads, signed_returns
from archscan.elf.language import Language, has_stack_arrays
from archscan.elf.notes import feature_bits
from archscan.elf.separate_code import separate_code
from archscan.elf.stack_clash import stack_clash
from archscan.elf.stack_protector import is_told, stack_protector
from archscan.elf.subject import FOREIGN, Judged, Subject, not_applicable, places, unlinked
from archscan.elf.text_relocations import text_relocations
from archscan.model import ElfKind, Reason, Verdict

_MARKS = ("ibt_marked", "shstk_marked", "bti_marked", "pac_marked")
_CODE_COLUMNS = ("stack_protector", "stack_clash", "ibt_compiled", "bti_compiled", "pac_compiled")

_NO_IDIOMS = "how compilers write for this processor is not known"


class Protections(msgspec.Struct, frozen=True):
    """The columns of one object, and a reason for each."""

    columns: dict[str, str | int | None]
    reasons: dict[str, Reason]


def protections(subject: Subject) -> Protections:
    """Every protection column of an object."""
    judged: dict[str, Judged] = {"pie": _pie(subject), "nx": _nx(subject)}
    judged["relro"], judged["bind_now"] = binding(subject)
    judged["textrel"], judged["wx_segments"] = text_relocations(subject), _wx(subject)
    found = subject.machine
    bits = feature_bits(subject.image, found) if found.property_and else 0
    for column in _MARKS:
        judged[column] = _mark(subject, bits, column)
    inside, inspected = _in_code(subject)
    judged |= inside
    judged["fortify"], checked, fortifiable = fortified(subject, inspected)
    judged["separate_code"], judged["glibcxx_assertions"] = separate_code(subject), glibcxx_assertions(subject)
    judged["clang_cfi"], judged["safe_stack"] = clang_cfi(subject, inspected), safe_stack(subject)
    columns: dict[str, str | int | None] = {name: verdict for name, (verdict, _) in judged.items()}
    columns |= {"fortified_calls": checked, "fortifiable_calls": fortifiable}
    reasons = {name: reason for name, (_, reason) in judged.items() if reason}
    columns["sanitizers"], seen = sanitizers(subject)
    return Protections(columns, reasons | ({"sanitizers": seen} if seen else {}))


def _pie(subject: Subject) -> Judged:
    match subject.kind:
        case ElfKind.PIE | ElfKind.STATIC_PIE:
            return Verdict.YES, None
        case ElfKind.EXECUTABLE | ElfKind.STATIC_EXECUTABLE if is_klibc(subject):
            return not_applicable("klibc", "klibc loads its programs at a fixed address")
        case ElfKind.EXECUTABLE | ElfKind.STATIC_EXECUTABLE:
            return Verdict.NO, Reason("et-exec", "e_type is ET_EXEC: the program is loaded at a fixed address")
    return not_applicable("not-a-program", f"an object of kind {subject.kind} has no address of its own choice")


def _nx(subject: Subject) -> Judged:
    image, found = subject.image, subject.machine
    if subject.kind in FOREIGN or subject.kind == ElfKind.KERNEL_MODULE:
        return unlinked(subject.kind)
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
        return not_applicable("no-code", "no segment is executable")
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
        return not_applicable("no-code", "no section is executable")
    if found.executable_stack:
        return Verdict.NO, Reason("no-note", "no .note.GNU-stack: the linker then assumes an executable stack")
    return not_applicable("no-note", f"no .note.GNU-stack, which {found.name} does not need")


def _in_code(subject: Subject) -> tuple[dict[str, Judged], Inspection | None]:
    """The verdicts that machine code decides, for objects whose code a process runs; and what was seen in the code."""
    wanted = {column: _excused(subject, column) for column in _CODE_COLUMNS}
    if all(wanted.values()):
        return {column: judged for column, judged in wanted.items() if judged}, None
    idioms = subject.machine.idioms
    found = inspection(subject.image, idioms, unwound=subject.language == Language.GO) if idioms else None
    if found is None:
        reason = Reason("too-much-code", "more code than is looked at") if idioms else Reason("no-pattern", _NO_IDIOMS)
        unknown = Verdict.UNKNOWN, reason
        return {column: judged or unknown for column, judged in wanted.items()}, None
    return {column: judged or _measured(subject, found, column) for column, judged in wanted.items()}, found


def _excused(subject: Subject, column: str) -> Judged | None:
    """The verdict that needs no look at the code."""
    found = subject.machine
    if column != "stack_protector" and column not in found.features:
        return not_applicable("machine", f"{found.name} has no such feature")
    if subject.kind in FOREIGN:
        return unlinked(subject.kind)
    if is_klibc(subject):
        return not_applicable("klibc", "klibc has neither the guard nor the start files that these need")
    if column == "stack_protector" and not has_stack_arrays(subject.language, c_part=subject.c_part):
        return not_applicable("language", f"{subject.language} keeps no unchecked arrays on the stack")
    if column != "stack_protector" and not has_stack_arrays(subject.language, c_part=_is_judged_by_c(subject, column)):
        text = "checks its stack itself" if column == "stack_clash" else "has a compiler without that feature"
        return not_applicable("language", f"{subject.language} {text}")
    return None


def _is_judged_by_c(subject: Subject, column: str) -> bool:
    """Whether a column says something about the part in C of an object of another language.

    Whose a large frame is cannot be told, but for Go, whose own functions are not in the unwind tables.
    """
    return subject.c_part and (column != "stack_clash" or subject.language == Language.GO)


def _measured(subject: Subject, found: Inspection, column: str) -> Judged:
    if column == "stack_protector":
        return stack_protector(subject, found)
    if column == "stack_clash":
        return stack_clash(found, told=is_told(found, subject.language))
    judge = signed_returns(subject, found) if column == "pac_compiled" else landing_pads(subject, found, column)
    mixed = not has_stack_arrays(subject.language) and subject.language != Language.GO
    return _of_part(judge) if mixed else judge


def _of_part(judged: Judged) -> Judged:
    """The verdict on the part in C of an object in which another compiler's functions have no such marks.

    That no function has one is true of that part; how many of its functions those are that have one, nothing tells.
    """
    verdict, reason = judged
    if reason is None or verdict == Verdict.NOT_APPLICABLE:
        return judged
    if not (reason.counts.get("marked") or reason.counts.get("signing")):
        return judged
    text = "some functions have it, but its functions in C cannot be told from those of another compiler"
    return Verdict.UNKNOWN, Reason("c-untold", text, reason.counts)


def _mark(subject: Subject, bits: int, column: str) -> Judged:
    found = subject.machine
    if column not in found.features:
        return not_applicable("machine", f"{found.name} has no such feature")
    if subject.kind in FOREIGN or subject.kind == ElfKind.KERNEL_MODULE:
        return unlinked(subject.kind)
    if bits & found.marks[column]:
        return Verdict.YES, None
    return Verdict.NO, Reason("no-mark", "the property note of the processor's features lacks the bit")


def _wx(subject: Subject) -> Judged:
    """Segments, or sections of a relocatable object, that are writable and executable at once."""
    image = subject.image
    if subject.kind in FOREIGN:
        return 0, Reason("kind", f"does not apply to an object of kind {subject.kind}")
    if image.segments:
        found = [hex(part.address) for part in loads(image) if part.flags & (PF_W | PF_X) == PF_W | PF_X]
    else:
        wanted = SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR
        found = [f"{part.name}+0x0" for part in image.sections if part.flags & wanted == wanted]
    if not found:
        return 0, None
    return len(found), Reason("writable-code", "mapped writable and executable at once", {}, *places(found))
