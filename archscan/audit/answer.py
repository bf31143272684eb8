"""What an audit says: answers to questions, and lines of a document that rest on them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

WAITING = "TODO"
"""The official forms' own word in front of a line that a person has to decide; what it marks is text, not our code."""


class Answer(StrEnum):
    """What is known of a question; ``WAITS`` is for a person, ``SHOWN`` asks nothing."""

    NONE = "none"
    YES = "yes"
    UNDECIDED = "undecided"
    WAITS = "waits"
    SHOWN = "shown"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: rows of text under their columns, at most as many as are kept; ``total`` counts all."""

    title: str = ""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question, in words that say what was read, and the evidence.

    ``digest`` changes with the answer and the evidence, and with nothing else.
    """

    item: str
    answer: Answer
    said: str
    table: Table
    digest: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a form: the sentence, and the ``items`` that it rests on with what they gave.

    ``digest`` is that of the answers, empty where nothing was asked. ``was`` is what the last review had of it.
    """

    text: str
    answer: Answer
    said: str = ""
    items: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    digest: str = ""
    problem: bool = False
    was: str | None = None

    @property
    def waits(self) -> bool:
        """Whether a person has to decide it."""
        return self.text.startswith(WAITING)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A headed part of a form; where it is ``split``, lines that are problems stand apart.

    ``unchanged`` counts the lines that are left out because the last review had them as they are. ``words`` are what
    its reviewer wrote there.
    """

    name: str
    split: bool
    lines: tuple[Line, ...]
    unchanged: int = 0
    words: tuple[str, ...] = ()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A form, filled in as far as it can be: ``warnings`` say what was not read, ``basis`` what was."""

    template: str
    title: str
    source: str
    version: str
    basis: str
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
    since: str | None = None
