"""What every test can ask for: the corpus, built once a session."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from corpus.build import Built, build_all, buildable
from corpus.catalogue import stubs_of
from corpus.recipes import ROOT, load
from corpus.target import target


@pytest.fixture(scope="session")
def corpus_builds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """Recipe name → what was built of it, for all recipes that the host's own compiler can build.

    Where several processes run the tests, the first to ask builds for all of them.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "corpus.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listing = shared / "corpus.json"
        if not listing.exists():
            listing.write_bytes(json.dumps(_built(tmp_path_factory)).encode())
    return {name: _known(name, files) for name, files in json.loads(listing.read_bytes()).items()}


def _built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    out, work = tmp_path_factory.mktemp("corpus-debs"), tmp_path_factory.mktemp("corpus-work")
    builds = build_all(buildable(), out, work, stubs_of(ROOT.parent / "rules"))
    return {
        built.name: {"deb": str(built.deb), "objects": {path: str(file) for path, file in built.objects.items()}}
        for built in builds
    }


def _known(name: str, files: dict[str, Any]) -> Built:
    recipe = load(ROOT / name / "recipe.toml")
    objects = {path: Path(file) for path, file in files["objects"].items()}
    deb, compiled_for = Path(files["deb"]), target(recipe.build.compiler)
    return Built(name=name, recipe=recipe, target=compiled_for, deb=deb, objects=objects)


@pytest.fixture(scope="session")
def corpus_debs(corpus_builds: dict[str, Built]) -> dict[str, Path]:
    """Recipe name → its .deb."""
    return {name: built.deb for name, built in corpus_builds.items()}


@pytest.fixture(scope="session")
def corpus_objects(corpus_builds: dict[str, Built]) -> dict[str, dict[str, Path]]:
    """Recipe name → path in the package (as in the recipe) → the compiled object as a file."""
    return {name: built.objects for name, built in corpus_builds.items()}
