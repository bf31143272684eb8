"""Verdicts for plain ELF files, as `archscan inspect` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

import msgspec

from archscan.model import Elf, Reason

_SILENT = ("machine", "not-asked-for")  # reasons of n/a that tell nobody anything
_PROTECTIONS = (
    "pie", "relro", "bind_now", "nx", "stack_protector", "fortify", "stack_clash", "ibt_marked", "ibt_compiled",
    "shstk_marked", "bti_marked", "bti_compiled", "pac_marked", "pac_compiled", "separate_code",
    "clang_cfi", "safe_stack", "glibcxx_assertions",
)  # fmt: skip
_SITES = 3
_IDENTITY = ("kind", "machine", "bits", "endian", "language", "soname", "interpreter", "build_id", "rpath", "runpath")


def write(objects: Sequence[Elf], stream: TextIO, form: str) -> None:
    """Print objects as a ``table`` of verdicts with reasons, or as ``json`` with everything that is known."""
    if form == "json":
        rows = [msgspec.to_builtins(one) for one in objects]
        stream.write(msgspec.json.format(msgspec.json.encode(rows, order="deterministic")).decode() + "\n")
        return
    for number, one in enumerate(objects):
        if number:
            stream.write("\n")
        stream.writelines(f"{line}\n" for line in _lines(one))


def _lines(one: Elf) -> Iterator[str]:
    yield one.path
    known = ", ".join(f"{name} {value}" for name in _IDENTITY if (value := getattr(one, name)) is not None)
    yield f"  {known}"
    for name in _PROTECTIONS:
        verdict, reason = str(getattr(one, name)), one.reasons.get(name)
        if verdict == "n/a" and reason and reason.code in _SILENT:
            continue
        yield f"  {name:18} {verdict:8} {_why(reason)}".rstrip()
    for name in ("textrel", "wx_segments"):
        count, reason = getattr(one, name), one.reasons.get(name)
        if count or reason:
            yield f"  {name:18} {count:<8} {_why(reason)}".rstrip()
    if one.sanitizers:
        yield f"  {'sanitizers':18} {one.sanitizers:8} {_why(one.reasons.get('sanitizers'))}"
    for use in one.crypto:
        yield f"  {'crypto':18} {use.strength:8} {use.algorithm} ({use.role}): {use.symbol} of {use.library}"


def _why(reason: Reason | None) -> str:
    if reason is None:
        return ""
    counts = ", ".join(f"{name} {count}" for name, count in reason.counts.items())
    places = ", ".join(" ".join(filter(None, (site.address, site.name))) for site in reason.sites[:_SITES])
    more = ", …" if len(reason.sites) > _SITES else ""
    return reason.text + (f" ({counts})" if counts else "") + (f": {places}{more}" if places else "")
