"""What trackers say of bugs now: asked by python-debianbts, or given in a file."""

from __future__ import annotations

import json
import socket
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.errors import BugError, UsageError
from archscan.store.bugs import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_SECONDS = 120.0
_MOST_BYTES = 256 << 20
_MOST_NUMBER = 10**9
_MOST_TEXT = 2_000
_NUMBERS = ("bug_num", "number", "id")
_DONE = ("fix released", "invalid", "opinion", "expired", "won't fix", "done")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A bug of a tracker as it stands; versions as the tracker writes them, such as ``tool/1.0-1``."""

    tracker: str
    number: int
    source: str
    subject: str
    done: bool
    tags: tuple[str, ...] = ()
    fixed_versions: tuple[str, ...] = ()
    found_versions: tuple[str, ...] = ()
    message_id: str = ""

    @property
    def wontfix(self) -> bool:
        """Whether somebody said that it is not to be mended."""
        return "wontfix" in self.tags


def read(path: Path) -> list[Status]:
    """The bugs of a JSON file: a list of objects with the names of python-debianbts. Raises BugError.

    ``tracker`` may be ``launchpad``, whose ``status`` says whether a bug is done.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise BugError(f"{path}: expected at most {_MOST_BYTES >> 20} MiB")
        found = json.loads(data)
    except OSError as error:
        raise BugError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BugError(f"{path}: expected JSON: {error}") from error
    if not isinstance(found, list):
        raise BugError(f"{path}: expected a list of bugs")
    return [_status(f"{path}: bug {place}", one) for place, one in enumerate(found, 1)]


def _status(place: str, one: object) -> Status:
    if not isinstance(one, dict):
        raise BugError(f"{place}: expected an object")
    number = next((one[name] for name in _NUMBERS if name in one), None)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < _MOST_NUMBER:
        raise BugError(f"{place}: {_NUMBERS[0]}: expected a number, got {ascii(number)[:40]}")
    tracker = one.get("tracker", "debian")
    if tracker not in TARGETS:
        raise BugError(f"{place}: tracker: expected one of {', '.join(TARGETS)}")
    status = str(one.get("status", "")).lower()
    tags = [*_texts(one.get("tags", ())), *(["wontfix"] if status == "won't fix" else [])]
    source = _text(one.get("source") or one.get("package") or "").removeprefix("src:")
    return Status(
        tracker=tracker, number=number, source=source,
        subject=_text(one.get("subject") or one.get("title") or ""), done=bool(one.get("done")) or status in _DONE,
        tags=tuple(tags), fixed_versions=_texts(one.get("fixed_versions", ())),
        found_versions=_texts(one.get("found_versions", ())), message_id=_text(one.get("msgid") or ""),
    )  # fmt: skip


def _text(value: object) -> str:
    return str(value)[:_MOST_TEXT].encode("utf-8", "replace").decode()


def _texts(value: object) -> tuple[str, ...]:
    """Several words, which trackers give as a list, as one text, or as one word where there is but one."""
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    return tuple(_text(one) for one in parts) if isinstance(parts, (list, tuple)) else ()


class Tracker(msgspec.Struct, frozen=True):
    """The Debian bug tracking system: what it says of numbers, and the numbers of a query or usertags."""

    status: Callable[[Sequence[int]], list[Status]]
    of_source: Callable[[str], list[int]]
    of_usertags: Callable[[str, Sequence[str]], list[int]]


def debian(url: str | None) -> Tracker:
    """The tracker, asked through python-debianbts; ``url`` is that of another SOAP server. Raises UsageError."""
    try:
        import debianbts
    except ImportError as error:
        raise UsageError("--debianbts needs python-debianbts: pip install 'archscan[bugs]'") from error
    if url is not None:
        debianbts.set_soap_location(url)

    def status(numbers: Sequence[int]) -> list[Status]:
        return [_of_debian(one) for one in _answered(lambda: debianbts.get_status(list(numbers)))] if numbers else []

    def of_source(source: str) -> list[int]:
        return _numbers(_answered(lambda: debianbts.get_bugs(src=source, status="open")))

    def of_usertags(user: str, tags: Sequence[str]) -> list[int]:
        found: Mapping[str, Iterable[int]] = _answered(lambda: debianbts.get_usertag(user, list(tags)))
        return _numbers(number for numbers in found.values() for number in numbers)

    return Tracker(status, of_source, of_usertags)


def _numbers(found: Iterable[int]) -> list[int]:
    return sorted({number for number in found if 0 < number < _MOST_NUMBER})


def _answered(ask: Callable[[], Any]) -> Any:
    """What the library brings; whatever a server does to it is one line."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS)  # the library knows no other way
    try:
        return ask()
    except (OSError, urllib.error.URLError) as error:
        raise BugError(f"the bug tracking system does not answer: {error}") from error
    except Exception as error:
        # What a server can make the library raise is not written down: SyntaxError of XML, KeyError, AssertionError …
        raise BugError(f"the bug tracking system answered something else than expected: {repr(error)[:200]}") from error
    finally:
        socket.setdefaulttimeout(before)


def _of_debian(one: Any) -> Status:
    return Status(
        tracker="debian", number=int(one.bug_num), source=_text(one.source or one.package or "").removeprefix("src:"),
        subject=_text(one.subject), done=bool(one.done), tags=tuple(_text(tag) for tag in one.tags),
        fixed_versions=_texts(one.fixed_versions), found_versions=_texts(one.found_versions),
        message_id=_text(one.msgid),
    )  # fmt: skip
