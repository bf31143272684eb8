"""The maintainer's word: what it lowers, what it never touches, and that nobody keeps us busy with it."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.errors import RuleError
from archscan.model import Severity
from archscan.reports.failing import failing
from archscan.rules.apply import apply
from archscan.rules.check import check
from archscan.rules.load import Hint, Rule
from archscan.rules.overrides import matcher
from tests.rules.facts import Object, Pack, book, database, put, rule

HINT = Hint(None, "hardening-no-pie", "[{path}]")
NO_PIE = rule(lintian=(HINT,))


def _object(path: str = "usr/bin/tool", **more: Any) -> Object:
    return Object(path=path, columns={"kind": "executable", "pie": "no"}, **more)


def _judged(pack: Pack, *rules: Rule) -> dict[str, tuple[str, int, dict[str, Any] | None]]:
    """Path → severity, whether it is overridden, and the override shown."""
    connection = database()
    put(connection, pack)
    apply(connection, book(*(rules or (NO_PIE,))), 1, changed_only=True)
    return {
        path: (severity, overridden, json.loads(evidence).get("override"))
        for path, severity, overridden, evidence in connection.execute(
            "SELECT path, severity, overridden, evidence FROM occurrence"
        )
    }


def _is_overridden(*overrides: tuple[str, str], path: str = "usr/bin/tool", one: Rule = NO_PIE) -> bool:
    ((severity, overridden, said),) = _judged(Pack(objects=(_object(path),), overrides=overrides), one).values()
    assert (severity == "negligible") == bool(overridden) == (said is not None)
    return bool(overridden)


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("", True),
        ("*", True),
        ("[usr/bin/tool]", True),
        ("usr/bin/tool", True),
        ("[usr/bin/*]", True),
        ("[usr/*/tool]", True),
        ("*/tool]", True),
        ("usr/bin/too?", True),
        ("[usr/bin/tool", False),
        ("[usr/bin/other]", False),
        ("[usr/bin]", False),
        ("tool", False),
        ("usr/bin/tools", False),
        ("usr/bin/TOOL", False),
        (r"\[usr/bin/tool\]", True),
        (r"[usr/bin\/to?l]", True),
        (r"[usr/bin/\tool]", False),
        ("[usr/bin/tool] *", False),
    ],
)
def test_which_contexts_mean_a_file(context: str, expected: bool) -> None:
    assert _is_overridden(("hardening-no-pie", context)) == expected


def test_another_tag_does_not_count() -> None:
    assert not _is_overridden(("hardening-no-relro", ""))
    assert not _is_overridden(("hardening-no-pie", ""), one=rule())


def test_an_override_is_shown_with_what_it_lowered() -> None:
    overrides = (("hardening-no-pie", "*"), ("hardening-no-pie", "usr/*"), ("some-tag", ""))
    (found,) = _judged(Pack(objects=(_object(),), overrides=overrides)).values()
    assert found == (
        "negligible",
        1,
        {
            "tag": "hardening-no-pie",
            "context": "*",
            "comment": "because",
            "line": 1,
            "severity": "medium",
            "ignored": None,
        },
    )


def test_names_are_compared_as_the_package_has_them() -> None:
    path = r"usr/bin/na\xefve\\name"  # the byte EF, a backslash
    assert _is_overridden(("hardening-no-pie", f"[{path}]"), path=path)
    assert _is_overridden(("hardening-no-pie", r"[usr/bin/na?ve\\\\name]"), path=path)
    assert not _is_overridden(("hardening-no-pie", r"[usr/bin/na?ve?name]"), path="usr/bin/naive-names")
    assert _is_overridden(("hardening-no-pie", r"usr/bin/\\*"), path="usr/bin/*")
    assert not _is_overridden(("hardening-no-pie", r"usr/bin/\\*"), path="usr/bin/x")


def test_a_hint_may_name_what_the_query_found() -> None:
    query = (
        "SELECT e.id AS elf_id, 'relative' AS subject, 'RUNPATH' AS tag, j.value AS entry "
        'FROM elf e JOIN json_each(\'[".", "lib"]\') j'
    )
    one = rule("paths", query=query, lintian=(Hint(None, "relative-library-search-path", "{tag} {entry} [{path}]"),))
    everything = ("relative-library-search-path", "RUNPATH * [usr/bin/tool]")
    part = ("relative-library-search-path", "RUNPATH lib [usr/bin/tool]")
    assert _is_overridden(everything, one=one)
    # One place of the finding is overridden, the other is not: the finding stands.
    ((severity, overridden, _),) = _judged(Pack(objects=(_object(),), overrides=(part,)), one).values()
    assert (severity, overridden) == ("medium", 0)


def test_a_hint_may_be_about_one_subject() -> None:
    query = "SELECT id AS elf_id, 'pie' AS subject FROM elf UNION ALL SELECT id, 'relro' FROM elf"
    one = rule("both", query=query, lintian=(Hint("relro", "hardening-no-relro", "[{path}]"),))
    connection = database()
    put(connection, Pack(objects=(_object(),), overrides=(("hardening-no-relro", ""),)))
    apply(connection, book(one), 1, changed_only=True)
    assert dict(connection.execute("SELECT subject, overridden FROM finding")) == {"pie": 0, "relro": 1}


SURE = (("hardening-no-pie", ""),)


def _shown_only(found: tuple[str, int, dict[str, Any] | None]) -> None:
    severity, overridden, said = found
    assert (severity, overridden) == ("medium", 0)
    assert said
    assert (said["ignored"], said["comment"]) == ("privileged", "because")


def test_a_privileged_program_is_never_hidden() -> None:
    _shown_only(_judged(Pack(objects=(_object(privilege="setuid"),), overrides=SURE))["usr/bin/tool"])


def test_nor_is_what_a_rule_about_privileges_finds() -> None:
    _shown_only(
        _judged(Pack(objects=(_object(),), overrides=SURE), rule("privileged-x", lintian=(HINT,)))["usr/bin/tool"]
    )


@pytest.mark.parametrize(
    "rows",
    [
        [("usr/bin/again", "hardlink", "usr/bin/tool", "setuid")],
        [("usr/bin/link", "symlink", "tool", None), ("usr/bin/link", "other", None, "setuid")],
        [("usr/bin/link", "symlink", "/usr/bin/tool", None), ("bin/link", "other", None, "cap_net_raw=ep")],
        [("bin/tool", "other", None, "setgid")],
    ],
    ids=["hard-link", "symbolic-link", "absolute-link", "other-name"],
)
def test_nor_is_one_that_got_its_privilege_by_another_name(rows: list[tuple[str | None, ...]]) -> None:
    connection = database()
    package = put(connection, Pack(objects=(_object(), _object("usr/bin/unprivileged")), overrides=SURE))
    for path, kind, link, privilege in rows:
        connection.execute(
            "INSERT INTO file (package_id, path, path_key, kind, link, privilege, privilege_source) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (package, path, path, kind, link, privilege, privilege and "postinst"),
        )
    apply(connection, book(NO_PIE), 1, changed_only=True)
    found = dict(connection.execute("SELECT path, overridden FROM occurrence"))
    assert found == {"usr/bin/tool": 0, "usr/bin/unprivileged": 1}


def test_only_the_packages_own_overrides_count() -> None:
    connection = database()
    put(connection, Pack(name="one", objects=(_object(),), overrides=SURE))
    put(connection, Pack(name="two", objects=(_object(),)))
    apply(connection, book(NO_PIE), 1, changed_only=True)
    found = dict(
        connection.execute("SELECT p.name, o.overridden FROM occurrence o JOIN package p ON p.id = package_id")
    )
    assert found == {"one": 1, "two": 0}


def test_a_line_for_other_architectures_does_not_count() -> None:
    connection = database()
    put(connection, Pack(objects=(_object(),), overrides=SURE))
    connection.execute("UPDATE lintian_override SET applies = 0")
    apply(connection, book(NO_PIE), 1, changed_only=False)
    assert connection.execute("SELECT overridden FROM occurrence").fetchall() == [(0,)]


def _findings(connection: sqlite3.Connection) -> list[tuple[str, int, str]]:
    return connection.execute("SELECT severity, overridden, state FROM finding").fetchall()


def test_a_finding_is_overridden_where_it_is_in_every_current_package_and_no_gate_counts_it() -> None:
    connection = database()
    put(connection, Pack(architecture="amd64", objects=(_object(),), overrides=SURE))
    apply(connection, book(NO_PIE), 1, changed_only=True)
    assert _findings(connection) == [("negligible", 1, "open")]
    assert failing(connection, Severity.NEGLIGIBLE, None) == 0
    put(connection, Pack(architecture="arm64", objects=(_object(),)))
    apply(connection, book(NO_PIE), 2, changed_only=True)
    assert _findings(connection) == [("medium", 0, "open")]
    assert failing(connection, Severity.MEDIUM, None) == 1


def test_an_override_comes_and_goes_with_the_package() -> None:
    connection = database()
    rules = book(NO_PIE)
    put(connection, Pack(version="1", objects=(_object(),)))
    apply(connection, rules, 1, changed_only=True)
    put(connection, Pack(version="2", objects=(_object(),), overrides=SURE))
    apply(connection, rules, 2, changed_only=True)
    assert _findings(connection) == [("negligible", 1, "open")]
    put(connection, Pack(version="3", objects=(_object(),)))
    # For a gate this is a finding that was closed and is open again.
    assert len(apply(connection, rules, 3, changed_only=True).reopened_ids) == 1
    assert _findings(connection) == [("medium", 0, "open")]


def test_a_template_names_what_there_is() -> None:
    with pytest.raises(RuleError, match=r"lintian: expected \{entry\}"):
        check(book(rule(lintian=(Hint(None, "some-tag", "{entry} [{path}]"),))))
    with pytest.raises(RuleError, match=r"lintian: expected \{severity\}"):
        check(book(rule(lintian=(Hint(None, "some-tag", "{severity}"),))))


PATTERNS = st.text("ab*?\\[", max_size=8)


@given(PATTERNS, st.text("ab*?\\[\n", max_size=10))
def test_a_pattern_means_what_a_regular_expression_of_it_does(pattern: str, text: str) -> None:
    """The expression is what Regexp::Wildcards makes of it, which lintian uses."""
    expression = "".join(
        {"*": ".*", "?": "."}.get(token, re.escape(token[-1] if len(token) == 2 else token))
        for token in re.findall(r"\\[^\w\s]|.", pattern, re.DOTALL)
    )
    matches = matcher(pattern)
    wanted = re.fullmatch(expression, text, re.DOTALL) is not None
    assert (matches(text) if matches else pattern == text) == wanted


def test_no_pattern_takes_long() -> None:
    matches = matcher("*a" * 2_000 + "*b")
    assert matches
    started = time.process_time()
    assert not matches("a" * 4_000)
    assert time.process_time() - started < 1


def test_a_package_full_of_patterns_is_not_heard_for_ever() -> None:
    # 3,000 objects and 3,000 patterns, each as slow as they get.
    objects = tuple(_object(f"usr/bin/{'a' * 200}{number}") for number in range(3_000))
    overrides = tuple(("hardening-no-pie", f"{'?a' * 100}*{number}b") for number in range(3_000))
    connection = database()
    put(connection, Pack(objects=objects, overrides=overrides))
    started = time.process_time()
    apply(connection, book(NO_PIE), 1, changed_only=True)
    assert time.process_time() - started < 30
    assert connection.execute("SELECT count(*), sum(overridden) FROM occurrence").fetchone() == (3_000, 0)
