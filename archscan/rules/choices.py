"""From how many values code chooses, where all calls of an object say more than what was kept of one."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

_TOLD = """
SELECT u.id, coalesce(s.function, ''), s.symbol, u.role, s.outcome, s.value
FROM crypto_use u JOIN call_site s ON s.id = u.call_site_id WHERE u.elf_id = ?
"""
_MOST_OBJECTS = 16  # whose choices are remembered; uses come by object
_KEY = "alternatives"


class _Question(NamedTuple):
    """What calls are told in one place. A number and a text do not answer the same one: `curl_easy_setopt` has many."""

    function: str
    symbol: str
    role: str
    text: bool


def choices(connection: sqlite3.Connection) -> Callable[[int], Mapping[int, int]]:
    """From how many values the calls of an object choose: by its id, by those of uses.

    Only of calls that are told one value, beside none that may be told several: what picks an algorithm tells it to the
    same function as the others, or gets it from several that look it up. Digests that several functions make one after
    the other are no choice, nor is a text that lists suites.
    """
    return functools.lru_cache(maxsize=_MOST_OBJECTS)(functools.partial(_choices, connection))


def fewer(surroundings: str, count: int) -> str:
    """The same surroundings, as JSON, with no more alternatives than are counted; as they are if they say no number."""
    try:
        found = json.loads(surroundings)
    except ValueError:
        return surroundings
    if not isinstance(found, dict) or not isinstance(found.get(_KEY), int) or found[_KEY] <= count:
        return surroundings
    return json.dumps({**found, _KEY: count})


def _choices(connection: sqlite3.Connection, elf_id: int) -> Mapping[int, int]:
    told: defaultdict[_Question, set[str]] = defaultdict(set)
    uses: dict[int, _Question] = {}
    unsure: set[_Question] = set()
    named: set[str] = set()  # functions that get algorithms from others that are not told which, as EVP_md5()
    for use, function, symbol, role, outcome, value in connection.execute(_TOLD, (elf_id,)):
        if value is None:
            named |= {function} if role == "lookup" else set()
            continue
        question = _Question(function, symbol, role, value.startswith('"'))
        uses[use] = question
        told[question].add(value)
        if outcome != "value":
            unsure.add(question)
    return {
        use: len(told[one])
        for use, one in uses.items()
        if one not in unsure and not (one.role == "lookup" and one.function in named)
    }
