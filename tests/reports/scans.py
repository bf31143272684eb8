"""Databases for the formats: a scan of packages that were really built, and one whose names are all hostile."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

from archscan.cli import run
from archscan.rules.fold import fingerprint
from archscan.scan import Options, scan
from tests.reports.conftest import _fill_package, fill, insert, new_database

RULES = Path(__file__).parents[2] / "rules"
RECIPES = ("hardened", "no-pie", "privileged", "uses-digests", "uses-ciphers", "uses-tls", "md5-inside", "names",
           "overridden", "uses-macs")  # fmt: skip
TERMINAL = "\x1b[31mred\x9b31m\u061c\u202e\u2066\ufeff"
BREAKS = "one\r\ntwo\nthree\x00four\x85five\u2028six"
MARKUP = "]]></failure></testcase><![CDATA[ & &#27; <script>alert(1)</script>"
MESSAGE = "{0} {{1}} [a link](http://mirror.example.org) ]\\( back\\slash \\x1b"
NO_CHARACTERS = "\ufffe\uffff\ufdd0\U0010ffff"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\uff1d1")
HUGE = "h" * 1_000_000
WORST = (TERMINAL, BREAKS, MARKUP, MESSAGE, NO_CHARACTERS, *FORMULAS, HUGE)


def archscan(*arguments: str | Path, code: int = 0) -> str:
    """What a command prints, in this process; its exit code is ``code``, and it is no traceback."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        done = run([str(one) for one in arguments])
    assert done == code, out.getvalue()
    return out.getvalue()


def scanned(debs: dict[str, Path], path: Path) -> Path:
    """A database at ``path`` of built packages and one that is cut off, by two scans: not everything is new."""
    broken = path.with_name("broken_1_amd64.deb")
    broken.write_bytes(debs["no-pie"].read_bytes()[:-2_000])
    first = [str(debs[name]) for name in RECIPES[:-1]]
    for targets in (first, [str(debs[RECIPES[-1]]), str(broken)]):
        scan(targets, Options(database=path, data=(RULES,), command="archscan scan"), io.BytesIO())
    return path


def worst(path: Path) -> Path:
    """A database at ``path`` that another program could have written: every name is hostile, fingerprints are right."""
    with closing(new_database(path)) as connection:
        fill(connection)
        for number, name in enumerate(WORST, 10):
            _fill_package(connection, name, number)
        for name in WORST[:-1]:
            insert(
                connection, "problem", scan_id=2, package_id=1, target=name, path=name, stage="deb", kind="truncated",
                message=name,
            )  # fmt: skip
        connection.execute(
            'UPDATE rule SET refs = \'["CWE-327", "javascript:alert(1)", "https://mirror.example.org/a"]\''
        )
        _right(connection)
        connection.commit()
    return path


def _right(connection: sqlite3.Connection) -> None:
    rows = connection.execute(
        "SELECT f.id, coalesce(r.family, f.rule_id), f.source, f.path_key, f.subject FROM finding f "
        "LEFT JOIN rule r ON r.id = f.rule_id"
    ).fetchall()
    for number, *parts in rows:
        connection.execute("UPDATE finding SET fingerprint = ? WHERE id = ?", (fingerprint(*parts), number))
