"""What the debug information of an object tells of how it was built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from archscan.model.text import Sha256, Size, Text
from archscan.model.words import Verdict


class CompileUnit(msgspec.Struct, frozen=True, array_like=True):
    """One run of a compiler over one file. Settings are None where nobody recorded them.

    ``position`` is its place among the units of the object; ``code`` is false where it has none.
    """

    position: Size
    name: Text | None
    comp_dir: Text | None
    producer: Text | None
    language: Text
    origin: Text  # package, or toolchain: start files and parts of the C library and of libgcc
    code: bool
    lto: bool
    stack_protector: Text | None  # all, strong, basic, explicit, none, off
    stack_clash: Text | None  # on, none, off
    cf_protection: Text | None  # full, branch, return, none, off
    branch_protection: Text | None  # the value of -mbranch-protection, none
    pic: Text | None  # PIC, pic, PIE, pie, none, off
    optimised: Text | None  # what follows -O; 0 without it
    fortify: Text | None  # shown, hidden, none


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """What the units of an object say together of one feature.

    ``flag`` is what turns it on; ``units`` names at most 16 that lack it, or, where none does, of which nothing is
    known. ``elsewhere``: all places that the verdict on the object names lie in units that do not lack it.
    """

    feature: Text
    verdict: Verdict
    units_with: Size
    units_without: Size
    units_unknown: Size
    flag: Text | None = None
    units: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()
    elsewhere: bool = False


class SourceLine(msgspec.Struct, frozen=True, array_like=True):
    """The source file and line of an address, and the symbol that holds it: a function, or a variable without line.

    ``file`` and ``line`` are both known or both None.
    """

    address: Text
    file: Text | None
    line: Size | None
    name: Text | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to know of an object: the lines of ``addresses``, and the units that verdicts are about.

    ``sites`` are the places that the verdict on a feature names, by its column of ``elf``. Those of ``fortify`` are
    calls that a compiler always replaces by checked ones where _FORTIFY_SOURCE is 2 or more.
    """

    addresses: tuple[str, ...] = ()
    sites: Mapping[str, tuple[str, ...]] = {}


class DebugInfo(msgspec.Struct, frozen=True, kw_only=True, tag="debug"):
    """The debug information of one object, which may lie in another file: they have the build id in common."""

    path: Text
    sha256: Sha256
    build_id: Text
    machine: Text
    bits: int
    units: tuple[CompileUnit, ...]
    confirmations: tuple[Confirmation, ...]
    lines: tuple[SourceLine, ...] = ()
