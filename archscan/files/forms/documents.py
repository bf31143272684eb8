"""XML of packages, read with bounds: no entities, no document types from elsewhere, no bottomless nesting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn
from xml.parsers import expat

_DEEPEST = 32
_MOST_ELEMENTS = 50_000
_MOST_TEXT = 65_536  # characters of one element that are kept


# Called for each element, at its start and at its end: with the names of all around it and its own, its attributes,
# at the end its text on one line, and the line of its start.
Begun = Callable[[tuple[str, ...], Mapping[str, str], int], None]
Ended = Callable[[tuple[str, ...], Mapping[str, str], str, int], None]


class _RefusedError(Exception):
    """What no honest file has."""


class _Reading:
    """Where the parser is: the elements that are open."""

    def __init__(self, begun: Begun | None, ended: Ended) -> None:
        self._begun = begun
        self._ended = ended
        self._open: list[tuple[tuple[str, ...], Mapping[str, str], list[str], int]] = []
        self._kept = 0
        self._count = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = _refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) == _DEEPEST or self._count > _MOST_ELEMENTS:
            raise _RefusedError
        names = (*(self._open[-1][0] if self._open else ()), name)
        line = self.parser.CurrentLineNumber
        self._open.append((names, attributes, [], line))
        self._kept = 0
        if self._begun:
            self._begun(names, attributes, line)

    def _text(self, text: str) -> None:
        if self._kept < _MOST_TEXT:
            self._kept += len(text)
            self._open[-1][2].append(text[:_MOST_TEXT])

    def _end(self, _name: str) -> None:
        names, attributes, texts, line = self._open.pop()
        self._ended(names, attributes, " ".join("".join(texts)[:_MOST_TEXT].split()), line)


def _refuse(*_declared: object) -> NoReturn:
    raise _RefusedError


def elements(data: bytes, ended: Ended, begun: Begun | None = None) -> int | None:
    """The line where the document breaks off, as it is not well-formed or declares entities; None where it is whole.

    What stands before that was told. External document types are never looked for.
    """
    reading = _Reading(begun, ended)
    try:
        reading.parser.Parse(data, True)
    except (expat.ExpatError, _RefusedError, ValueError, LookupError):  # the last two: encodings that Python lacks
        return max(1, reading.parser.CurrentLineNumber)
    return None
