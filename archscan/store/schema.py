"""The version of a database: which migrations it has, which it needs, whether it is ours at all."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlite_utils import Migrations

from archscan.errors import StoreError
from archscan.store import (
    archives,
    bugs,
    columns,
    confirmed,
    contexts,
    decisions,
    figures,
    files,
    imports,
    overrides,
    places,
    promises,
    questions,
    reviews,
    started,
    tables,
    unread,
    views,
)
from archscan.store.application import APPLICATION_ID

if TYPE_CHECKING:
    from sqlite_utils import Database

MIGRATIONS = Migrations("archscan")


def _execute_each(db: Database, script: str) -> None:
    # sqlite3's executescript() commits first, which would break the migration's transaction in two.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):  # a trigger has several in it
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
    _execute_each(db, views.VIEWS)


@MIGRATIONS()
def m011_overrides(db: Database) -> None:
    """What maintainers say of lintian's tags, and which findings that speaks to."""
    _execute_each(db, overrides.OVERRIDES)


@MIGRATIONS()
def m012_promises(db: Database) -> None:
    """What releases promise, and which release a package belongs to."""
    _execute_each(db, promises.PROMISES)


@MIGRATIONS()
def m013_confirmed(db: Database) -> None:
    """What debug information says of objects."""
    _execute_each(db, confirmed.CONFIRMED)


@MIGRATIONS()
def m014_columns(db: Database) -> None:
    """What linkers and compilers do beside the protections of m001, and what the owners of a privilege are."""
    _execute_each(db, columns.COLUMNS)


@MIGRATIONS()
def m015_standings(db: Database) -> None:
    """What debug information can contradict."""
    _execute_each(db, confirmed.STANDINGS)


@MIGRATIONS()
def m016_contexts(db: Database) -> None:
    """What uses of weak algorithms are for."""
    _execute_each(db, contexts.CONTEXTS)


@MIGRATIONS()
def m017_places(db: Database) -> None:
    """Lines that objects say themselves, and the names of functions that only debug symbols know."""
    _execute_each(db, places.PLACES)


@MIGRATIONS()
def m018_unread(db: Database) -> None:
    """Why a package, or its rest, was not unpacked."""
    _execute_each(db, unread.UNREAD)


@MIGRATIONS()
def m019_archives(db: Database) -> None:
    """What the indices of archives say of packages."""
    _execute_each(db, archives.ARCHIVES)


@MIGRATIONS()
def m030_imports(db: Database) -> None:
    """Imports in half the room, and figures without reading the reasons of all objects."""
    _execute_each(db, imports.IMPORTS)
    _execute_each(db, figures.FIGURES)


@MIGRATIONS()
def m031_questions(db: Database) -> None:
    """Indices for questions about all findings."""
    _execute_each(db, questions.QUESTIONS)


@MIGRATIONS()
def m032_files(db: Database) -> None:
    """What files say that are no ELF objects."""
    _execute_each(db, files.FILES)


@MIGRATIONS()
def m033_decisions(db: Database) -> None:
    """What is decided, in force, and due again."""
    _execute_each(db, decisions.DECISIONS)


@MIGRATIONS()
def m035_started(db: Database) -> None:
    """Services and profiles beside the files that they are about."""
    _execute_each(db, started.STARTED)


@MIGRATIONS()
def m036_reviews(db: Database) -> None:
    """What reviewers signed."""
    _execute_each(db, reviews.REVIEWS)


@MIGRATIONS()
def m038_bugs(db: Database) -> None:
    """Bugs that are drafted, sent and read back."""
    _execute_each(db, bugs.BUGS)


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
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    pending = {migration.name for migration in MIGRATIONS.pending(db)}
    if applied - _names():
        raise StoreError("was written by a newer archscan; upgrade archscan, or choose another file with --db")
    if pending:
        MIGRATIONS.apply(db)


def _names() -> set[str]:
    """The migrations that this archscan knows."""
    from sqlite_utils import Database

    empty = Database(memory=True, execute_plugins=False)
    try:
        return {migration.name for migration in MIGRATIONS.pending(empty)}
    finally:
        empty.close()
