"""Readings as a scan would give them, made by a seed from the statistics of a real one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Any

import msgspec
import numpy as np

from archscan.model import (
    CallSite,
    CryptoUse,
    Elf,
    End,
    File,
    FileKind,
    Identity,
    Import,
    Override,
    Package,
    PrivilegeSource,
    Reason,
    Relation,
    Site,
)
from archscan.pool import frames
from archscan.pool.spawner import Answer, Ending
from archscan.pool.terms import Result
from tests.bench.statistics import VERDICTS, Statistics

_SHAPE = ("kind", "machine", "bits", "endian", "language", "stripped", *VERDICTS, "relro")
_USE = ("algorithm", "strength", "role", "direction", "library", "symbol", "evidence", "confidence")
_WORDS = "cannot open read write of the file for at in line unknown option name value error while user key not".split()
_MOST_NAMES = 300_000  # that are remembered


class Made:
    """What packages say, one after the other. Two with the same seed say the same."""

    def __init__(self, statistics: Statistics, seed: int) -> None:
        self._known, self._random, self._numbers = statistics, Random(seed), np.random.default_rng(seed)
        self._shapes = _Choice(statistics.shapes_of)
        self._packages = _Choice([(int(count), many) for count, many in statistics.objects_of.items()])
        self._sonames = _Choice(statistics.sonames_of)
        self._calls = _Choice([(tuple(call), many) for *call, many in statistics.calls_of])
        self._uses = _Choice(statistics.uses_of)
        self._reasons = {
            (column, value): _Choice([(one[:3], one[3]) for one in several])
            for column, by_value in statistics.reasons_of.items()
            for value, several in by_value.items()
        }
        nodes = statistics.nodes
        self._often = [Import(name, *nodes[node]) for name, node, _ in statistics.symbols_of]
        self._weights = np.cumsum([many for *_, many in statistics.symbols_of], dtype=float)
        self._weights /= self._weights[-1]
        self._names: dict[int, Import] = {}

    def results(self) -> Iterator[Result]:
        """What a worker brings of one package after the other, without end."""
        number = 0
        while True:
            identity = self._identity(number)
            answer = Answer(Ending("exit", 0, hungry=False), frames.said(*self._package(number)), 0.1)
            yield Result(identity, (answer,))
            number += 1

    def _identity(self, number: int) -> Identity:
        draw = self._random
        digest = hashlib.sha256(f"package {number} {draw.random()}".encode()).hexdigest()
        return Identity(sha256=digest, size=draw.randrange(1_000, 10_000_000), known=False)

    def _package(self, number: int) -> Iterator[Package | File | Override | Elf | End]:
        draw, known = self._random, self._known
        source = f"source-{number - number % 3}"
        relations = tuple(
            Relation("depends", f"lib{draw.randrange(20_000)}", ">=", "1.0")
            for _ in range(self._count(known.relations))
        )
        control = {"Package": f"package-{number}", "Description": self._text(max(known.control - 60, 10))}
        yield Package(
            name=f"package-{number}", version="1.2-3", version_key=f"0:{number % 7:08}",
            architecture="amd64", variant=None, source=source, source_version="1.2-3", control_section="misc",
            control_priority="optional", essential=False,
            maintainer="Maintainers <maintainers@example.org>", installed_size=draw.randrange(1 << 16),
            control=json.dumps(control), relations=relations,
        )  # fmt: skip
        for line in range(self._count(known.overrides)):
            yield Override(line=line, tag="spelling-error-in-binary", context=f"[usr/bin/x{line}]", comment="",
                           architectures="", applies=True)  # fmt: skip
        yield from self._links(number)
        earlier: list[Import] = []
        for place in range(self._packages.drawn(draw)):
            yield from self._object(number, place, earlier)
        yield End(built="2026-01-02T03:04:05")

    def _links(self, number: int) -> Iterator[File]:
        for kind, many in self._known.links_of:
            for place in range(self._often_enough(many / self._known.packages)):
                path = f"usr/lib/package-{number}/{kind}{place}"
                yield File(path=path, path_key=path, mode=0o644, owner="root", group="root", size=1,
                           kind=FileKind(kind), link="usr/bin/other" if "link" in kind else None)  # fmt: skip
        for privilege, many in self._known.privileges_of:
            for place in range(self._often_enough(many / self._known.packages)):
                path = f"usr/sbin/package-{number}/{privilege}{place}"
                yield File(path=path, path_key=path, mode=0o4755, owner="root", group="root", size=1,
                           kind=FileKind.REGULAR, privilege=privilege,
                           privilege_source=PrivilegeSource.TAR)  # fmt: skip

    def _object(self, number: int, place: int, earlier: list[Import]) -> Iterator[File | Elf]:
        draw, known = self._random, self._known
        shape = dict(zip(_SHAPE, self._shapes.drawn(draw), strict=True))
        kind = str(shape["kind"])
        path = f"usr/lib/x86_64-linux-gnu/package-{number}/object-{place}.so"
        yield File(path=path, path_key=path, mode=0o644, owner="root", group="root", size=20_000, kind=FileKind.ELF)
        calls = self._count(known.calls) if draw.random() < known.with_calls else 0
        uses = self._count(known.uses) if draw.random() < known.with_uses else 0
        yield msgspec.convert(
            {
                **shape,
                "path": path, "path_key": path, "file_path": path, "size": draw.randrange(5_000, 900_000),
                "sha256": f"{draw.getrandbits(256):064x}", "build_id": f"{draw.getrandbits(160):040x}",
                "soname": f"lib{number}.so.{place}" if kind == "shared-library" else None,
                "interpreter": "/lib64/ld-linux-x86-64.so.2" if kind == "pie" else None,
                "stripped": bool(shape["stripped"]),
                "sanitizers": None, "textrel": 0, "wx_segments": 0, "rpath": None, "runpath": None,
                "fortified_calls": draw.randrange(20), "fortifiable_calls": draw.randrange(20),
                "reasons": self._all_reasons(shape),
                "needed": self._libraries(self._count(known.needed[kind])),
                "imports": self._imports(self._count(known.imports[kind]), earlier),
                "calls": tuple(self._call(at) for at in range(calls)),
                "crypto": tuple(self._use(self._uses.drawn(draw), at) for at in range(uses)),
            },
            Elf,
        )  # fmt: skip

    def _all_reasons(self, shape: dict[str, Any]) -> dict[str, Reason]:
        found = {}
        for column in (*VERDICTS, "relro", "language"):
            code, length, sites = self._reasons[column, str(shape[column])].drawn(self._random)
            if code:
                places = tuple(Site(address=f"0x{self._random.getrandbits(20):x}") for _ in range(sites))
                found[column] = Reason(code=code, text=self._text(length), sites=places)
        return found

    def _libraries(self, count: int) -> tuple[str, ...]:
        return tuple({self._sonames.drawn(self._random): None for _ in range(count)})

    def _imports(self, count: int, earlier: list[Import]) -> tuple[Import, ...]:
        """Frequent names, those of the objects before, and rare ones, whose number never ends."""
        if not count:
            return ()
        rare = int(count * self._known.rest)
        again = min(int(rare * self._known.again), len(earlier))
        chosen: dict[Import, None] = {}
        places = np.searchsorted(self._weights, self._numbers.random((count - rare) * 3))
        for place in dict.fromkeys(places.tolist()):
            if len(chosen) >= count - rare:
                break
            chosen[self._often[place]] = None
        for place in self._numbers.integers(0, len(earlier), again).tolist() if again else ():
            chosen[earlier[place]] = None
        # A name of rank r is drawn r ** (-1 / growth) times as often as the first (Heaps' and Zipf's laws).
        beyond = self._numbers.random(rare - again) ** (-1 / (1 / self._known.growth - 1))
        for rank in np.unique((len(self._often) * np.minimum(beyond, 1e9)).astype(np.int64)).tolist():
            one = self._rare(rank)
            chosen[one] = None
            earlier.append(one)
        del earlier[:-5_000]
        return tuple(chosen)

    def _rare(self, rank: int) -> Import:
        found = self._names.get(rank)
        if found is None:
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            digest = hashlib.sha256(str(rank).encode()).hexdigest()
            library = rank % 997
            name = f"_ZN{digest[: 8 + rank % (2 * self._known.length - 16)]}{rank}E"
            found = self._names[rank] = Import(name, f"LIB{library}_1" if rank % 3 else None,
                                               f"lib{library}.so.1" if rank % 3 else None)  # fmt: skip
        return found

    def _call(self, at: int) -> CallSite:
        library, symbol, outcome, reason, uses = self._calls.drawn(self._random)
        address = f"0x{at * 64 + self._random.randrange(64):x}"
        return msgspec.convert(
            {"address": address, "function": f"sub_{at:x}", "library": library, "symbol": symbol, "outcome": outcome,
             "value": "0" if outcome == "value" else None, "reason": reason,
             "uses": tuple(self._use(use, at) for use in uses)},
            CallSite,
        )  # fmt: skip

    def _use(self, use: Sequence[str | None], at: int) -> CryptoUse:
        said = dict(zip(_USE, use, strict=True))
        around = self._surroundings() if said["strength"] == "weak" else None
        return msgspec.convert(
            {**said, "function": f"sub_{at:x}", "address": f"0x{at:x}", "context_evidence": around}, CryptoUse
        )

    def _surroundings(self) -> str:
        draw, size = self._random, self._count(self._known.surroundings)
        calls = [self._often[draw.randrange(len(self._often))].symbol for _ in range(size // 60)]
        texts = [self._text(18) for _ in range(size // 50)]
        return json.dumps(
            {"calls": calls, "texts": texts, "near": len(texts) // 2, "alternatives": draw.randrange(1, 4)}
        )

    def _text(self, length: int) -> str:
        words = self._random.choices(_WORDS, k=length // 5 + 1)
        return " ".join(words)[:length].strip() or "at"

    def _count(self, quantiles: Sequence[int]) -> int:
        """A number as often as the quantiles say."""
        at = self._random.random() * (len(quantiles) - 1)
        low, high = quantiles[int(at)], quantiles[int(at) + 1]
        return round(low + (high - low) * (at - int(at)))

    def _often_enough(self, mean: float) -> int:
        return int(mean) + (self._random.random() < mean - int(mean))


class _Choice:
    """Values that are drawn as often as they were counted."""

    def __init__(self, counted: Sequence[tuple[Any, int]]) -> None:
        self._values = [value for value, _ in counted]
        self._sums = list(accumulate(many for _, many in counted))

    def drawn(self, random: Random) -> Any:
        """One of the values."""
        return random.choices(self._values, cum_weights=self._sums)[0]
