"""A review that was stored, and what changed since.

A reviewer fills in the document and gives it back as text. What it says beside the tool's own lines are the reviewer's
words; a line to do that stands there without its mark, or not at all, was decided. Both hold as long as what the line
rests on is the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from archscan.audit.answer import WAITING, Answer, Document, Line, Section

_MARK = re.compile(rf"^{WAITING}(?:-[A-Z])?: ?")
_MOST_WORDS = 200  # lines of a reviewer in one section
_LONGEST = 2_000  # characters of one


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """The document that was reviewed, the lines of text that came back by section, and the tool's own lines then."""

    document: Document
    text: Mapping[str, tuple[str, ...]]
    written: frozenset[str]
    about: str


def review(document: Document, text: str, written: Iterable[str], about: str) -> Review:
    """A review: its document, the text that came back, the lines that the tool wrote; ``about``: when, by whom."""
    return Review(document=document, text=sections(document, text), written=frozenset(written), about=about)


def sections(document: Document, text: str) -> dict[str, tuple[str, ...]]:
    """The lines of a text below the headings that the document has; those that are blank are left out."""
    names = {f"[{section.name}]": section.name for section in document.sections}
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.strip() in names:
            current = found.setdefault(names[line.strip()], [])
        elif line.strip():
            current.append(line.rstrip()[:_LONGEST])
    return {name: tuple(lines) for name, lines in found.items()}


def since(document: Document, before: Review) -> Document:
    """The document without what the review has as it is; what rests on something else now says what it was."""
    old = {section.name: section for section in before.document.sections}
    return msgspec.structs.replace(
        document,
        sections=tuple(_changed(section, old.get(section.name), before) for section in document.sections),
        since=before.about,
    )


def _changed(section: Section, old: Section | None, before: Review) -> Section:
    lines = before.text.get(section.name, ())
    known = {_key(line): line for line in old.lines} if old else {}
    kept = []
    for line in section.lines:
        was = known.get(_key(line))
        if was is None or was.digest != line.digest:
            kept.append(msgspec.structs.replace(line, was=_was(was)) if line.items and was else line)
        elif line.waits and not _is_decided(line, lines):
            kept.append(line)
    words = tuple(line for line in lines if line not in before.written)[:_MOST_WORDS]
    return msgspec.structs.replace(section, lines=tuple(kept), unchanged=len(section.lines) - len(kept), words=words)


def _key(line: Line) -> tuple[str, ...]:
    """What makes a line the same in another version: what it asks, else its words."""
    return line.items or (line.text,)


def _was(line: Line | None) -> str:
    if line is None:
        return ""
    found = sum(table.total for table in line.tables)
    return f"{line.said} ({found})" if line.answer == Answer.YES else line.said or line.answer.value


def _is_decided(line: Line, lines: Collection[str]) -> bool:
    """Whether none of the marks of a line that waits came back."""
    return not any(part in lines for part in line.text.split("\n") if _MARK.match(part))
