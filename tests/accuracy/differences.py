"""Where a peer says something else than archscan, put into groups that have one cause most likely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tests.accuracy.scanned import Object
from tests.accuracy.statements import Statement

_BAD = {"relro": "none", "textrel": "yes", "static": "yes", "search_path": "insecure"}


class Group(msgspec.Struct, frozen=True):
    """Objects of which a peer says the same and archscan the same other thing, for the same reason."""

    tool: str
    column: str
    theirs: str
    words: str
    ours: str
    code: str
    members: tuple[Object, ...]


def paired(statements: Iterable[Statement], objects: Sequence[Object]) -> list[tuple[Statement, Object]]:
    """Each statement on a set of packages with the object that it is about."""
    known = {(one.package, one.path): one for one in objects}
    return [(said, known[said.package, said.path]) for said in statements if (said.package, said.path) in known]


def differences(pairs: Iterable[tuple[Statement, Object]]) -> list[Group]:
    """The groups, the largest first."""
    groups: dict[tuple[str, str, str, str, str, str], list[Object]] = {}
    for said, one in pairs:
        ours = verdict(one.verdicts, said.column)
        if not agrees(said, ours):
            code = one.codes.get("ibt_marked" if said.column == "ibt_shstk" else said.column, "")
            groups.setdefault((said.tool, said.column, said.verdict, said.words, ours, code), []).append(one)
    found = [Group(*key, tuple(members)) for key, members in groups.items()]
    return sorted(found, key=lambda group: (-len(group.members), group.tool, group.column, group.words))


def verdict(verdicts: Mapping[str, str], column: str) -> str:
    """Our verdict on what a peer judges; `ibt_shstk` is one line for two marks."""
    if column == "ibt_shstk":
        marks = {verdicts["ibt_marked"], verdicts["shstk_marked"]}
        return marks.pop() if len(marks) == 1 else "no"
    return verdicts[column]


def agrees(said: Statement, ours: str) -> bool:
    """Whether a statement says what we say, as far as the tool can say it."""
    if said.tool == "lintian":
        return (said.verdict == "silent") != (ours == _BAD.get(said.column, "no"))
    if said.tool == "hardening-check" and said.column == "relro":
        return {"yes": ours in ("full", "partial"), "no": ours == "none"}.get(said.verdict, ours == said.verdict)
    if said.column == "search_path":
        return (said.verdict == "none") == (ours == "none")
    return said.verdict == ours
