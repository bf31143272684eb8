"""Which files somebody has reviewed: a SHA-256 and a path a line, under who did and when; and whether that holds now.

A manifest is trusted as it is: it belongs in version control, or where only reviewers may write. Files are known by
their paths from its folder, and those that come with archscan as ``archscan:…``, wherever that is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

from archscan.errors import BaselineError
from archscan.model import escape, unescape

FORMAT = "archscan-reviewed/1"
SHIPPED = "archscan:"
_MOST_BYTES = 16 << 20
_MOST_NAMED = 10  # files that an error names
_ENTRY = re.compile(r"([0-9a-f]{64})  (.+)")
_HEAD = re.compile(r"(Reviewed|By): (.+)")


class Entry(msgspec.Struct, frozen=True):
    """A file as it was when it was reviewed."""

    sha256: str
    path: str
    day: date
    who: str


class Age(msgspec.Struct, frozen=True):
    """Days after which a review is old: more than ``nag`` is told, more than ``block`` refused; None never."""

    nag: int | None = None
    block: int | None = None


Files = Mapping[str, str]
"""Path as manifests have it → SHA-256 of what is there now."""


def rule_files(folder: Path, manifest: Path, *, shipped: bool = False) -> Files:
    """Every data file under a folder of rules, also in folders that are links. Raises BaselineError."""
    found: dict[str, str] = {}
    for path in sorted(_data_files(folder)):
        name = f"{SHIPPED}{path.relative_to(folder).as_posix()}" if shipped else place(path, manifest)
        found[escape(os.fsencode(name))] = digest(path)
    return found


def _data_files(folder: Path) -> Iterator[Path]:
    seen = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(root, name) for name in files if name.endswith(".toml"))


def place(path: Path, manifest: Path) -> str:
    """The path of a file as the manifest has it: from its folder, whatever way leads there."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, manifest.parent.resolve())).as_posix()


def within(path: str, scopes: Sequence[str]) -> bool:
    """Whether it is the path of a rule in one of these folders: as ``place`` has them, with a slash behind."""
    shipped = path.startswith(SHIPPED)
    return path.endswith(".toml") and any(path.startswith(one) and shipped == (one == SHIPPED) for one in scopes)


def digest(path: Path) -> str:
    """The SHA-256 of a file. Raises BaselineError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error


def reviewed(known: Sequence[Entry], files: Files, scopes: Sequence[str], who: str, day: date) -> tuple[Entry, ...]:
    """The entries after somebody reviewed these files; what lies in one of the ``scopes`` and is no more, goes."""
    kept = [one for one in known if one.path not in files and not within(one.path, scopes)]
    made = [Entry(sha256, path, day, who) for path, sha256 in files.items()]
    return tuple(sorted([*kept, *made], key=lambda one: (one.day, one.who, one.path)))


def text(entries: Sequence[Entry]) -> Iterator[str]:
    """The lines of a manifest, with line ends: a paragraph for each day and reviewer."""
    yield f"Format: {FORMAT}\n"
    under: tuple[date, str] | None = None
    for one in sorted(entries, key=lambda one: (one.day, one.who, one.path)):
        if (one.day, one.who) != under:
            under = (one.day, one.who)
            yield f"\nReviewed: {one.day.isoformat()}\nBy: {escape(one.who)}\n"
        yield f"{one.sha256}  {one.path}\n"


def read(path: Path) -> tuple[Entry, ...]:
    """The entries of a manifest. Raises BaselineError that names the line."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read: {error.strerror}") from error
    return parsed(str(path), data)


def parsed(name: str, data: bytes) -> tuple[Entry, ...]:
    """The entries of a manifest's bytes; ``name`` is for errors. Raises BaselineError that names the line."""
    if len(data) > _MOST_BYTES:
        raise BaselineError(f"{name}: expected at most {_MOST_BYTES >> 20} MiB")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise BaselineError(f"{name}: expected UTF-8") from error
    if lines[0].rstrip("\r") != f"Format: {FORMAT}":
        raise BaselineError(f"{name}:1: expected `Format: {FORMAT}` as the first line")
    found: dict[str, Entry] = {}
    head: dict[str, str] = {}
    for number, line in enumerate((line.rstrip("\r") for line in lines[1:]), 2):
        if not line or line.startswith("#"):
            head = {} if not line else head
        elif match := _HEAD.fullmatch(line):
            head[match[1]] = _head_value(name, number, match[1], match[2])
        else:
            one = _entry(name, number, line, head)
            if one.path in found:
                raise BaselineError(f"{name}:{number}: {one.path[:80]!a}: expected once")
            found[one.path] = one
    return tuple(found.values())


def _head_value(name: str, number: int, field: str, value: str) -> str:
    if field == "Reviewed":
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError as error:
            raise BaselineError(f"{name}:{number}: Reviewed: expected a day as YYYY-MM-DD, got {value[:40]!a}"
                                ) from error  # fmt: skip
    return unescape(value).decode("utf-8", "replace")


def _entry(name: str, number: int, line: str, head: Mapping[str, str]) -> Entry:
    match = _ENTRY.fullmatch(line)
    if not match:
        raise BaselineError(f"{name}:{number}: {line[:60]!a}: expected `Reviewed: `, `By: `, or a SHA-256, two "
                            "blanks and a path")  # fmt: skip
    if head.keys() != {"Reviewed", "By"}:
        raise BaselineError(f"{name}:{number}: expected `Reviewed: ` and `By: ` above it")
    return Entry(match[1], match[2], date.fromisoformat(head["Reviewed"]), head["By"])


def require(
    name: str, known: Sequence[Entry], files: Files, scopes: Sequence[str], age: Age, today: date
) -> str | None:
    """What to tell of a review that grows old, or None; ``name`` is the manifest's.

    ``files`` are those that must be reviewed as they are; what lies in one of the ``scopes`` must be among them. Raises
    BaselineError that names each file which is not reviewed, modified or missing, and where a review is too old, or of
    a day that is still to come.
    """
    by_path = {one.path: one for one in known}
    wrong = [
        *(f"{path} is not reviewed" for path in sorted(files.keys() - by_path.keys())),
        *(f"{path} is modified" for path in sorted(files) if path in by_path and by_path[path].sha256 != files[path]),
        *(f"{path} is missing" for path in sorted(by_path) if path not in files and within(path, scopes)),
    ]
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        raise BaselineError(f"{name}: {'; '.join(wrong[:_MOST_NAMED])}{more}")
    relevant = [by_path[path] for path in files]
    return _aged(name, relevant, age, today) if relevant else None


def _aged(name: str, entries: Sequence[Entry], age: Age, today: date) -> str | None:
    newest, oldest = max(entries, key=lambda one: one.day), min(entries, key=lambda one: one.day)
    if newest.day > today:
        raise BaselineError(f"{name}: {newest.path} was reviewed on {newest.day.isoformat()}, which is still to come")
    days = (today - oldest.day).days
    told = f"{name}: the review of {oldest.path} is {days} days old ({oldest.day.isoformat()}, {escape(oldest.who)})"
    if age.block is not None and days > age.block:
        raise BaselineError(f"{told}; more than {age.block} are too many: review again")
    if age.nag is not None and days > age.nag:
        rest = f"; it is refused after {age.block}" if age.block is not None else ""
        return f"{told}, more than {age.nag}{rest}"
    return None
