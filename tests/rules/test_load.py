from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.errors import RuleError
from archscan.rules.load import Hint, load

SHIPPED = Path(__file__).parents[2] / "rules"
GOOD = '''
id = "some-rule"
title = "Is wrong"
category = "hardening"
severity = "low"
confidence = "likely"
scope = "object"
query = """
SELECT id AS elf_id, 'x' AS subject FROM elf
"""
message = "{path}"
why = "because"
fix = "change it"
references = ["CWE-1"]

[[example]]
corpus = "hardened"
findings = []
'''


def write(root: Path, text: str, place: str = "hardening/some-rule.toml") -> Path:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_rule_is_read_with_its_defaults(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    (rule,) = load([tmp_path]).rules
    assert (rule.id, rule.family, rule.supersedes, rule.formerly) == ("some-rule", "some-rule", (), ())
    assert rule.query == "SELECT id AS elf_id, 'x' AS subject FROM elf"
    assert rule.examples[0].findings == ()


def test_what_would_change_the_verdict_may_be_said_without_judging_anew(tmp_path: Path) -> None:
    write(tmp_path / "a", GOOD)
    write(tmp_path / "b", GOOD.replace('fix = "change it"', 'fix = "change it"\nchanges = "  a use of another kind "'))
    (plain,), (said,) = load([tmp_path / "a"]).rules, load([tmp_path / "b"]).rules
    assert (plain.changes, said.changes) == ("", "a use of another kind")
    assert plain.digest == said.digest


def test_a_rule_may_limit_its_bugs_without_judging_anew(tmp_path: Path) -> None:
    write(tmp_path / "a", GOOD)
    write(tmp_path / "b", GOOD.replace('fix = "change it"', 'fix = "change it"\nbug = "never"'))
    (plain,), (said,) = load([tmp_path / "a"]).rules, load([tmp_path / "b"]).rules
    assert (plain.bug, said.bug) == ("", "never")
    assert plain.digest == said.digest


def test_folders_of_other_data_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    for place in ("catalogue/x.toml", "selectors/x.toml", "algorithms.toml", "crypto/README.md"):
        write(tmp_path, "not a rule", place)
    assert [rule.id for rule in load([tmp_path]).rules] == ["some-rule"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('title = "Is wrong"', "", "title: missing key"),
        ('title = "Is wrong"', "title = 3", "title: expected a text"),
        ('fix = "change it"', 'fix = "change it"\nchanges = ""', "changes: expected a text that is not empty"),
        ('fix = "change it"', 'fix = "change it"\nchanges = ["x"]', "changes: expected a text"),
        ('fix = "change it"', 'fix = "change it"\nbug = "grave"', "bug: expected one of never, wishlist, minor"),
        ('fix = "change it"', 'fix = "change it"\nbug = ["minor"]', "bug: expected one of never"),
        ('title = "Is wrong"', 'title = "  "', "title: expected a text"),
        (
            'title = "Is wrong"',
            'title = "Is wrong"\ncolour = "red"',
            "colour: unknown key, expected one of bug, category",
        ),
        ('severity = "low"', 'severity = "awful"', "severity: expected one of negligible, low, medium, high, critical"),
        ('confidence = "likely"', 'confidence = "sure"', "confidence: expected one of certain, likely, possible"),
        ('scope = "object"', "scope = []", "scope: expected one of object, package, archive"),
        ('references = ["CWE-1"]', 'references = "CWE-1"', "references: expected a list of texts"),
        ('references = ["CWE-1"]', 'references = ["a", "a"]', "references: expected each text once"),
        ('id = "some-rule"', 'id = "other-rule"', "id: expected 'some-rule'"),
        ('category = "hardening"', 'category = "crypto"', "category: expected 'hardening'"),
        ("findings = []", "findings = [1]", "findings: expected a list of texts"),
        ("findings = []", "", "findings: missing key"),
        ("findings = []", "findings = []\nextra = 1", "extra: unknown key"),
        (
            'scope = "object"',
            'scope = "object"\nsupersedes = ["no-such"]',
            "supersedes: expected the id of another rule",
        ),
        ('scope = "object"', 'scope = "object"\nsupersedes = ["some-rule"]', "supersedes: expected the id of another"),
        ('scope = "object"', 'scope = "object"\nformerly = ["some-rule"]', "formerly: expected an id that no rule has"),
        ('scope = "object"', 'scope = "object"\nfamily = ""', "family: expected a text"),
        ('scope = "object"', 'scope = "object"\nlintian = "a-tag"', "lintian: expected a list of texts"),
        ('scope = "object"', 'scope = "object"\nlintian.pie = [1]', "lintian: expected a list of texts"),
        ("[[example]]", "[example]", r"example: expected \[\[example\]\] tables"),
        ('title = "Is wrong"', "title = ", "expected TOML: .*line"),
    ],
)
def test_what_is_not_exactly_a_rule_is_named_with_its_file(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert GOOD.count(old) == 1
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(RuleError, match=expected) as caught:
        load([tmp_path])
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_hints_of_lintian_are_of_all_subjects_or_of_one(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace('scope = "object"', 'scope = "object"\nlintian = ["a-tag", "b-tag {path} x"]'))
    (rule,) = load([tmp_path]).rules
    assert rule.lintian == (Hint(None, "a-tag", "[{path}]"), Hint(None, "b-tag", "{path} x"))
    path.write_text(GOOD.replace('scope = "object"', 'scope = "object"\nlintian.pie = ["a-tag"]'))
    (other,) = load([tmp_path]).rules
    assert other.lintian == (Hint("pie", "a-tag", "[{path}]"),)
    assert other.digest != rule.digest


def test_a_name_that_is_no_id_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("some-rule", "Some_Rule"), "hardening/Some_Rule.toml")
    with pytest.raises(RuleError, match="id: expected lower-case words"):
        load([tmp_path])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "").write_bytes(b"\xff")
    with pytest.raises(RuleError, match="expected TOML"):
        load([tmp_path])


def test_two_directories_are_one_book_without_doubles(tmp_path: Path) -> None:
    write(tmp_path / "a", GOOD)
    write(tmp_path / "b", GOOD.replace("some-rule", "own-rule"), "hardening/own-rule.toml")
    assert [rule.id for rule in load([tmp_path / "a", tmp_path / "b"]).rules] == ["own-rule", "some-rule"]
    write(tmp_path / "b", GOOD)
    with pytest.raises(RuleError, match=r"'some-rule' is already the rule of .*a/hardening"):
        load([tmp_path / "a", tmp_path / "b"])


def test_a_rule_beside_the_folders_is_not_silently_left_out(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "some-rule.toml")
    with pytest.raises(RuleError, match=r"expected a rule to be <category>/<id>\.toml"):
        load([tmp_path])


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no-such: expected a directory of rules"):
        load([tmp_path / "no-such"])


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ('why = "because"', 'why = "since"', True),
        ('title = "Is wrong"', 'title = "Is bad"', True),
        ('severity = "low"', 'severity = "high"', False),
        ("'x' AS subject", "'y' AS subject", False),
        ('message = "{path}"', 'message = "{path}!"', False),
    ],
)
def test_the_digest_follows_judgement_not_prose(tmp_path: Path, old: str, new: str, same: bool) -> None:
    write(tmp_path, GOOD)
    before = load([tmp_path]).digest
    write(tmp_path, GOOD.replace(old, new))
    assert (load([tmp_path]).digest == before) is same


def test_the_digest_is_the_same_wherever_the_rules_lie(tmp_path: Path) -> None:
    write(tmp_path / "a", GOOD)
    write(tmp_path / "b", GOOD)
    assert load([tmp_path / "a"]).digest == load([tmp_path / "b"]).digest


@given(st.lists(st.sampled_from(GOOD.strip().splitlines()), max_size=20), st.text(max_size=20))
def test_any_text_is_a_rule_or_a_rule_error(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], more: str
) -> None:
    root = tmp_path_factory.mktemp("rules")
    (root / "hardening").mkdir()
    (root / "hardening" / "some-rule.toml").write_bytes("\n".join([*lines, more]).encode("utf-8", "replace"))
    said = ""
    try:
        load([root])
    except RuleError as error:
        said = str(error)
    assert not said or ("some-rule.toml: " in said and "\n" not in said)
