"""Rules as SARIF describes them, and text as SARIF writes it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from archscan.reports import content
from archscan.reports.cells import shown

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from archscan.reports.content import Row

LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "negligible": "note"}
"""SARIF's levels (§3.27.10) by severity. ``none`` is for results that are no problem."""

# How services that show alerts sort them: https://docs.github.com/en/code-security, "SARIF support for code scanning".
# From 9.0 on critical, from 7.0 high, from 4.0 medium.
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "negligible": "0.5"}
_PRECISIONS = {"certain": "very-high", "likely": "high", "possible": "medium"}
_KINDS = {"error": "error", "warning": "warning", "note": "recommendation"}
_CWE = re.compile(r"CWE-([0-9]{1,6})")
_URI = re.compile(r"https?://[!-~]+")
_LINK = re.compile(r"\](\\*)\(")
_WRITTEN_LINK = re.compile(r"\]\\(\\*)\(")

_RULES = """
SELECT id, family, title, category, severity, confidence, scope, why, fix, fix_for, refs FROM rule ORDER BY id
"""


def message(plain: str) -> Row:
    r"""A message that reads as ``plain``: braces are doubled (§3.11.5), and ``](`` becomes ``]\(``, which is no link.

    Line breaks and what a terminal would act on are ``\xNN``.
    """
    escaped = _LINK.sub(r"]\\\1(", shown(plain))
    return {"text": escaped.replace("{", "{{").replace("}", "}}")}


def read(text: str) -> str:
    """What ``message`` was given, but for what ``cells.shown`` made visible in it."""
    return _WRITTEN_LINK.sub(r"]\1(", text.replace("{{", "{").replace("}}", "}"))


def rule_descriptors(connection: sqlite3.Connection, numbers: dict[str, int]) -> Iterator[Row]:
    """The rules that judged last, each a ``reportingDescriptor``; ``numbers`` is filled with their places."""
    for row in content.rows(connection, _RULES):
        numbers[row["id"]] = len(numbers)
        yield _descriptor(row)


def _descriptor(rule: Row) -> Row:
    references, level = json.loads(rule["refs"]), LEVELS[rule["severity"]]
    found = {
        "id": rule["id"],
        "shortDescription": message(rule["title"]),
        "fullDescription": message(rule["why"]),
        "help": message(_help(rule, references)),
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["security", rule["category"], *_weaknesses(references)],
            "precision": _PRECISIONS[rule["confidence"]],
            "security-severity": _SCORES[rule["severity"]],
            "problem.severity": _KINDS[level],
            "severity": rule["severity"],
            "confidence": rule["confidence"],
            "family": rule["family"],
            "references": references,
        },
    }
    if links := [one for one in references if _URI.fullmatch(one)]:
        found["helpUri"] = links[0]
    return found


def _help(rule: Row, references: list[str]) -> str:
    # One line: a message has no other breaks than its author's, and these are no longer known as such in a database.
    more = [f"{where}: {fix}" for where, fix in sorted(json.loads(rule["fix_for"] or "{}").items())]
    return " — ".join(filter(None, [rule["why"], rule["fix"], *more, ", ".join(references)]))


def _weaknesses(references: list[str]) -> list[str]:
    """``external/cwe/cwe-327``, the form of CodeQL, which others read, too."""
    return [f"external/cwe/cwe-{found[1]}" for one in references if (found := _CWE.fullmatch(one))]
