"""The saved questions as queries of Datasette, whose parameters come as text and without defaults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from archscan.reports.queries import Question

_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|(?<![\w:]):([A-Za-z_]\w*)", re.DOTALL)


def canned(question: Question) -> dict[str, Any]:
    """The question in the form of Datasette's metadata."""
    parameters = [f":{one.name} is {one.text}" for one in question.parameters]
    return {
        "sql": _typed(question),
        "title": question.title,
        "description": ". ".join([_sentence(question.why), *parameters]),
        "params": [one.name for one in question.parameters],
        "hide_sql": True,
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".")


def _typed(question: Question) -> str:
    """The SQL, in which a parameter that is a number is compared as one although it comes as text."""
    numbers = {one.name for one in question.parameters if one.default is not None and one.default.isdecimal()}

    def cast(match: re.Match[str]) -> str:
        return f"CAST({match[0]} AS INTEGER)" if match[1] in numbers else match[0]

    return _TOKEN.sub(cast, question.sql)


def with_defaults(question: Question, query: bytes) -> bytes:
    """A query string in which parameters that are missing have their defaults; the same one where none is."""
    given = parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True)
    names = {name for name, _ in given}
    missing = [(one.name, one.default) for one in question.parameters
               if one.default is not None and one.name not in names]  # fmt: skip
    return urlencode([*given, *missing]).encode("ascii") if missing else query


def grouped(groups: Mapping[str, Iterable[str]], questions: Mapping[str, Question]) -> list[tuple[str, list[Question]]]:
    """The questions by group; what is in none comes last, as ``Others``."""
    found = [(title, [questions[name] for name in names if name in questions]) for title, names in groups.items()]
    placed = {one.name for _, several in found for one in several}
    found.append(("Others", [one for name, one in questions.items() if name not in placed]))
    return [(title, several) for title, several in found if several]
