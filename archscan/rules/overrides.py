"""The maintainer's word: which rows of rules the lintian overrides of their packages speak to, and what that changes.

A rule names the hints of lintian that say the same as it does. An override of such a hint for the same file makes the
finding one of no severity that no gate counts. It never does so for a privileged program: there it is only shown.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from archscan.model import Severity, unescape

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from archscan.rules.load import Hint, RuleBook

_TABLE = """
CREATE TEMP TABLE overriding (
    hit_id INTEGER PRIMARY KEY,
    counts INTEGER NOT NULL,
    override TEXT NOT NULL
)
"""

# The order makes what the budget leaves out the same in every database.
_HITS = """
SELECT h.id, h.rule_id, r.family, h.package_id, coalesce(e.path, f.path, '') AS path,
       coalesce(f.path, e.path, '') AS file, f.privilege IS NOT NULL AS privileged, h.subject, h.severity, h.evidence
FROM temp.hit h
JOIN temp.ruling r ON r.id = h.rule_id
LEFT JOIN main.elf e ON e.id = h.elf_id
LEFT JOIN main.file f ON f.id = h.file_id
WHERE h.rule_id IN (SELECT value FROM json_each(?))
  AND h.package_id IN (SELECT o.package_id FROM main.lintian_override o
                       WHERE o.applies AND o.tag IN (SELECT value FROM json_each(?)))
ORDER BY h.package_id, h.rule_id, path, h.subject, h.severity, h.evidence
"""

_PRIVILEGED = """
SELECT path, kind, link, privilege FROM file
WHERE package_id = ? AND (privilege IS NOT NULL OR kind = 'symlink')
"""

# What looking for wildcards in the findings of one rule in one package may cost, about in characters. A thousand
# findings and a hundred wildcards cost a thirtieth of it; whoever writes more, to keep us busy, is not heard.
_BUDGET = 300_000_000

_TOKEN = re.compile(r"\\([^\w\s])|([*?])|([^\\*?]+|\\)")


class _Hit(NamedTuple):
    id: int
    rule_id: str
    family: str
    package_id: int
    path: str
    file: str
    privileged: int
    subject: str
    severity: str
    evidence: str


class _Line(NamedTuple):
    line: int
    context: str
    comment: str


class _Wildcard(NamedTuple):
    line: _Line
    matches: Callable[[str], bool]


class _Said(NamedTuple):
    """The overrides of one tag that apply: by the text they mean, and those with wildcards, the shortest first."""

    exact: dict[str, _Line]
    wild: list[_Wildcard]


def override(connection: sqlite3.Connection, book: RuleBook) -> None:
    """Fill the temporary table ``overriding`` for rows of ``hit``, and make those that are overridden negligible."""
    connection.execute(_TABLE)
    hints = {rule.id: rule.lintian for rule in book.rules if rule.lintian}
    tags = sorted({hint.tag for several in hints.values() for hint in several})
    found = connection.execute(_HITS, (json.dumps(sorted(hints)), json.dumps(tags)))
    for package, rows in itertools.groupby(map(_Hit._make, found), lambda hit: hit.package_id):
        said, privileged = _said(connection, package), _privileged(connection, package)
        connection.executemany(
            "INSERT INTO temp.overriding VALUES (?, ?, ?)", _overriding(rows, hints, said, privileged)
        )
    connection.execute(
        "UPDATE temp.hit SET severity = ? WHERE id IN (SELECT hit_id FROM temp.overriding WHERE counts)",
        (Severity.NEGLIGIBLE,),
    )


def _overriding(
    hits: Iterable[_Hit],
    hints: Mapping[str, Sequence[Hint]],
    said: Mapping[str, _Said],
    privileged: Callable[[_Hit], bool],
) -> Iterator[tuple[int, bool, str]]:
    for rule, several in itertools.groupby(hits, lambda hit: hit.rule_id):
        budget = _BUDGET
        for hit in several:
            contexts = [(hint.tag, text) for hint in hints[rule] for text in _contexts(hint, hit) if hint.tag in said]
            budget -= sum(_cost(wildcard, text) for tag, text in contexts for wildcard in said[tag].wild)
            found = _first(contexts, said) if budget > 0 else None
            if found:
                ignored = "privileged" if privileged(hit) else None
                yield hit.id, ignored is None, _shown(*found, hit, ignored)


def _first(contexts: Sequence[tuple[str, str]], said: Mapping[str, _Said]) -> tuple[str, _Line] | None:
    for tag, text in contexts:
        if line := _speaking(said[tag], text):
            return tag, line
    return None


def _shown(tag: str, line: _Line, hit: _Hit, ignored: str | None) -> str:
    words = {"tag": tag, "context": line.context, "comment": line.comment, "line": line.line}
    return json.dumps({**words, "severity": hit.severity, "ignored": ignored}, ensure_ascii=False)


def _contexts(hint: Hint, hit: _Hit) -> Iterator[str]:
    """What lintian prints after the tag, as it does now and as it did when paths had no brackets."""
    if hint.subject not in (None, hit.subject):
        return
    fields = {**json.loads(hit.evidence), "subject": hit.subject, "path": hit.path}
    for template in (hint.context, hint.context.replace("[{path}]", "{path}")):
        text = template.format_map({name: "" if value is None else value for name, value in fields.items()})
        yield _plain(text)


def _speaking(said: _Said, text: str) -> _Line | None:
    """The override that lintian would take: one of the whole tag, or else the shortest that matches."""
    found = [line for line in (said.exact.get(""), said.exact.get(text)) if line]
    found += itertools.islice((wildcard.line for wildcard in said.wild if wildcard.matches(text)), 1)
    return min(found, key=_length, default=None)


def _length(line: _Line) -> tuple[int, int]:
    return len(line.context), line.line


def _cost(wildcard: _Wildcard, text: str) -> int:
    pattern = wildcard.line.context
    return len(pattern) * len(text) if "?" in pattern else len(pattern) + len(text)


def _said(connection: sqlite3.Connection, package: int) -> dict[str, _Said]:
    """Tag → its overrides that apply to the package. Of two with the same context, the last speaks."""
    rows = connection.execute(
        "SELECT tag, context, line, comment FROM lintian_override WHERE package_id = ? AND applies ORDER BY line",
        (package,),
    )
    last = {(tag, context): _Line(line, context, comment) for tag, context, line, comment in rows}
    found: dict[str, _Said] = {}
    for (tag, _), line in sorted(last.items(), key=lambda item: _length(item[1])):
        said = found.setdefault(tag, _Said({}, []))
        pattern = _plain(line.context)
        if matches := matcher(pattern):
            said.wild.append(_Wildcard(line, matches))
        else:
            said.exact[pattern] = line
    return found


def _plain(stored: str) -> str:
    """The text as the package has it, so that its backslashes and odd bytes are single characters."""
    return unescape(stored).decode("utf-8", "surrogateescape") if "\\" in stored else stored


def matcher(pattern: str) -> Callable[[str], bool] | None:
    r"""What tells the texts that a pattern means: ``*`` anything, ``?`` a character. None for one without these.

    A ``\`` before these, as before any other punctuation, takes its meaning away; that is what Regexp::Wildcards does,
    which lintian uses. Each part between asterisks is looked for once, from left to right, so that no pattern takes
    long.
    """
    if not any(character in pattern for character in r"\*?"):
        return None
    parts, lengths = [""], [0]
    for escaped, wildcard, literal in _TOKEN.findall(pattern):
        if wildcard == "*":
            parts.append("")
            lengths.append(0)
        else:
            parts[-1] += "." if wildcard else re.escape(escaped or literal)
            lengths[-1] += 1 if wildcard else len(escaped or literal)
    compiled = [re.compile(part, re.DOTALL) for part in parts]
    return lambda text: _matches(compiled, lengths[-1], text)


def _matches(parts: Sequence[re.Pattern[str]], last: int, text: str) -> bool:
    if len(parts) == 1:
        return parts[0].fullmatch(text) is not None
    start, end = parts[0].match(text), len(text) - last
    if not start or start.end() > end or not parts[-1].match(text, end):
        return False
    at = start.end()
    for part in parts[1:-1]:
        found = part.search(text, at, end)
        if not found:
            return False
        at = found.end()
    return True


def _privileged(connection: sqlite3.Connection, package: int) -> Callable[[_Hit], bool]:
    """What tells hits that an override must not touch: in privileged programs, by whatever name they got the right.

    The privilege may be that of a hard link, or have been given through a symbolic link, which a script then names
    and not the program: there the last part of the name decides, rather for too many than for too few.
    """
    rows = connection.execute(_PRIVILEGED, (package,)).fetchall()
    linked = {link for _, kind, link, privilege in rows if privilege and kind == "hardlink"}
    by_script = {_last(path) for path, kind, _, privilege in rows if privilege and kind == "other"}
    by_script |= {_last(link or "") for path, kind, link, _ in rows if kind == "symlink" and _last(path) in by_script}
    anything = any(privilege for *_, privilege in rows)

    def tells(hit: _Hit) -> bool:
        return (
            bool(hit.privileged)
            or hit.family.startswith("privileged-")
            or hit.file in linked
            or _last(hit.file) in by_script
            or (not hit.file and anything)
        )

    return tells


def _last(path: str) -> str:
    return path.rpartition("/")[2]
