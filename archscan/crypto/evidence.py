"""What is kept of the surroundings of a use, for those who judge what it is for (`crypto_use.context_evidence`).

JSON with bounds, the same in every run. Absent keys say that nothing was seen:

``sinks``
    the calls to which goes what the call gave: name, role in the catalogue (null for other functions), and by how many
    steps; the nearest first.
``beside``
    the other calls of catalogued functions in the same function: name and role.
``calls``
    the names of other imported functions that are called there.
``texts``
    texts that the function names or passes, those that the code nearest to the use names first.
``near``
    how many of them stand close to the use; what a long function says elsewhere may be about something else.
``callers``
    the functions of the object that call it: ``name``, ``calls`` (imported functions), ``texts``.
``taken``
    the function's address is kept or passed on: true.
``uncalled``
    nothing in the object is seen to lead to the function, and no other object may: true. Its code came with a library
    that is linked in, and is never run, so the use is `possible`.
``alternatives``
    how many algorithms are chosen from where this one is one of them: by the argument, in the function, or in tables.
``offered``
    how many algorithms the object uses in this role.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from archscan.model import CallSite, Confidence, CryptoUse, Strength, escape

if TYPE_CHECKING:
    from archscan.crypto.book import Book
    from archscan.elf.call_sites import Site

_MOST_SINKS, _MOST_BESIDE, _MOST_CALLS, _MOST_TEXTS = 16, 24, 24, 24
_MOST_CALLERS, _MOST_OF_CALLER = 4, 12
_NEAR = 512  # bytes of code before and behind a use; half of all functions are shorter
# What every function calls says nothing of any.
_EVERYWHERE = frozenset({"__stack_chk_fail", "free", "malloc", "calloc", "realloc", "strlen", "_Unwind_Resume"})
_WRITTEN = re.compile(r'"[^"]*"|[^\s,"][^,"]*')  # what the source writes, with commas between
_PLACE = tuple[str | None, str | None]
"""The function, and the role: where one of several algorithms is chosen."""
_ANYWHERE = ""  # no function has this name


def with_evidence(
    book: Book, numbers: Mapping[str, int], rows: Sequence[CallSite], kept: Sequence[CryptoUse]
) -> tuple[tuple[CallSite, ...], tuple[CryptoUse, ...]]:
    """The same with evidence at each weak use. ``numbers`` are those of the functions, by addresses of the uses."""
    choices = _choices(rows, kept)
    surroundings = _Surroundings(book)
    judged = tuple(
        msgspec.structs.replace(row, uses=tuple(_seen(surroundings, numbers, use, choices, row) for use in row.uses))
        for row in rows
    )
    return judged, tuple(_seen(surroundings, numbers, use, choices, None) for use in kept)


def _seen(
    known: _Surroundings, numbers: Mapping[str, int], use: CryptoUse, choices: Mapping[_PLACE, int],
    row: CallSite | None,
) -> CryptoUse:  # fmt: skip
    if use.strength != Strength.WEAK or use.address is None:
        return use
    found = known.of_use(numbers[use.address], use.symbol, int(use.address, 16))
    site = known.book.by_address.get(int(use.address, 16)) if row is not None else None
    if site is not None:
        found = _with_sinks(found, known.sinks(site))
    alternatives = max(choices.get(_place(use), 0), _ways(row) if row else 0)
    offered = choices.get((_ANYWHERE, use.role), 0)
    found |= {key: count for key, count in (("alternatives", alternatives), ("offered", offered)) if count > 1}
    text = msgspec.json.encode(found).decode() if found else None
    sure = Confidence.POSSIBLE if "uncalled" in found else use.confidence
    return msgspec.structs.replace(use, context_evidence=text, confidence=sure)


def _ways(row: CallSite) -> int:
    """How many algorithms a call may select, or ways of using them: AES with three sizes of key are three."""
    written = set(_WRITTEN.findall(row.value or ""))
    return max(len({one.algorithm for one in row.uses}), len(written) if len(row.uses) > 1 else 0)


def _choices(rows: Iterable[CallSite], kept: Iterable[CryptoUse]) -> Mapping[_PLACE, int]:
    """How many algorithms are named in each function, in tables, or anywhere, for one role."""
    found: defaultdict[_PLACE, set[str]] = defaultdict(set)
    for use in (*kept, *(use for row in rows for use in row.uses)):
        found[_place(use)].add(use.algorithm)
        found[_ANYWHERE, use.role].add(use.algorithm)
    return {place: len(algorithms) for place, algorithms in found.items()}


def _place(use: CryptoUse) -> _PLACE:
    return use.function, use.role


def _with_sinks(found: Mapping[str, object], sinks: Sequence[tuple[str, str | None, int]]) -> dict[str, object]:
    """The same where what are sinks stands no more beside."""
    names = {name for name, _, _ in sinks}
    beside = [one for one in found.get("beside", ()) if one[0] not in names]  # type: ignore[attr-defined]
    calls = [one for one in found.get("calls", ()) if one not in names]  # type: ignore[attr-defined]
    rest = {key: value for key, value in found.items() if key not in ("beside", "calls")}
    said: dict[str, object] = {"sinks": sinks, "beside": beside, "calls": calls}
    return {key: value for key, value in said.items() if value} | rest


class _Surroundings:
    """What surrounds the functions of an object, each looked at once."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._functions: dict[int, dict[str, object]] = {}

    def of_use(self, number: int, symbol: str | None, address: int) -> dict[str, object]:
        """What is said of a function where a use at an address in it is meant, such as a call of ``symbol``."""
        if number not in self._functions:
            self._functions[number] = {key: value for key, value in self._said(number) if value}
        found = self._functions[number]
        beside = [one for one in found.get("beside", ()) if one[0] != symbol]  # type: ignore[attr-defined]
        rest = {key: value for key, value in found.items() if key != "beside"}
        return ({"beside": beside} if beside else {}) | rest | self._texts(number, address)

    def _texts(self, number: int, address: int) -> dict[str, object]:
        """The texts of a function, the nearest first, and how many are near."""
        away = [(min(abs(one - address) for one in places), text)
                for text, places in self.book.sites.around(number, True).texts]  # fmt: skip
        away.sort(key=lambda one: one[0])
        near = sum(distance <= _NEAR for distance, _ in away[:_MOST_TEXTS])
        return {"texts": [escape(text) for _, text in away[:_MOST_TEXTS]], "near": near} if away else {}

    def _said(self, number: int) -> Iterator[tuple[str, object]]:
        around = self.book.sites.around(number, True)
        own = {site.symbol for site in self.book.by_function.get(number, ())}
        names = [escape(name) for name in around.calls if name not in _EVERYWHERE]
        known = [name for name in dict.fromkeys((*sorted(own), *names)) if self._role(name)]
        yield "beside", [(name, self._role(name)) for name in known[:_MOST_BESIDE]]
        yield "calls", [name for name in names if not self._role(name)][:_MOST_CALLS]
        yield "taken", around.taken
        yield "uncalled", around.uncalled
        yield "callers", [self._caller(one) for one in around.callers[:_MOST_CALLERS]]

    def _caller(self, number: int) -> dict[str, object]:
        around = self.book.sites.around(number, False)
        said = {
            "name": around.name,
            "calls": [escape(name) for name in around.calls if name not in _EVERYWHERE][:_MOST_OF_CALLER],
            "texts": [escape(text) for text, _ in around.texts[:_MOST_OF_CALLER]],
        }
        return {key: value for key, value in said.items() if value}

    def sinks(self, site: Site) -> list[tuple[str, str | None, int]]:
        """The calls that get what a call gave, each function once."""
        nearest: dict[str, int] = {}
        for step, name in self.book.sites.receivers(site, self._is_known):
            if name not in _EVERYWHERE:
                nearest.setdefault(escape(name), step)
        return [(name, self._role(name), step) for name, step in list(nearest.items())[:_MOST_SINKS]]

    def _is_known(self, name: str) -> bool:
        return name in self.book.whose

    def _role(self, name: str) -> str | None:
        """The role of a function, where its other arguments are not known; what needs one of them comes first."""
        known = self.book.whose.get(name)
        return known[0].uses[-1].role.value if known and known[0].uses else None
