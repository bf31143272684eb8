"""Every example of every rule, on packages that are built, read and judged as a user's would be."""

import io
import sqlite3
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from archscan.rules.load import Rule, load
from archscan.scan import Options, scan

RULES = Path(__file__).parents[2] / "rules"
SHIPPED = load([RULES])


@pytest.fixture(scope="session")
def judged(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A database of the whole corpus, with the name of the recipe as each package's file name."""
    path = tmp_path_factory.mktemp("examples") / "corpus.db"
    used = {example.corpus for rule in SHIPPED.rules for example in rule.examples}
    targets = [str(corpus_debs[name]) for name in sorted(used)]
    scan(targets, Options(database=path, data=(RULES,), command="scan"), io.BytesIO())
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


@pytest.mark.parametrize("rule", SHIPPED.rules, ids=lambda rule: rule.id)
def test_a_rule_finds_in_its_examples_what_it_says_and_no_more(
    judged: sqlite3.Connection, corpus_debs: dict[str, Path], rule: Rule
) -> None:
    for example in rule.examples:
        rows = judged.execute(
            "SELECT DISTINCT o.path FROM occurrence o JOIN package p ON p.id = o.package_id "
            "WHERE o.rule_id = ? AND p.filename = ?",
            (rule.id, corpus_debs[example.corpus].name),
        )
        found = {path for (path,) in rows}
        missed = {pattern for pattern in example.findings if not any(fnmatchcase(path, pattern) for path in found)}
        extra = {path for path in found if not any(fnmatchcase(path, pattern) for pattern in example.findings)}
        assert (example.corpus, missed, extra) == (example.corpus, set(), set())


def test_every_corpus_package_of_an_example_was_read_whole(judged: sqlite3.Connection) -> None:
    assert judged.execute("SELECT filename, status FROM package WHERE status <> 'complete'").fetchall() == []
    assert judged.execute("SELECT message FROM problem").fetchall() == []


def test_judging_the_corpus_again_changes_nothing(judged: sqlite3.Connection) -> None:
    from archscan.rules.apply import Applied, apply

    before = judged.execute("SELECT * FROM finding ORDER BY id").fetchall()
    assert apply(judged, SHIPPED, 1, changed_only=False) == Applied()
    assert judged.execute("SELECT * FROM finding ORDER BY id").fetchall() == before
