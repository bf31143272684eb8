"""What each use of a weak algorithm is for, judged from what was kept of its surroundings: the table crypto_context."""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from archscan.model import Confidence, Context
from archscan.rules.choices import choices, fewer
from archscan.rules.contexts import OF_THE_USE, match

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from archscan.rules.contexts import Known, Sign

_USES = """
SELECT u.id, u.role, u.algorithm, coalesce(a.family, ''), u.evidence, coalesce(u.symbol, ''), coalesce(u.function, ''),
       coalesce(u.context_evidence, '{{}}'), coalesce(e.path_key, f.path_key, ''), coalesce(p.name, ''),
       coalesce(u.elf_id, 0)
FROM {tables} LEFT JOIN elf e ON e.id = u.elf_id LEFT JOIN file f ON f.id = u.file_id
LEFT JOIN package p ON p.id = coalesce(e.package_id, f.package_id)
LEFT JOIN algorithm a ON a.name = u.algorithm
WHERE u.strength = 'weak'
"""
_ALL = "crypto_use u"
_CHANGED = """(
    SELECT x.* FROM unjudged n CROSS JOIN elf o ON o.package_id = n.package_id JOIN crypto_use x ON x.elf_id = o.id
    UNION ALL
    SELECT x.* FROM unjudged n CROSS JOIN file o ON o.package_id = n.package_id JOIN crypto_use x ON x.file_id = o.id
) u"""
_INSERT = """
INSERT INTO crypto_context (use_id, context, confidence, direction, protocol, because) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (use_id) DO UPDATE SET context = excluded.context, confidence = excluded.confidence,
    direction = excluded.direction, protocol = excluded.protocol, because = excluded.because
"""
_SETTING = "contexts"
_UNNAMED = re.compile(r'"(sub_[0-9a-f]+)"')
_MOST_OBJECTS = 16  # whose names are remembered; uses come by object
_MOST_KINDS = 10_000  # of uses, by role, algorithm, evidence and symbol
_MOST_REMEMBERED = 100_000  # judgements; most uses have the surroundings of another one
# What is looked up is looked up to be used: digests as such, other algorithms as ciphers.
_DIGESTS = frozenset({"md4", "md5", "sha1", "ripemd", "old-hash"})
_IDENTIFIER = re.compile(r"[a-zA-Z]\w*_\w+")
_HELPERS = frozenset({"memcpy", "memset", "memmove"})  # are called by what does nothing else as well
_LISTED = ("texts", "caller_texts")  # facts in which a text may be a list
_NOTHING = (Context.UNKNOWN.value, Confidence.POSSIBLE.value, None, None, None)


class _Use(NamedTuple):
    """A row of the query above; what decides is all but the id."""

    id: int
    role: str
    algorithm: str
    family: str
    evidence: str
    symbol: str
    function: str
    surroundings: str
    path_key: str
    package: str
    elf_id: int


def is_judged(connection: sqlite3.Connection, digest: str) -> bool:
    """Whether uses were judged last by the signs of that digest."""
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (_SETTING,)).fetchone()
    return (row[0] if row else "") == digest


def judge(connection: sqlite3.Connection, signs: Sequence[Known], digest: str, *, whole: bool) -> None:
    """Make crypto_context say what the weak uses are for: those of the unjudged packages, or with ``whole`` all."""
    needed = _needed(connection, whole=whole)
    chosen = choices(connection)
    rows = (
        _chosen(_Use._make(row), chosen) for row in connection.execute(_USES.format(tables=_ALL if whole else _CHANGED))
    )
    names = functools.lru_cache(maxsize=_MOST_OBJECTS)(functools.partial(_names, connection))
    named = (_renamed(use, names(use.elf_id)) for use in rows) if _has_names(connection) else rows
    connection.executemany(_INSERT, list(_judged(named, signs, needed)))
    connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (_SETTING, digest))


def _needed(connection: sqlite3.Connection, *, whole: bool) -> Mapping[int, str]:
    """The names of the libraries beside each object, a line each."""
    tables = "needed n"
    if not whole:
        tables = "unjudged x CROSS JOIN elf e ON e.package_id = x.package_id JOIN needed n ON n.elf_id = e.id"
    names = defaultdict(list)
    for elf_id, soname in connection.execute(f"SELECT n.elf_id, n.soname FROM {tables} ORDER BY n.elf_id, n.position"):
        names[elf_id].append(soname)
    return {elf_id: "\n".join(found) for elf_id, found in names.items()}


def _has_names(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT EXISTS (SELECT 1 FROM source_line WHERE name IS NOT NULL)").fetchone()[0])


def _names(connection: sqlite3.Connection, elf_id: int) -> Mapping[str, str]:
    """What debug symbols call the functions of a stripped object, by our labels of them."""
    sql = """SELECT s.address, s.name FROM built_object o JOIN elf e ON e.id = o.elf_id AND e.stripped
             JOIN source_line s ON s.debug_id = o.debug_id WHERE o.elf_id = ? AND s.name IS NOT NULL"""
    rows = connection.execute(sql, (elf_id,))
    return {f"sub_{address[2:]}": name for address, name in rows}


def _chosen(use: _Use, chosen: Callable[[int], Mapping[int, int]]) -> _Use:
    """The same with as many alternatives as its call has, where that is known."""
    if '"alternatives"' not in use.surroundings:
        return use
    count = chosen(use.elf_id).get(use.id)
    return use if count is None else use._replace(surroundings=fewer(use.surroundings, count))


def _renamed(use: _Use, names: Mapping[str, str]) -> _Use:
    """The same with the names that debug symbols know: they may say what a use is for."""
    if not names:
        return use
    said = _UNNAMED.sub(lambda found: json.dumps(names.get(found[1], found[1])), use.surroundings)
    return use._replace(function=names.get(use.function, use.function), surroundings=said)


def _judged(rows: Iterable[_Use], signs: Sequence[Known], needed: Mapping[int, str]) -> Iterator[tuple[object, ...]]:
    known: dict[tuple[object, ...], tuple[str | None, ...]] = {}
    protocols = [(one.sign.protocol, condition.pattern) for one in signs if one.sign.protocol
                 for condition in one.conditions if condition.key == "texts"]  # fmt: skip
    is_list = functools.lru_cache(maxsize=_MOST_REMEMBERED)(functools.partial(_names_several, protocols))
    fitting = functools.lru_cache(maxsize=_MOST_KINDS)(functools.partial(_fitting, signs))
    for use in rows:
        libraries = needed.get(use.elf_id, "")
        key = (*use[1:-1], libraries)
        if key not in known:
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            few = fitting(use._replace(id=0, function="", surroundings="", path_key="", package="", elf_id=0))
            known[key] = _context(use, libraries, few, is_list)
        yield (use.id, *known[key])


def _fitting(signs: Sequence[Known], use: _Use) -> Sequence[Known]:
    """The signs that what a use is does not rule out by itself; most are, and uses of one kind share the answer."""
    facts = _facts(use, "", {}, close=True)
    return [
        known for known in signs if all(one.search(facts[one.key]) for one in known.conditions if one.key in OF_THE_USE)
    ]


def _context(use: _Use, needed: str, signs: Sequence[Known], is_list: Callable[[str], bool]) -> tuple[str | None, ...]:
    """The columns of a row of crypto_context beside the id: by the first sign that holds."""
    surroundings = _surroundings(use.surroundings)
    counted = _of_own_purpose([known for known in signs if _counts(known.sign, surroundings)], use, surroundings)
    for some, facts, sure in _passes(counted, use, needed, surroundings, is_list):
        for known in some:
            sign = known.sign
            found = match(known, facts)
            if found is not None:
                because = f"{sign.note}: {found}" if found else sign.note
                return (known.context.value, (sure or sign.confidence).value, sign.direction, sign.protocol, because)
    return _NOTHING


def _of_own_purpose(signs: Sequence[Known], use: _Use, surroundings: Mapping[str, Any]) -> Sequence[Known]:
    """The signs without those by sinks of other contexts, where the call itself says what it is for.

    What makes keys, checks signatures or configures TLS does just that, whatever its arguments are given to later.
    """
    facts = _facts(use, "", surroundings, close=True)
    own = next((known.context for known in signs if known.is_own and match(known, facts) is not None), None)
    return signs if own is None else [known for known in signs if known.context == own or not known.is_by_sinks]


def _passes(
    signs: Sequence[Known], use: _Use, needed: str, surroundings: Mapping[str, Any], is_list: Callable[[str], bool]
) -> Iterator[tuple[Sequence[Known], Mapping[str, str], Confidence | None]]:
    """Signs, what they are held against, and how sure they make a context if not as sure as they say.

    First those that make a context certain or likely, held against what is close to the use; of protocols, whose words
    nobody else uses, the rest of the function, too. Then all others, and what makes a context likely where it is close,
    held against all that the function has.
    """
    close = _facts(use, needed, surroundings, close=True)
    whole = _facts(use, needed, surroundings, close=False)
    lists = frozenset(line for key in _LISTED for line in whole[key].split("\n") if is_list(line))
    close, whole = ({key: _without(lists, text) if key in _LISTED else text for key, text in facts.items()}
                    for facts in (close, whole))  # fmt: skip
    sure = [known for known in signs if known.sign.confidence != Confidence.POSSIBLE]
    last = max((number for number, known in enumerate(sure, 1) if known.sign.protocol), default=0)
    yield sure[:last], close, None
    yield [known for known in sure[:last] if known.sign.protocol], close | {"texts": whole["texts"]}, None
    yield sure[last:], close, None
    yield signs, whole, Confidence.POSSIBLE


def _counts(sign: Sign, surroundings: Mapping[str, Any]) -> bool:
    """Whether the conditions of a sign hold that are no words."""
    if sign.taken is not None and sign.taken != (surroundings.get("taken") is True):
        return False
    if sign.alone and (surroundings.get("texts") or _other_calls(surroundings)):
        return False
    if sign.single and _at_least(surroundings, "alternatives", 2):
        return False
    return _at_least(surroundings, "alternatives", sign.alternatives) and _at_least(
        surroundings, "offered", sign.offered
    )


def _other_calls(surroundings: Mapping[str, Any]) -> bool:
    """Whether the function calls what is neither catalogued nor called by what does nothing else as well."""
    calls = _list(surroundings.get("calls"))
    return any(not isinstance(name, str) or name not in _HELPERS for name in calls)


def _names_several(protocols: Iterable[tuple[str, re.Pattern[str]]], line: str) -> bool:
    """Whether a text names two protocols side by side, so that the code is for neither; CHAP in MS-CHAP is none."""
    spans = [(found.start(), found.end(), name) for name, pattern in protocols for found in pattern.finditer(line)]
    inner = {(start, end) for start, end, _ in spans for low, high, _ in spans
             if low <= start and end <= high and high - low > end - start}  # fmt: skip
    apart = [one for one in spans if one[:2] not in inner]
    return any(end <= start and name != other for _, end, name in apart for start, _, other in apart)


def _without(lists: frozenset[str], text: str) -> str:
    return _lines(line for line in text.split("\n") if line not in lists) if lists else text


def _at_least(surroundings: Mapping[str, Any], key: str, least: int | None) -> bool:
    counted = surroundings.get(key)
    return least is None or (isinstance(counted, int) and counted >= least)


def _surroundings(text: str) -> Mapping[str, Any]:
    """What a child said, which may have been taken over: whatever has another form says nothing."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _facts(use: _Use, needed: str, surroundings: Mapping[str, Any], *, close: bool) -> dict[str, str]:
    """What the conditions of signs are held against, as lines; ``close``: without texts that are far from the use."""
    texts = _list(surroundings.get("texts"))
    near = surroundings.get("near")
    names = [] if close else _identifiers(texts)
    if close and isinstance(near, int):
        texts = texts[: max(near, 0)]
    sinks, beside = _pairs(surroundings.get("sinks")), _pairs(surroundings.get("beside"))
    callers = [one for one in _list(surroundings.get("callers")) if isinstance(one, dict)]
    return {
        "roles": _role(use),
        "algorithms": use.algorithm,
        "families": use.family,
        "kinds": use.evidence,
        "symbols": use.symbol,
        "functions": _lines([use.function, *names]),
        "paths": use.path_key,
        "packages": use.package,
        "needed": needed,
        "sinks": _lines(name for name, _ in sinks),
        "sink_roles": _lines(role for _, role in sinks),
        "calls": _lines([use.symbol, *(name for name, _ in (*sinks, *beside)), *_list(surroundings.get("calls"))]),
        "call_roles": _lines(role for _, role in (*sinks, *beside)),
        "texts": _lines(texts),
        "callers": _lines([*_list(surroundings.get("called_by")), *_callers(callers, close=close)]),
        "caller_calls": _lines(name for one in callers for name in _list(one.get("calls"))),
        "caller_texts": _lines(text for one in callers for text in _list(one.get("texts"))),
    }


def _role(use: _Use) -> str:
    """The role of a use, as lines: of what is looked up also the one that it is looked up for."""
    if use.role not in ("lookup", "any"):
        return use.role
    return _lines(["hash" if use.family in _DIGESTS else "cipher", "lookup"])


def _callers(callers: Iterable[Mapping[str, Any]], *, close: bool) -> Iterator[object]:
    """The names of callers, as symbols or, unless ``close``, as texts."""
    for one in callers:
        yield one.get("name")
        if not close:
            yield from _identifiers(_list(one.get("texts")))


def _identifiers(texts: Iterable[object]) -> list[str]:
    """The text that is a name, where there is one: stripped programs still say `__func__` in their messages.

    Of several it is not known which is the function's own.
    """
    found = list(dict.fromkeys(text for text in texts if isinstance(text, str) and _IDENTIFIER.fullmatch(text)))
    return found if len(found) == 1 else []


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _pairs(value: object) -> list[tuple[object, object]]:
    """Names with their roles."""
    return [(one[0], one[1]) for one in _list(value) if isinstance(one, list) and len(one) >= 2]


def _lines(words: Iterable[object]) -> str:
    return "\n".join(word for word in words if isinstance(word, str))
