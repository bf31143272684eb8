r"""Decisions as a text that lives in git: a paragraph each, in one order, fields in one order, so that a diff tells.

Paragraphs of ``Name: value`` as in deb822(5), but a value is one line: what may not stand in one is ``\xNN``, and
``\`` is ``\\`` (``model.text``). Lines that begin with ``#`` say nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archscan.errors import DecisionError
from archscan.model import escape, unescape
from archscan.store.decisions import WITH_VERSION
from archscan.triage.decision import Decision, FieldError, checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMAT = "archscan-decisions/1"

FIELDS = {
    "Finding": "fingerprint",
    "Rule": "rule",
    "Source": "source",
    "Package": "package",
    "Path": "path",
    "Versions": "versions",
    "Release": "release",
    "State": "state",
    "Until": "until",
    "Authority": "authority",
    "Made": "made",
    "Evidence": "evidence",
    "About": "about",
    "Reason": "reason",
}
"""The fields in their order, each with the attribute of ``Decision`` that it holds."""

MOST_BYTES = 64 << 20
"""What a file may have."""

_NAME_OF = {attribute: name for name, attribute in FIELDS.items()} | {"finding": "Finding"}
_LINE = re.compile(r"([A-Za-z]+):(?: (.*))?", re.DOTALL)
_BAD_ESCAPE = re.compile(r"\\(?!\\|x[0-9a-f]{2})")
_PAIR = re.compile(r"\\\\")


def text(decisions: Iterable[Decision]) -> Iterator[str]:
    """The paragraphs of the file, sorted, each once."""
    yield f"Format: {FORMAT}\n"
    for one in sorted(set(decisions), key=_place):
        yield "\n" + _paragraph(one)


def _place(one: Decision) -> tuple[str, ...]:
    """What paragraphs are sorted by: selectors first, then findings by what they were; of one target by time."""
    lead = "1" if one.fingerprint else "0"
    about = [one.about or "" if one.fingerprint else ""]
    rest = [name for name in FIELDS.values() if name not in ("state", "until", "authority", "made", "reason")]
    keys = [*rest, "made", "state", "version", "until", "authority", "reason"]
    return (lead, *about, *(f"{'' if (value := getattr(one, key)) is None else '=' + value}" for key in keys))


def _paragraph(one: Decision) -> str:
    lines = []
    for name, attribute in FIELDS.items():
        value = getattr(one, attribute)
        if attribute == "state" and one.version is not None:
            value = f"{value} {one.version}"
        if value:
            lines.append(f"{name}: {_written(value)}\n")
    return "".join(lines)


def _written(value: str) -> str:
    told = escape(value)
    if told.startswith(" "):
        told = r"\x20" + told[1:]
    return told[:-1] + r"\x20" if told.endswith(" ") else told  # editors remove blanks at the end


def parsed(name: str, data: bytes) -> tuple[Decision, ...]:
    """The decisions of a file, in its order; ``name`` is for errors.

    Raises DecisionError that names the line, the field and what was expected.
    """
    if len(data) > MOST_BYTES:
        raise DecisionError(f"{name}: expected at most {MOST_BYTES >> 20} MiB, got {len(data) >> 20}")
    lines = _lines(name, data)
    first = next(lines, (1, ""))
    if first[1] != f"Format: {FORMAT}":
        raise DecisionError(f"{name}:{first[0]}: expected `Format: {FORMAT}` as the first line")
    found: list[Decision] = []
    here: dict[str, tuple[int, str]] = {}
    for number, line in lines:
        if line:
            _take(name, number, line, here)
        elif here:
            found.append(_decision(name, here))
            here = {}
    if here:
        found.append(_decision(name, here))
    return tuple(found)


def _lines(name: str, data: bytes) -> Iterator[tuple[int, str]]:
    """The lines with their numbers, without comments; an empty one ends a paragraph."""
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            line = raw.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError as error:
            raise DecisionError(f"{name}:{number}: expected UTF-8") from error
        if not line.startswith("#"):
            yield number, line if line.strip() else ""


def _take(name: str, number: int, line: str, here: dict[str, tuple[int, str]]) -> None:
    match = _LINE.fullmatch(line)
    if not match or match[1] not in FIELDS:
        shown = ascii(line[:40])
        raise DecisionError(f"{name}:{number}: {shown}: expected one of the fields {', '.join(FIELDS)}, then `: `")
    if match[1] in here:
        raise DecisionError(f"{name}:{number}: {match[1]}: expected once; an empty line ends a decision")
    value = match[2] or ""
    if _BAD_ESCAPE.search(_PAIR.sub("", value)):
        raise DecisionError(rf"{name}:{number}: {match[1]}: expected \\ for a backslash, or \xNN")
    try:
        here[match[1]] = number, unescape(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecisionError(rf"{name}:{number}: {match[1]}: expected \xNN to be bytes of UTF-8") from error
    if not here[match[1]][1]:
        raise DecisionError(f"{name}:{number}: {match[1]}: expected a value; leave the line out where there is none")


def _decision(name: str, here: dict[str, tuple[int, str]]) -> Decision:
    values = {FIELDS[field]: value for field, (_, value) in here.items()}
    state, blank, version = values.get("state", "").partition(" ")
    if state in WITH_VERSION and blank:
        values |= {"state": state, "version": version}
    try:
        return checked(Decision(**values))
    except FieldError as error:
        field = _NAME_OF[error.field]
        line = here[field][0] if field in here else min(number for number, _ in here.values())
        raise DecisionError(f"{name}:{line}: {field}: {error.expected}") from error
