"""A Datasette on a database whose every name tries to break out of its place."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archscan.reports import queries
from archscan.serve.server import Options, prepared
from tests.reports.asked import add_asked
from tests.reports.conftest import fill, new_database

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
REPORTS, DOCS = ROOT / "reports", ROOT / "docs"


class Served:
    """What answers, and the file that it answers from."""

    def __init__(self, path: Path, made: Any, runner: asyncio.Runner) -> None:
        self.path, self.made, self._runner = path, made, runner

    def get(self, address: str, **more: Any) -> Any:
        """The response for an address."""
        return self._runner.run(self.made.client.get(address, **more))

    def json(self, address: str) -> Any:
        """The same where it has to be one that is good, and JSON."""
        answer = self.get(address)
        assert answer.status_code == 200, (address, answer.text[:300])
        return answer.json()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "filled ?#%.db"
    with closing(new_database(path)) as connection:
        fill(connection)
        add_asked(connection)
        connection.commit()
    return path


@pytest.fixture(scope="module")
def served(hostile: Path) -> Iterator[Served]:
    with (
        asyncio.Runner() as runner,
        prepared(hostile, Options(seconds=60), queries.load([REPORTS]), REPORTS, DOCS) as made,
    ):
        yield Served(hostile, made, runner)
