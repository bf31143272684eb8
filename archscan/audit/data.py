"""The data of audits: what is asked, which functions and libraries belong to a question, and the forms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from archscan.errors import RuleError
from archscan.rules.toml import table_of

TEMPLATES = ("mir-reporter", "mir-reviewer", "security")

Basis = Literal["members", "files", "scripts", "objects", "imports", "control"]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question in SQL, and what was read where it finds nothing; ``limits`` is what it cannot see even so.

    ``doubt`` is a question before it: where that finds anything, nothing that this one finds leaves it open.
    """

    id: str
    basis: Basis
    query: str
    limits: str = ""
    doubt: str = ""


class Calls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Functions that answer a question where an object imports one.

    ``unchecked``: not those that FORTIFY checks. ``native``: a question about machine code, not about scripts.
    ``doubt``: functions that can do the same by a number that is not looked at.
    """

    id: str
    title: str
    symbols: str
    unchecked: bool = False
    native: bool = False
    doubt: str = ""

    def names(self) -> list[str]:
        """The names and their variants: for large files, of old standards, checked at run time."""
        found: dict[str, None] = {}
        for name in self.symbols.split():
            variants = [name, f"{name}64", f"__isoc99_{name}", f"__isoc23_{name}"]
            if not self.unchecked:
                variants += [f"__{name}_chk", f"__{name}_2", f"__{name}64_2"]
            found.update(dict.fromkeys(variants))
        return list(found)


class Libraries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Libraries that answer a question where an object needs one; GLOB patterns of DT_NEEDED."""

    id: str
    sonames: str


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of a form: one of ``ask``, ``todo``, ``alternatives``, ``text`` and ``show``.

    ``none``, ``yes`` and ``maybe`` are its sentences by answer; ``also`` are further items that it rests on.
    ``fact``: a yes is no problem. ``hint``: evidence is shown, and the line waits for a person either way.
    """

    ask: str | None = None
    also: str = ""
    none: str = ""
    yes: str = ""
    maybe: str | None = None
    fact: bool = False
    hint: bool = False
    todo: str | None = None
    alternatives: tuple[str, ...] = ()
    text: str | None = None
    show: str | None = None
    title: str = ""


class Headed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of a form."""

    name: str
    lines: tuple[Asked, ...]
    split: bool = False


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document as it is before anything is known."""

    title: str
    section: tuple[Headed, ...]


class Forms(msgspec.Struct, frozen=True):
    """All data of audits."""

    items: tuple[Item, ...]
    calls: tuple[Calls, ...]
    libraries: tuple[Libraries, ...]
    forms: Mapping[str, Form]


class _Items(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    item: tuple[Item, ...]


class _Calls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calls: tuple[Calls, ...]
    libraries: tuple[Libraries, ...]


def load(folder: Path) -> Forms:
    """The data in ``reports/audit``. Raises RuleError for what is no such data, with file and key."""
    calls = _read(folder / "calls.toml", _Calls)
    items = _read(folder / "items.toml", _Items).item
    for number, item in enumerate(items):
        if item.doubt and item.doubt not in {one.id for one in items[:number]}:
            raise RuleError(f"{folder / 'items.toml'}: {item.id}: doubt: no question {item.doubt!r} is before it")
    return Forms(
        items=items,
        calls=calls.calls,
        libraries=calls.libraries,
        forms={name: _read(folder / f"{name}.toml", Form) for name in TEMPLATES},
    )


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.convert(table_of(path), kind)
    except msgspec.ValidationError as error:
        raise RuleError(f"{path}: {error}") from error
