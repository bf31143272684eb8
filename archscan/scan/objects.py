"""One ELF object as facts: its verdicts, and what it does with cryptography."""

from __future__ import annotations

import msgspec

from archscan import elf
from archscan.crypto import constants
from archscan.crypto.catalogue import Catalogue, as_passed
from archscan.crypto.constants.languages import language_uses
from archscan.crypto.linked_in import linked_in
from archscan.crypto.sites import reading, seen
from archscan.crypto.uses import import_uses
from archscan.debug.own import with_lines
from archscan.elf.embedded import Library, embedded
from archscan.elf.image import Image
from archscan.errors import ElfError
from archscan.model import Elf, Limits, Reason

LONGEST_NAME = 60_000
"""Characters: of what model.Text takes, with room for the name of a member of an archive."""
_LIMITS = Limits()


def object_facts(
    data: bytes, place: elf.Place, catalogue: Catalogue, *, exports: elf.Exports = "", limits: Limits = _LIMITS
) -> Elf:
    """Everything that archscan knows of one ELF object. Raises ElfError, also where it has too long a name."""
    image = elf.read(data)
    return with_lines(_facts(image, place, catalogue, exports), image, limits)


def with_copies_of(facts: Elf, data: bytes, libraries: tuple[Library, ...]) -> Elf:
    """The same with the libraries of which the object, whose bytes are given, holds copies."""
    found = embedded(data, facts.soname, libraries)
    return msgspec.structs.replace(facts, components=facts.components + found) if found else facts


def _facts(image: Image, place: elf.Place, catalogue: Catalogue, exports: elf.Exports) -> Elf:
    """The same without source lines."""
    facts = elf.facts_of(image, place, exports=exports)
    longest = _longest_text(facts)
    if longest > LONGEST_NAME:
        raise ElfError("limit", f"an object with a name of {longest} characters; at most {LONGEST_NAME} are kept")
    facts = _with_copies(facts, image, catalogue)
    linked = linked_in(catalogue, image, facts)
    imported = facts.imports + elf.copied(image, catalogue.index)
    names = {row.symbol for row in imported} & catalogue.index.keys() | linked.whose.keys()
    if not names:
        return facts
    catalogue = as_passed(catalogue, image)
    wanted = {name: reading(catalogue, name) for name in names}
    sites = elf.call_sites(image, wanted, linked.code)
    calls, kept = seen(catalogue, image, sites, imported, facts.needed, linked)
    # What the code or a table shows is not said again of the import.
    said = {(call.symbol, call.library) for call in calls} | {(use.symbol, use.library) for use in kept}
    imports = import_uses(catalogue, imported, facts.needed)
    uses = tuple(use for use in imports if (use.symbol, use.library) not in said)
    reasons = facts.reasons | _cut_off(sites.left_out)
    return msgspec.structs.replace(facts, crypto=facts.crypto + uses + kept, calls=calls, reasons=reasons)


def _with_copies(facts: Elf, image: Image, catalogue: Catalogue) -> Elf:
    """The same with the implementations that are compiled in."""
    found = constants.constant_uses(catalogue, image, facts) + language_uses(catalogue, image, facts)
    return msgspec.structs.replace(facts, crypto=found) if found else facts


def _cut_off(left_out: int) -> dict[str, Reason]:
    """What is said where an object has more calls of catalogued functions than are kept."""
    if not left_out:
        return {}
    text = "calls of catalogued functions, or places where their addresses are taken, were left out"
    return {"call_site": Reason("too-many-calls", text, {"left_out": left_out})}


def _longest_text(facts: Elf) -> int:
    """Characters of the longest text that an object has chosen."""
    own = (facts.soname, facts.interpreter, facts.rpath, facts.runpath, facts.build_id)
    imports = (text for row in facts.imports for text in (row.symbol, row.version, row.library))
    exports = (text for row in facts.exports for text in (row.symbol, row.version))
    return max(len(text) for text in (*own, *facts.needed, *imports, *exports, "") if text is not None)
