"""Whether large frames are touched page by page, so that none jumps over the guard page.

That is what `-fstack-clash-protection` is for (gcc(1)).
"""

from __future__ import annotations

from archscan.elf.arrays import np
from archscan.elf.code import address_of
from archscan.elf.functions import owners
from archscan.elf.inspection import Inspection, has_functions, instructions, site
from archscan.elf.subject import Judged
from archscan.model import Reason, Verdict

_PAGE = 4096
_SITES = 16
_DECODED = 16  # functions that are decoded to see whether an allocation is an instruction


def stack_clash(found: Inspection, *, told: bool) -> Judged:
    """The verdict, with the number of probes and the places of large frames without one.

    ``told``: the tables list the functions in question.
    """
    if found.idioms.probes is None and (found.frames.grows.size or (found.frames.sizes >= _PAGE).any()):
        return Verdict.UNKNOWN, Reason("no-pattern", "how probes look on this processor is not known")
    if found.idioms.probes is None:
        text = "no function allocates more than a page"
        return Verdict.NOT_APPLICABLE, Reason("no-large-frame", text, {"probes": 0, "unprobed": 0})
    seen = found.idioms.probes(found.text, found.frames)
    inside = owners(found.view, seen.unprobed)
    bare = _confirmed(found, [int(offset) for offset in seen.unprobed[inside >= 0]])
    probes = int((owners(found.view, seen.probes) >= 0).sum())
    counts = {"probes": probes, "unprobed": len(bare)}
    if not bare:
        if probes:
            return Verdict.YES, Reason("probes", "what is allocated beyond a page is touched page by page", counts)
        if not told and (seen.unprobed.size or has_functions(found)):
            text = "no table says where functions, or most of them, begin"
            return Verdict.UNKNOWN, Reason("no-functions", text, counts)
        return Verdict.NOT_APPLICABLE, Reason("no-large-frame", "no function allocates more than a page", counts)
    sites = tuple(site(found, offset) for offset in bare[:_SITES])
    if probes:
        text = "some large frames are allocated without a probe: some units are built without"
        return Verdict.PARTIAL, Reason("some-unprobed", text, counts, sites, len(bare) > _SITES)
    text = "large frames are allocated without a probe"
    return Verdict.NO, Reason("unprobed", text, counts, sites, len(bare) > _SITES)


def _confirmed(found: Inspection, offsets: list[int]) -> list[int]:
    """Those offsets that are instructions, not the inside of one: all if the first of them are."""
    doubtful, real = offsets[:_DECODED], []
    for offset in doubtful:
        number = int(owners(found.view, np.array([offset], np.int64))[0])
        address = address_of(found.text, offset)
        reach = offset - int(found.view.starts[number]) + 16
        if any(at == address for at, _, _ in instructions(found, number, min(reach, 1 << 16))):
            real.append(offset)
    return real + offsets[_DECODED:] if real else []
