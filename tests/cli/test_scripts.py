"""What scripts do with weak cryptography is told with its line, wherever uses are shown."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.scan.scanning import archscan, rows, scan


@pytest.fixture
def db(corpus_debs: dict[str, Path], tmp_path: Path) -> Path:
    """The scripts of the corpus, scanned."""
    path = tmp_path / "a.db"
    assert scan(path, corpus_debs["script-crypto"]) == 0
    return path


def test_each_line_is_a_place(db: Path) -> None:
    shown = archscan("query", "weak-crypto", "--db", db, "--format", "csv").stdout
    found = {(row["algorithm"], row["context"]): row for row in csv.DictReader(io.StringIO(shown))}
    one = found["des", "unknown"]
    assert (one["places"], one["imports"], one["objects"]) == ("1", "0", "1")
    place = "usr/lib/ruby/vendor_ruby/thing/store.rb"
    assert one["example"].startswith(f"{place}: seal at line 4 ({place}:4) calls OpenSSL::Cipher.new")
    passwords = found["md5", "password"]
    assert (passwords["places"], passwords["objects"]) == ("2", "2")


def test_a_finding_is_explained_by_its_line(db: Path) -> None:
    fingerprint = rows(db, "SELECT fingerprint FROM finding WHERE rule_id = 'script-weak-signature'")[0][0]
    done = archscan("explain", str(fingerprint), "--db", db)
    assert done.returncode == 0
    assert "usr/bin/sign-release:3" in done.stdout
    assert "tar -xO ./usr/bin/sign-release | sed -n 3p" in done.stdout
    assert "no place of the object or file" in " ".join(done.stdout.split())
    said = json.loads(archscan("explain", str(fingerprint), "--db", db, "--format", "json").stdout)
    uses = said["occurrences"][0]["uses"]
    assert [use["line"] for use in uses] == ["usr/bin/sign-release:3"]


def test_reports_and_the_summary_count_scripts(db: Path, corpus_debs: dict[str, Path], tmp_path: Path) -> None:
    report = json.loads(archscan("report", "json", "--db", db).stdout)
    sites = [site for row in report["weak_crypto"] for site in row["sites"] if site["path"] == "usr/bin/sign-release"]
    assert [(site["address"], site["line"]) for site in sites] == [("line 3", "usr/bin/sign-release:3")]
    assert (
        "weak algorithms: archscan query weak-crypto"
        in archscan("scan", "--db", tmp_path / "b.db", corpus_debs["script-crypto"]).stdout
    )
