"""The version of a database: which migrations it has, which it needs, whether it is ours at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

from archscan.errors import StoreError
from archscan.store import tables

if TYPE_CHECKING:
    from sqlite_utils import Database

# "arch" as four bytes, so that `file` and we can tell our databases from others (https://sqlite.org/pragma.html).
APPLICATION_ID = 0x61726368

MIGRATIONS = Migrations("archscan")


def _execute_each(db: Database, script: str) -> None:
    # sqlite3's executescript() commits first, which would break the migration's transaction in two.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if statement.rstrip().endswith(";"):
            db.execute(statement)
            statement = ""


@MIGRATIONS()
def m001_facts(db: Database) -> None:
    """Packages, objects, symbols, uses and problems."""
    _execute_each(db, tables.FACTS)


@MIGRATIONS()
def m002_judgement(db: Database) -> None:
    """Rules, findings and decisions."""
    _execute_each(db, tables.JUDGEMENT)


@MIGRATIONS()
def m003_views(db: Database) -> None:
    """What people query first."""
    _execute_each(db, tables.VIEWS)


def migrate(db: Database) -> None:
    """Bring an empty or older database to the present schema.

    Raises StoreError for a database that is not archscan's, or that a newer archscan wrote.
    """
    application = db.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StoreError("is an SQLite database, but not one of archscan; choose another file with --db")
        with db.atomic():
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            MIGRATIONS.apply(db)
        return
    known = {migration.name for migration in MIGRATIONS.pending(db)} | _applied(db)
    newer = _applied(db) - {migration.name for migration in MIGRATIONS._migrations}
    if newer:
        raise StoreError("was written by a newer archscan; upgrade archscan, or choose another file with --db")
    if known and MIGRATIONS.pending(db):
        MIGRATIONS.apply(db)


def _applied(db: Database) -> set[str]:
    return {migration.name for migration in MIGRATIONS.applied(db)}
