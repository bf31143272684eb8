"""What every test can ask for: the corpus, built once a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpus.build import Built, build_all, buildable
from corpus.catalogue import stubs_of
from corpus.recipes import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def corpus_builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """Recipe name → what was built of it, for all recipes that the host's own compiler can build."""
    out, work = tmp_path_factory.mktemp("corpus-debs"), tmp_path_factory.mktemp("corpus-work")
    return {built.name: built for built in build_all(buildable(), out, work, stubs_of(ROOT.parent / "rules"))}


@pytest.fixture(scope="session")
def corpus_debs(corpus_builds: dict[str, Built]) -> dict[str, Path]:
    """Recipe name → its .deb."""
    return {name: built.deb for name, built in corpus_builds.items()}


@pytest.fixture(scope="session")
def corpus_objects(corpus_builds: dict[str, Built]) -> dict[str, dict[str, Path]]:
    """Recipe name → path in the package (as in the recipe) → the compiled object as a file."""
    return {name: built.objects for name, built in corpus_builds.items()}
