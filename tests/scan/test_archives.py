"""Archives, from the Release file to findings: real mirrors, read by path and by a real server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scan.scanning import archscan, assert_sound, dumped, rows, scan
from tests.sources.mirrors import Mirror, changed, flat, mirror, release, signing_key, small_deb
from tests.sources.servers import nginx

_NAMES = ("hardened", "md5-import", "links", "privileged-postinst")
# No release's name: packages would be held against what that promises.
_SUITE = ("--suite", "rolling", "--arch", "amd64")


@pytest.fixture(scope="module")
def debs(corpus_debs: dict[str, Path]) -> list[Path]:
    return [corpus_debs[name] for name in _NAMES]


@pytest.fixture
def made(debs: list[Path], tmp_path: Path) -> Mirror:
    return mirror(tmp_path / "mirror", debs, suite="rolling")


def test_an_archive_gives_what_its_packages_give(made: Mirror, tmp_path: Path) -> None:
    files, path, url, http = (tmp_path / f"{name}.db" for name in ("files", "path", "url", "http"))
    assert scan(files, *made.folder.glob("pool/**/*.deb")) == 0
    assert scan(path, made.folder, *_SUITE) == 0
    assert scan(url, f"file://{made.folder}", *_SUITE) == 0
    with nginx(made.folder, tmp_path / "nginx") as server:
        assert scan(http, server.url, *_SUITE, "--jobs", "2") == 0
        assert [line.request for line in server.log() if line.status != 200] == [
            "GET /dists/rolling/InRelease HTTP/1.1"
        ]
    for db in (path, url, http):
        assert_sound(db)
        assert dumped(db) == dumped(path)
        assert set(dumped(files)) < set(dumped(db))
    assert rows(http, "SELECT base FROM archive_index") == [(server.url,)]


def test_a_second_run_over_an_unchanged_archive_opens_no_package(made: Mirror, tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    with nginx(made.folder, tmp_path / "nginx") as server:
        assert scan(db, server.url, *_SUITE) == 0
        before, asked = dumped(db), len(server.log())
        done = archscan("scan", "--db", db, server.url, *_SUITE)
        assert done.returncode == 0
        assert f"0 read, {len(_NAMES)} known already" in done.stdout
        assert [line.request for line in server.log()[asked:]] == ["GET /dists/rolling/InRelease HTTP/1.1",
                                                                  "GET /dists/rolling/Release HTTP/1.1"]  # fmt: skip
    assert dumped(db) == before


def test_the_next_day_reads_what_is_new_and_knows_what_left(made: Mirror, debs: list[Path], tmp_path: Path) -> None:
    db, new = tmp_path / "a.db", small_deb(tmp_path / "debs", "fresh")
    assert scan(db, made.folder, *_SUITE) == 0
    next(made.folder.glob("pool/**/hardened_*.deb")).unlink()
    mirror(made.folder, [*debs[1:], new], suite="rolling")
    done = archscan("scan", "--db", db, made.folder, *_SUITE)
    assert done.returncode == 0
    assert f"1 read, {len(_NAMES) - 1} known already" in done.stdout
    assert rows(db, "SELECT name, until IS NULL FROM published WHERE standing = 'gone'") == [("hardened", 0)]
    assert rows(db, "SELECT name FROM current_package WHERE name IN ('hardened', 'fresh')") == [("fresh",)]


def test_a_component_that_left_the_suite_is_gone_until_it_is_back(
    made: Mirror, debs: list[Path], tmp_path: Path
) -> None:
    db, new = tmp_path / "a.db", small_deb(tmp_path / "debs", "fresh")
    mirror(made.folder, [new], suite="rolling", component="contrib")
    ask = "SELECT name FROM published WHERE standing = 'current' ORDER BY name"
    assert scan(db, made.folder, *_SUITE) == 0
    assert ("fresh",) in rows(db, ask)
    findings = rows(db, "SELECT count(*) FROM finding WHERE state = 'open'")
    shutil.move(made.dists / "main", tmp_path / "main")
    mirror(made.folder, [new], suite="rolling", component="contrib")
    assert scan(db, made.folder, *_SUITE) == 0
    assert rows(db, ask) == [("fresh",)]
    assert rows(db, "SELECT component, packages FROM archive_index ORDER BY 1") == [("contrib", 1), ("main", 0)]
    assert rows(db, "SELECT count(*) FROM finding WHERE state = 'open'") < findings
    shutil.move(tmp_path / "main", made.dists / "main")
    mirror(made.folder, debs, suite="rolling")
    assert scan(db, made.folder, *_SUITE) == 0
    assert len(rows(db, ask)) == len(debs) + 1
    assert rows(db, "SELECT count(*) FROM finding WHERE state = 'open'") == findings
    assert_sound(db)


def test_repositories_that_do_not_say_who_they_are_are_told_apart(tmp_path: Path) -> None:
    db, ask = tmp_path / "a.db", "SELECT name, status FROM published WHERE standing = 'current' ORDER BY name"
    folders = [flat(tmp_path / name, [small_deb(tmp_path / "debs", name)]) for name in ("one", "two")]
    for targets in (folders, folders[:1], folders[1:]):
        assert scan(db, *targets, "--suite", "./", "--arch", "amd64") == 0
        assert rows(db, ask) == [("one", "complete"), ("two", "complete")]


def test_another_architecture_of_a_repository_without_dists_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    debs = [small_deb(tmp_path / "debs", one, architecture=one) for one in ("amd64", "arm64")]
    db, folder = tmp_path / "a.db", flat(tmp_path / "flat", debs)
    for number, name in enumerate(("amd64", "arm64"), 1):
        assert scan(db, folder, "--suite", "./", "--arch", name) == 0
        assert rows(db, "SELECT count(*) FROM published WHERE standing = 'current' AND status = 'complete'") == [
            (number,)
        ]


def test_archives_that_call_themselves_the_same_are_not_mixed_and_status_says_what_lacks(
    made: Mirror, debs: list[Path], tmp_path: Path
) -> None:
    db, other = tmp_path / "a.db", mirror(tmp_path / "other", debs[:1], suite="rolling")
    done = archscan("scan", "--db", db, made.folder, other.folder, *_SUITE)
    assert done.returncode == 11
    assert "archives that call themselves the same need two databases" in done.stderr
    assert rows(db, "SELECT DISTINCT base FROM archive_index") == [(f"file://{made.folder}",)]
    assert rows(db, "SELECT DISTINCT status, standing FROM published") == [("complete", "current")]
    assert archscan("status", "--db", db).returncode == 11
    assert scan(db, made.folder, *_SUITE) == 0
    assert archscan("status", "--db", db).returncode == 0
    for name in ("Release", "InRelease"):
        (other.dists / name).unlink(missing_ok=True)
    assert scan(db, made.folder, other.folder, *_SUITE) == 11
    status = archscan("status", "--db", db)
    assert status.returncode == 11
    assert "1 problem of what it was to read" in status.stdout


def test_a_component_may_have_a_folder_in_its_name(debs: list[Path], tmp_path: Path) -> None:
    made = mirror(tmp_path / "mirror", debs, suite="rolling")
    (made.dists / "up").mkdir()
    shutil.move(made.dists / "main", made.dists / "up" / "main")
    release(made.dists, {"Origin": "Test", "Suite": "rolling", "Codename": "rolling", "Components": "up/main",
                         "Architectures": "amd64"})  # fmt: skip
    for number, more in enumerate(((), ("--component", "up/main"))):
        db = tmp_path / f"{number}.db"
        assert scan(db, made.folder, *_SUITE, *more) == 0
        assert "0 read" in archscan("scan", "--db", db, made.folder, *_SUITE, *more).stdout
        assert rows(db, "SELECT component, packages, sha256 = ? FROM archive_index", ["0" * 64]) == [
            ("up/main", len(debs), 0)]  # fmt: skip


@pytest.mark.parametrize(("components", "asked"), [("updates/main", "updates/main"), ("updates/main", "main"),
                                                   (None, "main")])  # fmt: skip
def test_a_component_is_kept_however_release_calls_it(
    components: str | None, asked: str, made: Mirror, tmp_path: Path
) -> None:
    """Old security archives list `updates/main`, and some list nothing; the folder is main/."""
    db = tmp_path / "a.db"
    changed(made, {"Components": components})
    assert scan(db, made.folder, *_SUITE, "--component", asked) == 0
    assert rows(db, "SELECT component, packages, sha256 = ? FROM archive_index", ["0" * 64]) == [
        ("main", len(_NAMES), 0)]  # fmt: skip


def test_a_package_in_two_suites_is_read_once(made: Mirror, debs: list[Path], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    mirror(made.folder, debs, suite="trixie")
    done = archscan("scan", "--db", db, made.folder, *_SUITE, "--suite", "trixie")
    assert f"{len(_NAMES)} read, 0 known already" in done.stdout
    count = rows(db, "SELECT count(*), count(DISTINCT package_id), count(package_id) FROM publication")
    assert count == [(2 * len(_NAMES), len(_NAMES), 2 * len(_NAMES))]


def test_what_the_index_promises_and_the_archive_does_not_have_is_told_and_tried_again(
    made: Mirror, tmp_path: Path
) -> None:
    db, victim = tmp_path / "a.db", next(made.folder.glob("pool/**/links_*.deb"))
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = archscan("scan", "--db", db, made.folder, *_SUITE)
    assert done.returncode == 11
    assert rows(db, "SELECT kind FROM problem") == [("mismatch",)]
    assert rows(db, "SELECT status, count(*) FROM package GROUP BY status") == [
        ("complete", len(_NAMES) - 1), ("unreadable", 1)]  # fmt: skip
    victim.write_bytes(content)
    assert scan(db, made.folder, *_SUITE) == 11  # it is remembered, and still not read
    assert scan(db, made.folder, *_SUITE, "--retry") == 0
    assert rows(db, "SELECT count(*) FROM package WHERE status = 'complete'") == [(len(_NAMES),)]


def test_a_signature_that_is_asked_for_decides(made: Mirror, debs: list[Path], tmp_path: Path) -> None:
    with signing_key() as key, signing_key("other@example.org") as other:
        mirror(made.folder, debs, suite="rolling", sign=key)
        refused = archscan("scan", "--db", tmp_path / "r.db", made.folder, *_SUITE, "--keyring", other.public)
        assert refused.returncode == 3  # nothing at all could be had
        assert rows(tmp_path / "r.db", "SELECT count(*) FROM publication") == [(0,)]
        assert scan(tmp_path / "a.db", made.folder, *_SUITE, "--keyring", key.public) == 0
        assert rows(tmp_path / "a.db", "SELECT DISTINCT signed_by FROM archive_index") == [(key.fingerprint,)]


def test_an_older_release_than_one_met_before_is_refused(made: Mirror, tmp_path: Path) -> None:
    db, new = tmp_path / "a.db", "Sat, 21 Nov 2026 10:00:00 UTC"
    changed(made, {"Date": new})
    assert scan(db, made.folder, *_SUITE) == 0
    before = dumped(db)
    changed(made, {"Date": "Fri, 20 Nov 2026 10:00:00 UTC"})
    done = archscan("scan", "-q", "--db", db, made.folder, *_SUITE)
    assert done.returncode == 3
    assert "its Release is of 2026-11-20T10:00:00+00:00" in done.stderr
    assert [line for line in dumped(db) if not line.startswith('["problem"')] == before
    assert scan(db, made.folder, *_SUITE, "--allow-expired") == 0


def test_what_is_wrong_with_an_index_is_told_each_time(made: Mirror, tmp_path: Path) -> None:
    db, (index,) = tmp_path / "a.db", made.packages
    text = index.read_text()
    for stale in index.parent.glob("Packages*"):
        stale.unlink()
    index.write_text(text + "\nPackage: odd\nVersion: 1\nArchitecture: amd64\nFilename: pool/odd.deb\nSize: 1\n")
    release(made.dists, {"Suite": "rolling", "Codename": "rolling", "Components": "main", "Architectures": "amd64"})
    for _ in range(2):
        assert scan(db, made.folder, *_SUITE) == 11
    told = rows(db, "SELECT scan_id, path, message LIKE '%odd%' FROM problem ORDER BY scan_id")
    assert told == [(1, "main/binary-amd64/Packages", 1), (2, "main/binary-amd64/Packages", 1)]
