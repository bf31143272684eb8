"""Databases for the site: hostile names with places in an archive, maintainers, and figures of several scans."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archscan.reports import database
from archscan.site.build import build
from archscan.site.options import Options
from archscan.triage.weights import load_weights
from tests.reports.conftest import add_finding, add_package, fill, insert, new_database

if TYPE_CHECKING:
    import sqlite3

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CLEAN = 30


def add_archive(connection: sqlite3.Connection) -> None:
    """Everything is in bookworm: `sudo` in main, what is hostile in universe, and packages without a finding."""
    index = {}
    for component in ("main", "universe"):
        index[component] = insert(
            connection, "archive_index", origin="Debian", suite="bookworm", component=component, architecture="amd64",
            base="https://mirror.example.org/debian", date="2026-05-01T00:00:00Z", sha256="0" * 64, packages=40,
            bytes=1, first_scan=1, last_scan=2,
        )  # fmt: skip
    for number in range(CLEAN):
        add_package(connection, f"clean{number}", maintainer=f"Team {number % 3} <team{number % 3}@example.org>",
                    control='{"Task": "server, mail"}' if number == 0 else "{}")  # fmt: skip
    odd = add_package(connection, "odd", maintainer="Team 1 <team1@example.org>")
    add_finding(connection, "no-pie", odd, None, subject="of odd")
    packages = connection.execute("SELECT id, name, version, sha256 FROM package WHERE name IS NOT NULL").fetchall()
    for key, name, version, sha256 in packages:
        component = "main" if name == "sudo" or name.startswith("clean") else "universe"
        insert(
            connection, "publication", index_id=index[component], suite="bookworm", component=component,
            section="net", priority="optional", name=name, version=version, version_key=version, architecture="amd64",
            source=name, source_version=version, size=1, sha256=sha256, filename=f"pool/{name}.deb", package_id=key,
            first_scan=1, last_scan=2, standing="current",
        )  # fmt: skip
    for scope in ("bookworm", "bookworm/main"):
        for scan, good in ((1, 50), (2, 75)):
            figures = {
                "objects": 100,
                "pie yes": good,
                "pie no": 100 - good,
                "nx yes": 100,
                "weak md5": 9,
                "weak md5 signature": 4,
            }
            for name, value in figures.items():
                insert(connection, "metric", scan_id=scan, scope=scope, name=name, value=value)
    _decide(connection)


def _decide(connection: sqlite3.Connection) -> None:
    """One finding of sudo is a false positive, and stays so."""
    (fingerprint,) = connection.execute(
        "SELECT fingerprint FROM finding WHERE source = 'sudo' AND rule_id = 'not-fortified' AND state = 'open' "
        "AND overridden = 0 AND subject = 'ignored'"
    ).fetchone()
    insert(connection, "decision", fingerprint=fingerprint, state="false-positive", reason="no",
           authority="x@example.org", made="2026-05-01", about="")  # fmt: skip


@pytest.fixture(scope="session")
def hostile_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "archive.db"
    with closing(new_database(path)) as connection:
        fill(connection)
        add_archive(connection)
        connection.commit()
    return path


def built(db: Path, target: Path, now: datetime = NOW, **more: object) -> Path:
    with database.opened(db) as connection:
        build(connection, target, Options(**more), load_weights((ROOT / "rules",)), ROOT / "reports" / "site", now)  # type: ignore[arg-type]
    return target


@pytest.fixture(scope="session")
def site(hostile_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    names = folder / "flavour.txt"
    names.write_text("# ours\nsudo\nclean1\nodd\nnowhere\n")
    return built(hostile_archive, folder / "pages", sets=(("flavour", names),))
