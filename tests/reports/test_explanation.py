"""What is said beside the code: what would change a verdict, which packages are opened, and which places asked for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from archscan.model import Explained, Instruction
from archscan.reports import explanation, explanation_text
from archscan.reports.content import Row

DOCS = Path(__file__).parents[2] / "docs"


def use(**more: Any) -> Row:
    return {
        "algorithm": "md5", "strength": "weak", "role": "hash", "direction": None, "library": "libx.so.1",
        "symbol": "f",
        "evidence": "call", "confidence": "certain", "function": "main", "address": "0x10", "argument": "MD5",
        "context": "unknown", "context_confidence": None, "outcome": "value", "value": "MD5", "reason": None,
        "line": None, **more,
    }  # fmt: skip


def occurrence(*uses: Row, **more: Any) -> Row:
    return {
        "package": "p", "version": "1", "architecture": "amd64", "filename": "p_1_amd64.deb", "sha256": "0" * 64,
        "status": "complete", "path": "usr/bin/p", "severity": "low", "confidence": "possible", "fix_where": None,
        "message": "usr/bin/p does something", "unchecked": False, "overridden": False, "file_path": "usr/bin/p",
        "mode": 0o755, "privilege": None, "privilege_source": None, "elf_sha256": "1" * 64, "machine": "x86_64",
        "bits": 64, "kind": "pie", "language": "c", "current": True, "reason": None, "evidence": {"sites": []},
        "uses": list(uses), **more,
    }  # fmt: skip


def finding(*occurrences: Row, **more: Any) -> Row:
    return {
        "id": 1, "fingerprint": "a" * 64, "rule": "r", "title": "Does something", "category": "crypto",
        "severity": "low", "confidence": "possible", "state": "open", "source": "p", "path_key": "usr/bin/p",
        "subject": "md5", "fix_where": None, "overridden": False, "why": "Because.", "fix": "Mend it.",
        "fix_for": {"rebuild": "Build it anew."}, "references": [], "occurrences": list(occurrences), **more,
    }  # fmt: skip


def printed(one: Row, *shown: explanation.Shown) -> str:
    stream = io.StringIO()
    explanation_text.write(explanation.Explanation(finding=one, shown=shown, changes=("x",)), stream, "x86_64")
    return stream.getvalue()


def test_every_reason_of_a_call_has_its_meaning() -> None:
    meanings = explanation.call_reasons(DOCS)
    assert len(meanings) > 25
    assert meanings["computed"].startswith("arithmetic that is not followed")
    assert explanation.call_reasons(DOCS / "none") == {}


def test_what_is_not_known_is_said_with_its_meaning() -> None:
    one = finding(occurrence(use(outcome="unknown", reason="counted", value=None, argument=None)))
    assert "Not known at 0x10: counted (a loop counts it)." in explanation.changes(
        one, "", explanation.call_reasons(DOCS)
    )


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ([use()], "Another value than MD5 at 0x10; nothing else can stand there."),
        ([use(value=None, argument=None)], "Another function than f at 0x10; the name alone says what it is for."),
        ([use(outcome="set", value="MD5, SHA1")],
         "At 0x10 it is one of several values, by the ways that the program takes."),
        ([use(outcome="runtime", reason="result of g", value=None)],
         "Who decides at 0x10 is result of g; what that brings was not seen."),
        ([use(address=hex(n)) for n in range(16, 22)], "Another value than MD5 at 0x10, 0x11, 0x12, 0x13 and 2 more;"
         " nothing else can stand there."),
        ([use(evidence="import", address=None, outcome=None, value=None)],
         "Of some functions only the import is known: no call of them was seen, which would tell more."),
    ],
)  # fmt: skip
def test_what_selects_would_change_the_verdict(uses: list[Row], expected: str) -> None:
    assert expected in explanation.changes(finding(occurrence(*uses)), "", {})


def test_what_the_rule_says_comes_first() -> None:
    assert explanation.changes(finding(occurrence()), "Luck would.", {})[0] == "Luck would."
    assert "archscan confirm" in explanation.changes(finding(occurrence(), category="hardening"), "", {})[0]


def test_what_was_seen_of_a_copy_is_told() -> None:
    copy = use(evidence="constant", symbol=None, library=None, outcome=None, value=None, argument="64 of 64 T words")
    one = occurrence(copy)
    assert "0x10  main  md5  constant: 64 of 64 T words, hash" in printed(finding(one), explanation.shown(one, None))


def test_a_context_that_is_known_is_not_missed() -> None:
    known = explanation.changes(finding(occurrence(use(context="signature"))), "", {})
    assert not any("serves for is not known" in text for text in known)


def test_current_packages_are_opened_and_else_the_newest() -> None:
    old, new = occurrence(current=False, version="1"), occurrence(version="2")
    assert explanation.chosen(finding(new, old)) == [new]
    assert explanation.chosen(finding(old, occurrence(current=False, version="0"))) == [old]
    assert explanation.chosen(finding()) == []


def test_places_are_those_of_uses_or_of_reasons() -> None:
    reason = {"code": "c", "text": "t", "sites": [{"address": "0x1"}, {"name": "f"}, {"address": ".text+0x2"}]}
    evidence = {"sites": [{"address": "0x3"}, {"address": "nowhere"}, {"address": 4}, "odd"]}
    one = occurrence(reason=reason, evidence=evidence)
    assert [site.address for site in explanation.places(one)] == ["0x1", ".text+0x2", "0x3"]
    both = occurrence(use(), use(role="lookup"), use(address="0x11"), reason=reason)
    assert [(site.address, site.role) for site in explanation.places(both)] == [("0x10", "hash"), ("0x11", "hash")]


def test_a_finding_about_no_object_asks_for_none() -> None:
    one = occurrence(elf_sha256=None, privilege="setuid", privilege_source="postinst")
    assert explanation.asked(one, 4) is None
    text = printed(finding(one, category="hardening"), explanation.shown(one, None))
    assert "dpkg-deb --contents p_1_amd64.deb | grep -F -- usr/bin/p" in text
    assert "dpkg-deb --info p_1_amd64.deb postinst" in text
    assert "was not found" not in text


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("etc/x.conf", "dpkg-deb --fsys-tarfile p_1_amd64.deb | tar -xO ./etc/x.conf | sed -n '3p;7p'"),
        ("DEBIAN/postinst", "dpkg-deb --ctrl-tarfile p_1_amd64.deb | tar -xO ./postinst | sed -n '3p;7p'"),
        ("usr/share/java/x.jar", "dpkg-deb --contents p_1_amd64.deb | grep -F -- usr/share/java/x.jar"),
    ],
)
def test_lines_of_a_file_are_shown_where_they_lie(path: str, command: str) -> None:
    evidence = {"sites": [{"line": 7}, {"line": 3}, {"line": 0}, {"line": "9"}, {"line": 7}]}
    one = occurrence(elf_sha256=None, path=path, evidence=evidence)
    text = printed(finding(one, category="files"), explanation.shown(one, None))
    assert command in text
    known = explanation.changes(finding(one, category="files"), "", {})
    assert known[0].startswith("The finding goes when the file no longer says so")


def test_what_to_do_depends_on_where() -> None:
    one = occurrence(fix_where="rebuild")
    assert "Build it anew." in printed(finding(one), explanation.shown(one, None))
    other = occurrence(fix_where="toolchain")
    assert "Mend it." in printed(finding(other), explanation.shown(other, None))


def test_hostile_texts_cannot_leave_their_place() -> None:
    one = occurrence(use(symbol="\x1b[31mred", function="a\nb", line="\u202ex.c:1"), message="\x07bell\u2066")
    code = Explained(path="usr/bin/p", address="0x10", function="\x1b]0;x\x07",
                     instructions=(Instruction("0x10", "0x12", "nop", "\x1b[2J", "here"),))  # fmt: skip
    text = printed(finding(one), explanation.Shown(occurrence=one, file="/a\x1bb.deb", explained=(code,)))
    assert not {
        character for character in text if character != "\n" and (character < " " or character in "\u202e\u2066")
    }
    assert "\\x1b[31mred" in text
