"""``copies.toml``: read strictly, joined from several folders, and a part of what facts depend on."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from archscan.crypto.catalogue import Catalogue, load, load_all
from archscan.errors import RuleError

RULES = Path(__file__).parents[2] / "rules"
PROVIDER = "[[provider]]\npath = '/usr/bin/x'\nreason = 'why'\n"


def catalogue(folder: Path, text: str) -> Catalogue:
    shutil.copytree(RULES / "catalogue", folder / "catalogue", dirs_exist_ok=True)
    shutil.copytree(RULES / "selectors", folder / "selectors", dirs_exist_ok=True)
    shutil.copy(RULES / "algorithms.toml", folder)
    (folder / "copies.toml").write_text(text)
    return load(folder)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[go]\n'crypto/x' = 'md55'", "go.'crypto/x': expected an algorithm of algorithms.toml, got 'md55'"),
        ("[go_functions]\n'x.Y' = 'md55'", "go_functions.'x.Y': expected an algorithm"),
        ("[rust]\n'x' = 'md55'", "rust.'x': expected an algorithm of algorithms.toml"),
        ("[named]\nmd55 = 'x'", "named: expected algorithms of algorithms.toml, got 'md55'"),
        ("[named]\nmd5 = '('", "named.md5: expected a regular expression"),
        ("[[provider]]\nreason = 'why'", "provider[0]: expected a path or a language"),
        ("[[provider]]\npath = 'x'", "missing required field `reason`"),
        (PROVIDER + "algorithms = ['md55']", "provider[0].algorithms: expected algorithms of algorithms.toml"),
        (PROVIDER + "paths = []", "unknown field `paths`"),
        ("[perl]\n", "unknown field `perl`"),
        ("[go", "expected TOML"),
    ],
)
def test_anything_else_is_an_error_that_says_what_was_expected(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(RuleError, match=re.escape(complaint)) as error:
        catalogue(tmp_path, text)
    assert "copies.toml" in str(error.value)


def test_what_makes_facts_changes_the_digest_and_reasons_do_not(tmp_path: Path) -> None:
    plain = catalogue(tmp_path, PROVIDER).digest
    assert catalogue(tmp_path, PROVIDER.replace("why", "because")).digest == plain
    changes = (
        PROVIDER.replace("/usr/bin/x", "/usr/bin/y"),
        PROVIDER + "algorithms = ['md5']",
        PROVIDER + "language = 'go'",
        PROVIDER + "[named]\nmd5 = 'md5'",
        PROVIDER + "[go]\n'crypto/md5' = 'md5'",
        PROVIDER + "[go_functions]\n'crypto/md5.New' = 'md5'",
        PROVIDER + "[rust]\n'md5' = 'md5'",
    )
    digests = {catalogue(tmp_path, text).digest for text in changes}
    assert len(digests | {plain}) == len(changes) + 1


def test_a_folder_of_ones_own_adds_providers_and_replaces_names(tmp_path: Path) -> None:
    (tmp_path / "copies.toml").write_text(PROVIDER + "[named]\nmd5 = 'sum'\n")
    both, ours = load_all((RULES, tmp_path)), load(RULES)
    assert [one.path for one in both.copies.provider] == [*(one.path for one in ours.copies.provider), "/usr/bin/x"]
    assert both.copies.named == ours.copies.named | {"md5": "sum"}


def test_every_provider_has_a_reason() -> None:
    for one in load(RULES).copies.provider:
        assert len(one.reason) > 20, one.path
