"""What the libraries in packages, and plain files of them, export: each read in its disposable process."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from archscan import pool, sources
from archscan.crypto.catalogue import Catalogue
from archscan.crypto.exported import Difference, differences, library_of
from archscan.errors import NoTargetError
from archscan.model import Limits, Problem
from archscan.scan.package import prepare, read_package


class Checked(msgspec.Struct, frozen=True):
    """Something in a package: a library of the catalogue with the differences, or what could not be read."""

    target: str
    differences: tuple[Difference, ...] = ()
    problem: Problem | None = None


def checked(
    targets: Sequence[str], catalogue: Catalogue, limits: Limits, stdin: BinaryIO, workers: int
) -> Iterator[Checked]:
    """What comes of each package: its libraries of the catalogue, and its problems.

    Raises NoTargetError where the targets name no package.
    """
    with sources.expanded(targets, stdin) as found:
        if not found.jobs:
            raise NoTargetError("; ".join(f"{missing.target}: {missing.message}" for missing in found.unmatched))
        for missing in found.unmatched:
            yield Checked(missing.target, problem=missing.problem())
        # What the libraries call of each other is not asked.
        silent = msgspec.structs.replace(catalogue, index={})
        work = functools.partial(read_package, catalogue=silent, exports="all")
        count = min(workers, len(found.jobs))
        for reading in pool.readings(found.jobs, work, limits, count, sources.opened, prepare):
            target = reading.job.target
            yield from (Checked(target, problem=problem) for problem in reading.problems)
            for one in reading.objects:
                library = library_of(catalogue, one.soname, one.path)
                if library is not None:
                    yield Checked(target, tuple(differences(library, one.soname or one.path, one.exports)))
