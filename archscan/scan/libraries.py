"""What the libraries in packages, and plain files of them, export: each read in its disposable process."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from archscan import pool, sources
from archscan.crypto.catalogue import Catalogue
from archscan.crypto.exported import Difference, differences, library_of
from archscan.errors import NoTargetError
from archscan.model import Elf, Limits, Problem
from archscan.scan.package import prepare, read_package


def checked(
    targets: Sequence[str], catalogue: Catalogue, limits: Limits, stdin: BinaryIO, workers: int
) -> Iterator[tuple[Elf | Problem, tuple[Difference, ...]]]:
    """Each object in the packages that the catalogue knows as a library, and the differences; or a problem, and none.

    Raises NoTargetError where the targets name no package.
    """
    with sources.expanded(targets, stdin) as found:
        if not found.jobs:
            raise NoTargetError("; ".join(f"{missing.target}: {missing.message}" for missing in found.unmatched))
        work = functools.partial(read_package, catalogue=catalogue, known=frozenset(), exports="all")
        for reading in pool.readings(found.jobs, work, limits, min(workers, len(found.jobs)), prepare):
            yield from ((problem, ()) for problem in reading.problems)
            for one in reading.objects:
                library = library_of(catalogue, one.soname, one.path)
                if library is not None:
                    yield one, tuple(differences(library, one.soname or one.path, one.exports))
