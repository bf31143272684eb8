"""What the tests of archives share: keys, packages, a fetcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources.mirrors import Key, signing_key, small_deb


@pytest.fixture(scope="session")
def key() -> Iterator[Key]:
    with signing_key() as made:
        yield made


@pytest.fixture(scope="session")
def other_key() -> Iterator[Key]:
    with signing_key("other@example.org") as made:
        yield made


@pytest.fixture(scope="session")
def debs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("debs")
    return [
        small_deb(folder, "one"),
        small_deb(folder, "two", "1:2.0-1", Source="twin (3.0-1)", Section="contrib/libs"),
        small_deb(folder, "one-doc", architecture="all", Source="one", Section="doc"),
    ]
