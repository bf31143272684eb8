"""Whether functions were compiled with landing pads and signed return addresses: CET, BTI, PAC.

The mark in the property note says that every input of the link had them, which one old start file destroys. What the
compiler did is seen where functions begin. A function needs a landing pad if its address is known outside of its unit:
it is exported, or data holds its address. Functions that are only called directly have none. In a relocatable object
all that are global will be known outside.
"""

from __future__ import annotations

from archscan.elf.arrays import Mask, np
from archscan.elf.code import offsets_of
from archscan.elf.image import DT_FINI, DT_FINI_ARRAY, DT_INIT, DT_INIT_ARRAY, ET_REL, Image, tag
from archscan.elf.inspection import Inspection, has_functions, holding, site
from archscan.elf.mapping import FAR
from archscan.elf.pointers import pointer_at, pointers
from archscan.elf.startup import main_offset
from archscan.elf.subject import STATIC, UNLINKED, Judged, Subject, not_applicable
from archscan.model import Reason, Verdict

_MOST = 0.95  # of the functions; the rest is assembler code that its author left without
_FEW = 8  # functions of the C library that may have pads in a program that has none
_SHARE = 0.1  # of all functions, where nothing says which of them need a pad
_SITES = 16
_CRTSTUFF = 0x400  # bytes from `_start` to `frame_dummy`
_BEFORE = 0x90  # bytes of `call_weak_fn`, `deregister_tm_clones`, `register_tm_clones`, which stand before


def landing_pads(subject: Subject, found: Inspection, column: str) -> Judged:
    """The verdict on ``ibt_compiled``, ``bti_compiled``."""
    marked = found.idioms.entry_marks[column](found.text, found.view.starts)
    own = _own(subject.image, found)
    counts = {"functions": int(own.sum()), "marked": int((own & marked).sum())}
    if not own.any():
        return _empty(found, counts)
    if not counts["marked"]:
        return Verdict.NO, Reason("no-landing-pads", "functions begin without", counts)
    needed = own & _reachable(subject, found)
    counts |= {"reachable": int(needed.sum()), "reachable_marked": int((needed & marked).sum())}
    if _only_signs(found, own & marked) and (own & ~marked & (needed if needed.any() else own)).any():
        text = "only functions that sign their return address begin with what serves as one, others without"
        return Verdict.NO, Reason("only-signed", text, counts)
    if not needed.any():
        return _by_share(counts, one_unit=subject.image.type == ET_REL)
    share = counts["reachable_marked"] / counts["reachable"]
    if share >= _MOST:
        return Verdict.YES, Reason("landing-pads", "functions that can be reached by address begin with one", counts)
    if share < 1 - _MOST and counts["marked"] <= max(_FEW, counts["functions"] // 20):
        return Verdict.NO, Reason("no-landing-pads", "functions begin without", counts)
    bare = found.view.starts[needed & ~marked]
    sites = tuple(site(found, int(offset)) for offset in bare[:_SITES])
    text = "some functions that can be reached by address begin without"
    return Verdict.PARTIAL, Reason("some-without-landing-pad", text, counts, sites, bare.size > _SITES)


def _only_signs(found: Inspection, marked: Mask) -> bool:
    """Whether signing return addresses made all marks: `paciasp` is a landing pad, too, where none was asked for.

    With landing pads a function without a frame, which signs nothing, would begin with a pad of its own.
    """
    return bool(found.idioms.signing_marks(found.text, found.view.starts)[marked].all())


def _by_share(counts: dict[str, int], *, one_unit: bool) -> Judged:
    """Where no table names functions that need a pad: a compiler gives one to each that is visible outside its unit."""
    if one_unit or counts["marked"] > counts["functions"] * _SHARE:
        return Verdict.YES, Reason("landing-pads", "many functions begin with one", counts)
    if counts["marked"] <= counts["functions"] // 20:
        return Verdict.NO, Reason("no-landing-pads", "functions begin without", counts)
    return Verdict.PARTIAL, Reason("some-without-landing-pad", "few functions begin with one", counts)


def _reachable(subject: Subject, found: Inspection) -> Mask:
    """The functions that are exported or whose address stands in data, and `main`, which the start code passes on."""
    starts = found.view.starts
    main = None if subject.kind in (*STATIC, *UNLINKED) else main_offset(subject.image, found)
    stored = offsets_of(found.text, pointers(subject.image))
    known = np.append(stored[stored >= 0], np.int64(-1 if main is None else main))
    return np.isin(starts, found.view.exported) | np.isin(starts, known)


def _empty(found: Inspection, counts: dict[str, int]) -> Judged:
    """The verdict for an object without functions of its own: there are none, or no table lists them."""
    if found.view.starts.size:
        return Verdict.NOT_APPLICABLE, Reason("no-code", "nothing but start files", counts)
    if not has_functions(found):
        return Verdict.NOT_APPLICABLE, Reason("no-code", "no more code than start files have", counts)
    return Verdict.UNKNOWN, Reason("no-functions", "no table says where functions begin", counts)


def _own(image: Image, found: Inspection) -> Mask:
    """All functions but those of the start files: `_start`, `_init`, `_fini` and gcc's crtstuff.c."""
    starts = found.view.starts
    if image.type == ET_REL:
        return np.ones(starts.shape, np.bool_)
    single = [image.entry, *(value for name in (DT_INIT, DT_FINI) if (value := tag(image, name)) is not None)]
    crt = [image.entry] if image.entry else []
    for name in (DT_FINI_ARRAY, DT_INIT_ARRAY):  # their first: `__do_global_dtors_aux` and, behind it, `frame_dummy`
        address = tag(image, name)
        first = pointer_at(image, address) if address is not None else None
        if first is not None:
            crt.append(first)
    places = offsets_of(found.text, np.array([place for place in (*single, *crt) if 0 <= place < FAR], np.int64))
    own = ~np.isin(starts, places)
    known = places[len(places) - len(crt) :] if crt else places[:0]
    low, high = (int(known.min()), int(known.max())) if (known >= 0).all() and len(crt) > 1 else (0, 0)
    if 0 < high - low < _CRTSTUFF:
        own &= (starts < low - (0 if image.entry else _BEFORE)) | (starts > high)
    return own


def signed_returns(subject: Subject, found: Inspection) -> Judged:
    """The verdict on ``pac_compiled``: functions that save their return address sign it before."""
    saves = holding(found.view, found.idioms.signed_frames(found.text)) & _own(subject.image, found)
    signs = holding(found.view, found.idioms.signatures(found.text))
    counts = {"saving": int(saves.sum()), "signing": int((saves & signs).sum())}
    if not counts["saving"]:
        return not_applicable("nothing-to-sign", "no function saves its return address")
    if counts["signing"] >= counts["saving"] * _MOST:
        return Verdict.YES, Reason("signed", "functions sign the return address that they save", counts)
    if counts["signing"] <= min(_FEW, counts["saving"] // 10):
        return Verdict.NO, Reason("unsigned", "functions save their return address unsigned", counts)
    bare = found.view.starts[saves & ~signs]
    sites = tuple(site(found, int(offset)) for offset in bare[:_SITES])
    text = "some functions save their return address unsigned"
    return Verdict.PARTIAL, Reason("some-unsigned", text, counts, sites, bare.size > _SITES)
