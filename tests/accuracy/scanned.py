"""archscan's own verdicts on a set of packages, and how many of them are unknown."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

VERDICTS = """
pie relro bind_now nx stack_protector stack_clash fortify ibt_marked ibt_compiled shstk_marked bti_marked bti_compiled
pac_marked pac_compiled separate_code glibcxx_assertions clang_cfi safe_stack
""".split()
_COUNTS = ("textrel", "wx_segments")  # defects are counted, never unknown


class Object(msgspec.Struct, frozen=True):
    """An ELF object with its verdicts: column → verdict, and column → code of the reason."""

    origin: str  # the set of packages
    package: str
    path: str
    kind: str
    machine: str
    language: str
    verdicts: dict[str, str]
    codes: dict[str, str]


class Share(msgspec.Struct, frozen=True):
    """How many objects of a processor a column applies to, and how many of these are unknown."""

    machine: str
    column: str
    applies: int
    unknown: int


def scanned(origin: str, debs: Sequence[Path], database: Path) -> list[Object]:
    """The objects of packages, read by ``archscan scan`` as everyone starts it."""
    for file in database.parent.glob(database.name + "*"):
        file.unlink()
    database.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "archscan", "scan", "--quiet", "--db", str(database), "-"]
    done = subprocess.run(command, input="\n".join(map(str, debs)).encode(), capture_output=True, check=False)
    if done.returncode not in (0, 11):
        raise SystemExit(done.stderr.decode(errors="replace"))
    return objects(origin, database)


def objects(origin: str, database: Path) -> list[Object]:
    """The objects in a database; beside the columns there is ``search_path``: none, set or insecure."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    sql = """SELECT p.filename, e.*, EXISTS (
            SELECT 1 FROM occurrence o JOIN finding f ON f.id = o.finding_id
            WHERE o.elf_id = e.id AND f.rule_id = 'insecure-runpath') AS insecure
        FROM elf e JOIN package p ON p.id = e.package_id ORDER BY p.filename, e.path"""
    found = [_object(origin, row) for row in connection.execute(sql)]
    connection.close()
    return found


def _object(origin: str, row: sqlite3.Row) -> Object:
    verdicts = {column: str(row[column]) for column in VERDICTS}
    verdicts |= {column: "yes" if row[column] else "no" for column in _COUNTS}
    is_set = row["rpath"] is not None or row["runpath"] is not None
    verdicts["search_path"] = "insecure" if row["insecure"] else "set" if is_set else "none"
    verdicts["stripped"] = "yes" if row["stripped"] else "no"
    verdicts["static"] = "yes" if str(row["kind"]).startswith("static-") else "no"
    codes = {column: reason["code"] for column, reason in json.loads(row["reasons"]).items()}
    return Object(origin, row["filename"], row["path"], row["kind"], row["machine"], row["language"], verdicts, codes)


def shares(found: Sequence[Object]) -> Iterator[Share]:
    """The share of each column, processor by processor, for those it applies to at all."""
    for machine in sorted({one.machine for one in found}):
        of_machine = [one for one in found if one.machine == machine]
        for column in VERDICTS:
            said = [one.verdicts[column] for one in of_machine]
            applies = sum(verdict != "n/a" for verdict in said)
            if applies:
                yield Share(machine, column, applies, said.count("unknown"))
        for column in _COUNTS:
            yield Share(machine, column, len(of_machine), 0)
