"""A scan in which processes die says the same, whoever carries it out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.scan.scanning import assert_sound, dumped, rows

_DEBS = ("hardened", "links", "md5-import", "archives", "names")


def test_a_parallel_scan_with_deaths_equals_a_serial_one(corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    """Real deaths, of the same objects."""
    debs = [str(corpus_debs[name]) for name in _DEBS]
    dumps = []
    for jobs in ("1", "3"):
        db = tmp_path / f"{jobs}.db"
        command = [sys.executable, "-m", "tests.scan.dying", "scan", "-q", "--db", str(db), "--jobs", jobs]
        done = subprocess.run([*command, "--deadline", "4", *debs], capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        assert_sound(db)
        assert ("crash",) in rows(db, "SELECT kind FROM problem WHERE stage = 'child'")
        assert rows(db, "SELECT count(*) FROM package") == [(len(debs),)]
        assert rows(db, "SELECT count(*) FROM elf") != [(0,)]  # those that nobody died of
        dumps.append(dumped(db))
    assert dumps[0] == dumps[1]
