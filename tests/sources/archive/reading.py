"""Archives read as a scan reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from archscan.model import Problem, Published
from archscan.sources.archive import IndexFile, Suite, Wanted, packages, suites
from archscan.sources.fetch import Fetcher

NOW = datetime.now(UTC)


class Files(Fetcher):
    """A fetcher that notes what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def fetch(self, url: str, *, most: int, size: int | None = None, sha256: str | None = None) -> BinaryIO:
        self.urls.append(url)
        return super().fetch(url, most=most, size=size, sha256=sha256)


def wanted(*names: str, **options: object) -> Wanted:
    """What to read of an archive; by itself of the suite bookworm, for amd64, today."""
    asked = Wanted(now=NOW, suites=names or ("bookworm",), architectures=("amd64",))
    return msgspec.structs.replace(asked, **options)


def only(mirror: Path | str, asked: Wanted, fetcher: Files | None = None) -> Suite:
    """The only suite that was asked for."""
    (found,) = suites(str(mirror), asked, fetcher or Files())
    return found


def unexpected(problem: Problem) -> None:
    """What to do with a problem where there should be none."""
    raise AssertionError(problem)


def read(file: IndexFile, problems: list[Problem] | None = None) -> list[Published]:
    """The packages of an index; without a list of ``problems`` there may be none."""
    said: list[Problem] = [] if problems is None else problems
    found = list(packages(file, Files(), said.append))
    assert problems is not None or not said, said
    return found


def names(suite: Suite) -> list[str]:
    """The names of all packages of a suite that has nothing wrong with it."""
    assert not suite.refused, suite.problems
    return sorted(package.name for file in suite.indices for package in read(file))


def why(suite: Suite) -> tuple[str, str]:
    """Why a suite was refused: kind and message of its only problem."""
    assert suite.refused
    assert not suite.indices
    assert not suite.sources
    (problem,) = suite.problems
    assert problem.stage == "source"
    return str(problem.kind), problem.message
