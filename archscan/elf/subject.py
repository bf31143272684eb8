"""What the checks look at, and what they give back."""

from __future__ import annotations

import msgspec

from archscan.elf.arch.machine import Machine
from archscan.elf.image import Image
from archscan.model import ElfKind, Import, Reason, Site, Verdict

# A kind that no process maps as it is: nothing of what a loader protects applies.
UNLINKED = frozenset({ElfKind.RELOCATABLE, ElfKind.KERNEL_MODULE, ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE})
# A kind whose code no process runs, or whose code is elsewhere.
FOREIGN = frozenset({ElfKind.DEBUG, ElfKind.CORE, ElfKind.FIRMWARE})
STATIC = frozenset({ElfKind.STATIC_EXECUTABLE, ElfKind.STATIC_PIE})
MOST_SITES = 16

Judged = tuple[str | int, Reason | None]
"""What a column says, and why where that is not plain."""


class Subject(msgspec.Struct, frozen=True):
    """The object, its processor, what it is, and what it imports. ``path`` is where a package has it.

    ``c_part``: an object of another language holds code in C or C++, too.
    """

    image: Image
    machine: Machine
    path: str
    kind: ElfKind
    language: str
    needed: tuple[str, ...]
    imports: tuple[Import, ...]
    interpreter: str | None
    c_part: bool = False


def not_applicable(code: str, text: str) -> tuple[str, Reason]:
    """The verdict that a protection means nothing here."""
    return Verdict.NOT_APPLICABLE, Reason(code, text)


def unlinked(kind: ElfKind) -> tuple[str, Reason]:
    """The verdict for a kind of object to which a check does not apply."""
    return not_applicable("kind", f"does not apply to an object of kind {kind}")


def places(addresses: list[str]) -> tuple[tuple[Site, ...], bool]:
    """The first addresses (``0x…``, ``section+0x…``) as sites, and whether there are more."""
    return tuple(Site(address=address) for address in addresses[:MOST_SITES]), len(addresses) > MOST_SITES


def names(wanted: tuple[str, ...]) -> tuple[tuple[Site, ...], bool]:
    """The first names as sites, and whether there are more."""
    return tuple(Site(name=name) for name in wanted[:MOST_SITES]), len(wanted) > MOST_SITES
