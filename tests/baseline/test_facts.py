"""Lines of a baseline: sorted, each once, the same for the same packages, and nothing stands behind another."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pytest

from archscan.baseline import FACETS, Selection, drift, facts, parsed, text
from archscan.baseline.drift import chosen
from archscan.baseline.text import Baseline, with_reasons
from archscan.errors import BaselineError, NoTargetError
from archscan.model import unescape
from tests.rules.facts import Object, Pack, rule
from tests.triage.facts import judged

EVERYTHING = Selection(facets=tuple(FACETS))
BAD = Object(columns={"kind": "executable", "pie": "no"}, privilege="setuid root")
HOSTILE = "usr/bin/a\\x1b b\n\u202e# x "


def _lines(connection: sqlite3.Connection, selection: Selection = EVERYTHING) -> list[str]:
    return [fact.line for fact in facts(connection, "db", selection)]


def test_a_package_is_told_by_what_a_reviewer_wants_to_see() -> None:
    assert _lines(judged(Pack(objects=(BAD,)))) == [
        "findings tool:amd64 usr/bin/tool medium no-pie: pie",
        "hardening tool:amd64 usr/bin/tool pie: no",
        "packages tool:amd64 - not read: files",
        "packages tool:amd64 - package",
        "privileged tool:amd64 usr/bin/tool setuid root, mode 0755",
        "versions tool:amd64 - 1.0-1",
    ]


def test_a_rebuild_changes_nothing_but_the_version() -> None:
    one = _lines(judged(Pack(name="other"), Pack(objects=(BAD,))))
    two = _lines(judged(Pack(objects=(BAD,), version="1.0-2"), Pack(name="other"), scan=7))
    assert set(one) ^ set(two) == {"versions tool:amd64 - 1.0-1", "versions tool:amd64 - 1.0-2"}
    bare = Selection(facets=tuple(FACETS), versions=False)
    assert not [line for line in _lines(judged(Pack()), bare) if line.startswith("versions")]


def test_a_second_one_at_the_same_key_is_seen() -> None:
    twice = (Object(path="usr/lib/a-1/x", path_key="usr/lib/a-*/x", columns={"pie": "no"}, privilege="setuid root"),
             Object(path="usr/lib/a-2/x", path_key="usr/lib/a-*/x", columns={"pie": "no"},
                    privilege="setuid root"))  # fmt: skip
    lines = _lines(judged(Pack(objects=twice)))
    assert "hardening tool:amd64 usr/lib/a-*/x pie: no (2 times)" in lines
    assert len([line for line in lines if line.startswith("privileged")]) == 2


def test_what_was_not_read_whole_is_said() -> None:
    assert "packages tool:amd64 - not read whole: partial" in _lines(judged(Pack(status="partial")))


def test_packages_are_chosen() -> None:
    connection = judged(Pack(), Pack(name="other", source="thing"))
    for selection in (Selection(facets=("packages",), packages=("o*",)),
                      Selection(facets=("packages",), sources=("thing",))):  # fmt: skip
        assert {line.split()[1] for line in _lines(connection, selection)} == {"other:amd64"}
    with pytest.raises(NoTargetError, match="no package is chosen"):
        facts(connection, "db", Selection(facets=("packages",), packages=("none",)))


def test_hostile_names_are_one_line_and_can_be_read_back() -> None:
    found = facts(judged(Pack(objects=(Object(path=HOSTILE, columns={"pie": "no"}, privilege="setuid"),))), "db",
                  EVERYTHING)  # fmt: skip
    for fact in found:
        assert not set(fact.line) & set("\n\x1b\u202e")
        assert fact.line.count(" ") >= 3
    (where,) = {fact.path for fact in found if fact.facet == "privileged"}
    assert unescape(where) == b"usr/bin/a\x1b b\n\xe2\x80\xae# x "  # the stored \x1b is that byte
    made = Baseline(EVERYTHING, found)
    again = parsed("f", "".join(text(made)).encode())
    assert [fact.line for fact in again.facts] == sorted(fact.line for fact in found)
    assert not drift(again, found)


def test_very_long_text_is_told_by_its_digest() -> None:
    connections = [
        judged(Pack(), rules=(rule(query=f"SELECT e.id AS elf_id, '{'x' * 5_000}{end}' AS subject FROM elf e"),))
        for end in "ab"
    ]
    one, two = ([line for line in _lines(each) if line.startswith("findings")] for each in connections)
    assert max(map(len, one)) < 700
    assert one != two


HEAD = "Format: archscan-baseline/1\nFacets: privileged, hardening\nVersions: no\n\n"


def test_a_file_is_read_as_it_was_written() -> None:
    content = (
        "Format: archscan-baseline/1\nSuite: trixie\nPackage: a*\nPackage: b\nSource: c\n"
        "Facets: privileged, hardening\nVersions: no\n\n"
        "# needs it\n#   because\nhardening a - x\nprivileged a usr/b\\x20c setuid\n"
    )
    read = parsed("f", content.encode())
    assert "".join(text(read)) == content
    assert read.selection == Selection(suite="trixie", packages=("a*", "b"), sources=("c",), versions=False,
                                       facets=("privileged", "hardening"))  # fmt: skip
    assert with_reasons(read.reasons, read.facts[:1]) == {"hardening a - x": ("needs it", "  because")}
    assert with_reasons(read.reasons, read.facts[1:]) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "f:1: expected `Format"),
        ("Format: archscan-baseline/2\n", "f:1: expected `Format: archscan-baseline/1` as the first line"),
        ("Format: archscan-baseline/1\nVersions: no\n\n", "f:1: expected `Facets"),
        (HEAD.replace("privileged", "nothing"), "f:2: Facets: 'nothing': expected some of packages"),
        (HEAD.replace(": no", ": maybe"), "f:3: Versions: expected yes or no"),
        (HEAD.replace("Versions", "Facets"), "f:3: Facets: expected once"),
        (HEAD + "privileged a b\n", "f:5: 'privileged a b': expected a facet, a package"),
        (HEAD + "<<<<<<< mine\n", "f:5: '<<<<<<< mine': expected a facet"),
        (HEAD + "services a b c\n", "f:5: services: expected a facet that the head names"),
        (HEAD + "hardening a b c\nhardening a b c\n", "f:6: 'hardening a b c': expected once"),
        (HEAD + "# why\n\nhardening a b c\n", "f:6: expected below a reason"),
        (HEAD + "# why", "f: expected below the last reason"),
        (HEAD + "hardening a b \u202ec\n", r"f:5: 'hardening a b \\u202ec': expected \\xNN"),
        (HEAD + "hardening a b \udcff\n", "f:5: expected UTF-8"),
    ],
)
def test_a_broken_file_names_its_line(content: str, message: str) -> None:
    with pytest.raises(BaselineError) as error:
        parsed("f", content.encode("utf-8", "surrogateescape"))
    assert str(error.value).startswith(message.replace("\\\\", "\\"))


def _kinds(some: Sequence[object]) -> list[str]:
    return [getattr(one, "line") for one in some]  # noqa: B009


def test_a_difference_is_new_gone_and_kept() -> None:
    before = parsed("f", (HEAD + "hardening a b c\nprivileged a b setuid\n").encode())
    after = parsed("f", (HEAD + "hardening a b c\nprivileged a b setgid\n").encode())
    found = drift(before, after.facts)
    assert (_kinds(found.new), _kinds(found.gone)) == (["privileged a b setgid"], ["privileged a b setuid"])
    assert _kinds(found.kept) == ["hardening a b c"]
    assert bool(found)
    assert not drift(before, before.facts)
    assert _kinds(chosen(found, ["*setgid"]).new) == ["privileged a b setgid"]
    assert not chosen(found, ["hardening *"])
