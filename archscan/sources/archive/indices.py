"""The indices of a suite: fetched in the smallest form that there is, verified, and read paragraph by paragraph."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec

from archscan.errors import SourceError
from archscan.model import Index, Problem, ProblemKind, Published, SourceEntry, Stage, escape, unescape
from archscan.sources.archive.asked import Fetcher, below
from archscan.sources.archive.packages import PACKAGE_FIELDS, SOURCE_FIELDS, published, source_entry
from archscan.sources.archive.paragraphs import Paragraph, paragraphs
from archscan.sources.archive.release import Listed, Release
from archscan.sources.archive.unpacked import unpacked, verified

_LARGEST = 1 << 30  # bytes of an index, also unpacked; Debian's main have 50 MB, Ubuntu's universe 70
_MOST_PROBLEMS = 100  # of one index that are told one by one
_MOST_PARAGRAPHS = 1_000_000  # Ubuntu's universe has 70,000
_COMPRESSIONS = {"": "", ".xz": "xz", ".gz": "gz", ".zst": "zst"}

_log = logging.getLogger(__name__)

Report = Callable[[Problem], None]


class Form(msgspec.Struct, frozen=True):
    """One form in which an index may be had: where, how compressed, and what Release promises of it."""

    urls: tuple[str, ...]
    compression: str
    promised: Listed


class IndexFile(msgspec.Struct, frozen=True, kw_only=True):
    """An index that nobody has fetched yet; ``index.sha256`` tells whether it is the one of last time."""

    index: Index
    path: str  # in the suite's folder, without compression
    forms: tuple[Form, ...]  # the smallest first
    plain: Listed | None  # what it unpacks to, where Release says
    only: tuple[str, ...] = ()  # architectures, where the index mixes them


def index_file(index: Index, path: str, release: Release, folder: str, only: tuple[str, ...]) -> IndexFile | None:
    """The index at ``path`` (without compression) of a suite's ``folder``, or None where Release lists none."""
    listed = {suffix: release.files[path + suffix] for suffix in _COMPRESSIONS if path + suffix in release.files}
    if not listed:
        return None
    plain = listed.get("")
    # Without one, the form that is told first stands for it: the same as long as it is the same.
    state = plain or next(iter(listed.values()))
    place = path.rpartition("/")[0]
    forms = []
    for suffix, promised in sorted(listed.items(), key=lambda item: (item[1].size, item[0])):
        by_hash = f"{place}/by-hash/SHA256/{promised.sha256}".lstrip("/")
        names = ([by_hash] if release.by_hash else []) + [path + suffix]
        forms.append(Form(tuple(below(folder, name) for name in names), _COMPRESSIONS[suffix], promised))
    return IndexFile(
        index=msgspec.structs.replace(index, sha256=state.sha256), path=path, forms=tuple(forms), plain=plain, only=only
    )


def packages(file: IndexFile, fetcher: Fetcher, report: Report) -> Iterator[Published]:
    """The packages of a Packages file, each as soon as it is parsed. What is wrong with one is reported.

    Raises SourceError where the file cannot be had or is not what Release promises: what came before it must then not
    be kept either. Of packages with one name, version and architecture but different content, each is given, and all
    but the first are reported.
    """
    seen: dict[int, int] = {}  # by hashes, as it would be the largest thing of a whole scan otherwise
    tell = _Limited(report, file.path)
    for paragraph in _paragraphs(file, fetcher, PACKAGE_FIELDS):
        try:
            found = published(_fields(paragraph))
        except SourceError as error:
            tell(_problem(error, paragraph))
            continue
        if file.only and found.architecture not in (*file.only, "all"):
            continue
        content = hash(found.sha256)
        if seen.setdefault(hash((found.name, found.version, found.architecture)), content) != content:
            name = f"{found.name} {found.version} {found.architecture}"
            tell(_problem(SourceError("mismatch", f"another {name} has a different SHA256"), paragraph))
        yield found
    tell.end()


def source_entries(file: IndexFile, fetcher: Fetcher, report: Report) -> Iterator[SourceEntry]:
    """The source packages of a Sources file. What is wrong with one is reported; raises SourceError as ``packages``.

    A mirror that leaves out what Release lists (``missing``) has no source packages, which is no fault.
    """
    tell = _Limited(report, file.path)
    try:
        for paragraph in _paragraphs(file, fetcher, SOURCE_FIELDS):
            try:
                found = source_entry(_fields(paragraph))
            except SourceError as error:
                tell(_problem(error, paragraph))
                continue
            yield found
    except SourceError as error:
        if error.kind != ProblemKind.MISSING:
            raise
        _log.info("%s: %s", file.index.base, error)
    tell.end()


def url_of(base: str, filename: str) -> str:
    """The URL of a package: its ``filename`` below the ``base`` of its index, both as the database has them."""
    return below(base, unescape(filename))


class _Limited:
    """Reports the first problems one by one, and then how many more there were."""

    def __init__(self, report: Report, path: str) -> None:
        self._report, self._path, self._count = report, path, 0

    def __call__(self, problem: Problem) -> None:
        self._count += 1
        if self._count <= _MOST_PROBLEMS:
            self._report(msgspec.structs.replace(problem, path=self._path))

    def end(self) -> None:
        """To be called behind the last."""
        if self._count > _MOST_PROBLEMS:
            message = f"{self._count - _MOST_PROBLEMS} more paragraphs have something wrong with them"
            self._report(Problem(stage=Stage.SOURCE, kind=ProblemKind.CORRUPT, message=message, path=self._path))


def _paragraphs(file: IndexFile, fetcher: Fetcher, names: frozenset[bytes]) -> Iterator[Paragraph]:
    with _opened(file, fetcher) as (opened, form):
        pieces = unpacked(opened, form.compression, most=min(file.plain.size, _LARGEST) if file.plain else _LARGEST)
        if file.plain:
            pieces = verified(pieces, size=file.plain.size, sha256=file.plain.sha256)
        try:
            for paragraph in paragraphs(pieces, names):
                if paragraph.number > _MOST_PARAGRAPHS:
                    raise SourceError("limit", f"it has more than {_MOST_PARAGRAPHS} paragraphs")
                yield paragraph
        except SourceError as error:
            raise SourceError(error.kind, f"{file.path}: {error}") from error


@contextmanager
def _opened(file: IndexFile, fetcher: Fetcher) -> Iterator[tuple[BinaryIO, Form]]:
    """The smallest form that the mirror has, as Release promises it."""
    for form in file.forms:
        if form.promised.size > _LARGEST:
            raise SourceError("limit", f"{file.path}: it has {form.promised.size} bytes, more than {_LARGEST}")
        for url in form.urls:
            try:
                opened = fetcher.fetch(
                    url, most=form.promised.size, size=form.promised.size, sha256=form.promised.sha256
                )
            except SourceError as error:
                if error.kind != ProblemKind.MISSING:
                    raise SourceError(error.kind, f"{file.path}: {error}") from error
                continue
            with opened:
                yield opened, form
            return
    raise SourceError("missing", f"{file.path}: the mirror has none of the forms that Release lists")


def _fields(paragraph: Paragraph) -> dict[bytes, bytes]:
    if paragraph.fault:
        raise SourceError("corrupt", f"it {paragraph.fault}")
    return paragraph.fields


def _problem(error: SourceError, paragraph: Paragraph) -> Problem:
    name = escape(paragraph.fields.get(b"package", b"?")[:200])
    message = f"paragraph {paragraph.number} ({name}): {error}"
    return Problem(stage=Stage.SOURCE, kind=ProblemKind(error.kind), message=message)
