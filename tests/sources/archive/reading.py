"""Archives read as a scan reads them."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import msgspec

from archscan.errors import SourceError
from archscan.model import Problem, Published
from archscan.sources.archive import IndexFile, Suite, Wanted, packages, suites

NOW = datetime.now(UTC)


class Files:
    """Fetches what `file:` URLs name, and notes what was asked for."""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def fetch(self, url: str, *, most: int, size: int | None = None, sha256: str | None = None) -> BinaryIO:
        self.urls.append(url)
        try:
            with Path(unquote(urlsplit(url).path)).open("rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise SourceError("missing", "no such file") from error
        if len(data) > most and size is None:
            raise SourceError("limit", f"it has more than {most} bytes")
        if size is not None and len(data) != size:
            raise SourceError("truncated" if len(data) < size else "mismatch", f"it has {len(data)} bytes, not {size}")
        if sha256 and hashlib.sha256(data).hexdigest() != sha256:
            raise SourceError("mismatch", "its SHA-256 is not the one that was promised")
        return io.BytesIO(data)


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
