"""The source lines that an object says itself: of builds that were not stripped, which are few in an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.debug import tables_of
from archscan.debug.places import numbers, source_lines
from archscan.debug.units import Tables, heads
from archscan.debug.unlinked import addressed, relocated
from archscan.elf.image import ET_REL, section
from archscan.errors import ElfError
from archscan.model import SourceLine

if TYPE_CHECKING:
    from archscan.elf.image import Image
    from archscan.model import Elf, Limits

_MOST_LINE_BYTES = 16 << 20  # of line tables; a scan may not cost much more for what only `confirm` is asked
_MOST_BYTES = 512 << 20  # of all sections, as they are and unpacked


def with_lines(facts: Elf, image: Image, limits: Limits) -> Elf:
    """The same with the lines of the addresses that the facts name, as far as the object has line tables.

    Damage in them costs lines and nothing else: `archscan confirm` says what it is.
    """
    if not any(section(image, name) for name in (".debug_line", ".zdebug_line")):
        return facts
    named = {use.address for use in facts.crypto} | {call.address for call in facts.calls}
    named |= {site.address for reason in facts.reasons.values() for site in reason.sites}
    wanted = sorted(address for address in named if address is not None)
    lines = tuple(_lines(image, wanted, limits)) if wanted else ()
    return msgspec.structs.replace(facts, lines=lines) if lines else facts


def _lines(image: Image, wanted: list[str], limits: Limits) -> list[SourceLine]:
    unlinked = image.type == ET_REL
    starts, words = addressed(image, wanted) if unlinked else ({}, numbers(wanted))
    # Other facts need the room as well, and what is not packed is copied.
    room = sum(part.size for part in image.sections if part.name.startswith((".debug_", ".zdebug_")))
    if not words or room > _MOST_BYTES:
        return []
    found = []
    try:
        most = min(_MOST_BYTES, limits.member_bytes)
        tables: Tables | None = tables_of(image, msgspec.structs.replace(limits, member_bytes=most))
        tables = relocated(image, tables, starts) if unlinked and tables else tables
        for head in heads(tables, limits.compile_units) if tables else ():
            found.append(head)  # noqa: PERF402  # what came before damage is kept
    except ElfError:
        pass
    if not found or not tables:
        return []
    lines, _ = source_lines(tables, found, words, _MOST_LINE_BYTES)
    return [SourceLine(words[address], file, line) for address, (file, line) in sorted(lines.items())]
