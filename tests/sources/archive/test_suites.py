"""Suites as apt-ftparchive writes them: which indices they have, and what these list."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from archscan.errors import UsageError
from archscan.model import SourceEntry
from archscan.sources.archive import is_mirror, logins, packages, source_entries, suites, url_of
from archscan.sources.fetch import Fetcher
from tests.sources.archive.reading import NOW, Files, names, only, read, unexpected, wanted, why
from tests.sources.mirrors import Compression, Key, changed, mirror, release, signed, small_deb, source_package


def test_packages_are_as_dpkg_shows_them(tmp_path: Path, debs: list[Path]) -> None:
    mirror(tmp_path / "m", debs)
    form = "${Package}\t${Version}\t${Architecture}\t${Section}\t${Priority}\t${source:Package}\t${source:Version}"
    shown = []
    for file in debs:
        command = ["dpkg-deb", "-W", f"--showformat={form}", str(file)]
        fields = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\t")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        shown.append((*fields, f"pool/main/{file.name}", file.stat().st_size, digest))
    (index,) = only(tmp_path / "m", wanted()).indices
    found = read(index)
    assert sorted(tuple(getattr(one, name) for name in one.__struct_fields__) for one in found) == sorted(shown)
    # Also where a name is to be quoted in a URL (an epoch's %3a), it leads to the file.
    for package in found:
        with Files().fetch(
            url_of(index.index.base, package.filename), most=1 << 20, size=package.size, sha256=package.sha256
        ) as fetched:
            assert fetched.read(7) == b"!<arch>"


@pytest.mark.parametrize("form", ["", "xz", "gz", "zst"])
def test_an_index_is_read_in_each_form(tmp_path: Path, debs: list[Path], form: Compression) -> None:
    mirror(tmp_path / "m", debs, compressions=[form])
    assert names(only(tmp_path / "m", wanted())) == ["one", "one-doc", "two"]


def test_a_mirror_is_a_folder_or_a_url(tmp_path: Path, debs: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a mirror, 100%"
    mirror(folder, debs)
    monkeypatch.chdir(tmp_path)
    quoted = f"{tmp_path}/a%20mirror%2C%20100%25"
    for named in (folder, folder.name, f"file://{quoted}/", f"file:{quoted}"):
        suite = only(named, wanted())
        assert names(suite) == ["one", "one-doc", "two"]
        assert suite.indices[0].index.base == f"file://{quoted}"


def test_what_release_says_stands_in_the_index(tmp_path: Path, debs: list[Path]) -> None:
    until = format_datetime(NOW + timedelta(days=3))
    fields = {"Origin": "Debian", "Date": "Sat, 11 Jul 2026 10:16:37 UTC", "Valid-Until": until}
    made = mirror(tmp_path / "m", debs, fields=fields)
    index = only(tmp_path / "m", wanted()).indices[0].index
    assert (index.origin, index.suite, index.component, index.architecture) == ("Debian", "bookworm", "main", "amd64")
    assert (index.date, index.valid_until) == (
        "2026-07-11T10:16:37+00:00", (NOW + timedelta(days=3)).isoformat(timespec="seconds")
    )  # fmt: skip
    assert index.signed_by is None
    assert index.sha256 == hashlib.sha256(made.packages[0].read_bytes()).hexdigest()


def test_an_index_is_known_before_it_is_fetched(tmp_path: Path, debs: list[Path]) -> None:
    mirror(tmp_path / "m", debs)
    fetcher = Files()
    first = only(tmp_path / "m", wanted(), fetcher)
    assert [url.rpartition("/")[2] for url in fetcher.urls] == ["InRelease", "Release"]
    mirror(tmp_path / "m", debs[:1])
    assert only(tmp_path / "m", wanted()).indices[0].index.sha256 != first.indices[0].index.sha256
    mirror(tmp_path / "m", debs)
    assert only(tmp_path / "m", wanted()).indices[0].index.sha256 == first.indices[0].index.sha256


def test_by_hash_comes_first_and_plain_names_serve_where_it_is_missing(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs, by_hash=True)
    folder = made.packages[0].parent
    kept = [(file, file.read_bytes()) for file in folder.iterdir() if file.is_file()]
    for file, _ in kept:
        file.write_bytes(b"that of tomorrow")
    assert len(names(only(tmp_path / "m", wanted()))) == 3
    shutil.rmtree(folder / "by-hash")
    for file, data in kept:
        file.write_bytes(data)
    assert len(names(only(tmp_path / "m", wanted()))) == 3


def test_a_form_that_is_listed_and_not_there_is_passed_over(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs)
    for suffix in (".xz", ".gz"):
        made.packages[0].with_suffix(suffix).unlink()
    assert len(names(only(tmp_path / "m", wanted()))) == 3


def test_components_are_those_that_are_named_or_all(tmp_path: Path, debs: list[Path]) -> None:
    mirror(tmp_path / "m", debs[:1])
    mirror(tmp_path / "m", debs[1:2], component="contrib")
    assert names(only(tmp_path / "m", wanted())) == ["one", "two"]
    assert names(only(tmp_path / "m", wanted(components=("contrib",)))) == ["two"]
    suite = only(tmp_path / "m", wanted(components=("main", "non-free")))
    assert names(suite) == ["one"]
    assert [problem.message for problem in suite.problems] == ["it has no component non-free, but contrib main"]


def test_architectures_are_those_that_are_named_or_the_machine_s_own(
    tmp_path: Path, debs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = small_deb(tmp_path, "three", architecture="s390x")
    mirror(tmp_path / "m", [*debs, foreign], architectures=["amd64", "s390x"])
    both = only(tmp_path / "m", wanted(architectures=("amd64", "s390x")))
    assert names(both) == ["one", "one-doc", "one-doc", "three", "two"]
    assert [file.index.architecture for file in both.indices] == ["amd64", "s390x"]
    suite = only(tmp_path / "m", wanted(architectures=("riscv64",)))
    assert not suite.indices
    assert suite.problems[0].message == "it has no architecture riscv64, but amd64 s390x; --arch names another"
    own = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    assert [file.index.architecture for file in only(tmp_path / "m", wanted(architectures=())).indices] == [own]
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no dpkg
    assert [file.index.architecture for file in only(tmp_path / "m", wanted(architectures=())).indices] == [
        "amd64", "s390x"
    ]  # fmt: skip


def test_packages_for_all_architectures_may_have_an_index_of_their_own(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs, architectures=["amd64", "all"])
    assert [file.index.architecture for file in only(tmp_path / "m", wanted()).indices] == ["amd64", "all"]
    changed(made, {"No-Support-for-Architecture-all": "Packages"})
    assert [file.index.architecture for file in only(tmp_path / "m", wanted()).indices] == ["amd64"]
    assert names(only(tmp_path / "m", wanted(architectures=("all",)))) == ["one-doc"]


def test_sources_say_who_is_responsible(tmp_path: Path, debs: list[Path]) -> None:
    dsc = source_package(
        tmp_path / "s", "one", Uploaders="Ann <ann@example.org>,\n Bob <bob@example.org>",
        Vcs_Git="https://example.org/one.git -b debian", Vcs_Browser="https://example.org/one",
    )  # fmt: skip
    mirror(tmp_path / "m", debs, sources=[dsc])
    (file,) = only(tmp_path / "m", wanted()).sources
    assert (file.index.component, file.index.architecture) == ("main", "source")
    assert list(source_entries(file, Files(), unexpected)) == [
        SourceEntry(
            "one", "1.0", "Nobody <nobody@example.org>", "Ann <ann@example.org>, Bob <bob@example.org>",
            "https://example.org/one", "Git https://example.org/one.git -b debian",
        )
    ]  # fmt: skip


def test_a_mirror_without_sources_is_none_the_worse(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs, sources=[source_package(tmp_path / "s", "one")])
    shutil.rmtree(made.dists / "main/source")  # still listed, as by debmirror --nosource
    suite = only(tmp_path / "m", wanted())
    assert [list(source_entries(file, Files(), unexpected)) for file in suite.sources] == [[]]
    release(made.dists, {"Suite": "bookworm", "Components": "main", "Architectures": "amd64"})
    suite = only(tmp_path / "m", wanted())
    assert (suite.sources, suite.problems) == ((), ())


@pytest.mark.parametrize(
    ("asked", "suite", "codename", "name"),
    [
        ("bookworm", "oldstable", "bookworm", "bookworm"),
        ("oldstable", "oldstable", "bookworm", "bookworm"),
        ("jammy-updates", "jammy-updates", "jammy", "jammy-updates"),  # Ubuntu has one Codename for all pockets
        ("bookworm-updates", "oldstable-updates", "bookworm-updates", "bookworm-updates"),
        ("buster/updates", "oldoldstable", "buster", "buster/updates"),  # Debian's security archive before 11
        ("focal/mongodb-org/5.0", "focal", "focal/mongodb-org", "focal/mongodb-org/5.0"),
        ("nodistro", None, "nodistro", "nodistro"),
        ("anything", None, None, "anything"),
    ],
)
def test_a_suite_has_a_name_that_lasts(
    tmp_path: Path, debs: list[Path], asked: str, suite: str | None, codename: str | None, name: str
) -> None:
    mirror(tmp_path / "m", debs[:1], suite=asked, fields={"Suite": suite, "Codename": codename})
    found = only(tmp_path / "m", wanted(asked))
    assert (found.problems, found.name, found.indices[0].index.suite) == ((), name, name)


@pytest.mark.parametrize(
    ("asked", "suite", "codename"),
    [("bookworm-security", "oldstable", "bookworm"), ("jammy", "jammy-updates", "jammy"), ("a/updates", "b", "b")],
)
def test_a_release_of_another_suite_is_refused(
    tmp_path: Path, debs: list[Path], asked: str, suite: str, codename: str, key: Key
) -> None:
    mirror(tmp_path / "m", debs[:1], suite=asked, fields={"Suite": suite, "Codename": codename}, sign=key)
    kind, message = why(only(tmp_path / "m", wanted(asked, keyrings=(key.public,))))
    assert kind == "mismatch"
    assert f"not of {asked}" in message


def test_several_suites_are_each_their_own(tmp_path: Path, debs: list[Path]) -> None:
    mirror(tmp_path / "m", debs[:1])
    mirror(tmp_path / "m", debs[1:], suite="bookworm-updates")
    found = list(suites(str(tmp_path / "m"), wanted("bookworm", "bookworm-updates", "trixie", "bookworm"), Files()))
    assert [suite.name for suite in found] == ["bookworm", "bookworm-updates", "trixie"]
    assert [names(suite) for suite in found[:2]] == [["one"], ["one-doc", "two"]]
    assert why(found[2])[0] == "missing"
    assert found[2].target.endswith("/m/dists/trixie")


def test_a_repository_without_dists_is_named_by_its_folder(tmp_path: Path, debs: list[Path]) -> None:
    for folder, asked in (("", "./"), ("sub/", "sub/")):
        flat = tmp_path / (folder or "top/") / folder
        flat.mkdir(parents=True)
        root = flat if not folder else flat.parent
        for file in debs:
            shutil.copy(file, flat)
        listed = subprocess.run(
            ["apt-ftparchive", "packages", folder or "."], cwd=root, check=True, capture_output=True
        ).stdout
        (flat / "Packages").write_bytes(listed)
        release(flat, {"Origin": "Flat"})
        suite = only(root, wanted(asked))
        assert names(suite) == ["one", "one-doc", "two"]
        assert names(only(root, wanted(asked, architectures=("s390x",)))) == ["one-doc"]
        for package in read(suite.indices[0]):
            url = url_of(suite.indices[0].index.base, package.filename)
            with Files().fetch(url, most=1 << 20, sha256=package.sha256) as fetched:
                assert fetched.read(7) == b"!<arch>"


@pytest.mark.parametrize(
    ("fields", "asked", "says"),
    [
        ({"Valid-Until": format_datetime(NOW - timedelta(minutes=1))}, {}, "expired: Valid-Until"),
        ({"Date": format_datetime(NOW - timedelta(days=9))}, {"most_days": 8.0}, "9.0 days old"),
        ({"Date": None}, {"most_days": 8.0}, "no Date"),
        ({"Date": "yesterday"}, {}, "no date: yesterday"),
    ],
)
def test_a_release_that_is_too_old_is_refused(
    tmp_path: Path, debs: list[Path], fields: dict[str, str | None], asked: dict[str, object], says: str
) -> None:
    mirror(tmp_path / "m", debs[:1], fields=fields)
    assert says in why(only(tmp_path / "m", wanted(**asked)))[1]


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"Valid-Until": format_datetime(NOW - timedelta(days=1))}, {"expired": True}),
        ({"Valid-Until": format_datetime(NOW + timedelta(days=1))}, {}),
        ({"Date": format_datetime(NOW - timedelta(days=7))}, {"most_days": 8.0}),
        ({"Date": format_datetime(NOW - timedelta(days=4000))}, {}),
    ],
)
def test_a_release_that_is_fresh_enough_is_read(
    tmp_path: Path, debs: list[Path], fields: dict[str, str | None], asked: dict[str, object]
) -> None:
    mirror(tmp_path / "m", debs[:1], fields=fields)
    assert names(only(tmp_path / "m", wanted(**asked))) == ["one"]


def test_a_date_of_the_future_is_said(tmp_path: Path, debs: list[Path]) -> None:
    mirror(tmp_path / "m", debs[:1], fields={"Date": format_datetime(NOW + timedelta(days=2))})
    suite = only(tmp_path / "m", wanted())
    assert names(suite) == ["one"]
    assert any("of the future" in note for note in suite.notes)


@pytest.mark.parametrize(
    "named", ["../x", "/etc", "a b", "-x", "x/../../y", "x//y", "", "..", "x\n", "a/", ".", "x?y"]
)  # fmt: skip
def test_names_that_lead_elsewhere_are_no_names(tmp_path: Path, named: str) -> None:
    (tmp_path / "dists").mkdir()
    flat = named == "a/"
    with pytest.raises(UsageError):
        list(suites(str(tmp_path), wanted(*([] if flat else [named]), components=(named,)), Files()))
    if not flat:
        with pytest.raises(UsageError):
            list(suites(str(tmp_path), wanted(named), Files()))


@pytest.mark.parametrize(
    "named", ["ftp://example.org/", "/does/not/exist", "http:///x", "http://example.org/?x", "file://host/x", "file:x"]
)
def test_what_is_no_mirror_is_a_wrong_question(named: str) -> None:
    with pytest.raises(UsageError):
        list(suites(named, wanted(), Files()))


def test_which_targets_are_mirrors(tmp_path: Path) -> None:
    for target in ("http://example.org/debian", "https://example.org", "file:/srv/mirror", "apt:"):
        assert is_mirror(target, ("bookworm",))
    assert is_mirror(str(tmp_path), ("bookworm",))
    for target in (str(tmp_path), "apt:openssl", "a.deb", "-", "file", "http"):
        assert not is_mirror(target, ())


def test_a_folder_that_is_called_like_a_scheme_is_a_folder(
    tmp_path: Path, debs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror(tmp_path / "file", debs[:1])
    monkeypatch.chdir(tmp_path)
    assert names(only("file", wanted())) == ["one"]
    (tmp_path / os.fsdecode(b"no text \xff")).mkdir()
    mirror(tmp_path / os.fsdecode(b"no text \xff/m"), debs[:1])
    suite = only(os.fsdecode(b"no text \xff/m"), wanted())
    assert names(suite) == ["one"]
    assert suite.indices[0].index.base == f"file://{tmp_path}/no%20text%20%FF/m"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a folder on a server of this machine, with a password in it."""
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://user:secret@127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Lets in who has the password."""

    def do_GET(self) -> None:
        if self.headers["Authorization"] == "Basic " + base64.b64encode(b"user:secret").decode():
            super().do_GET()
        else:
            self.send_error(401)

    def log_message(self, *_: object) -> None:
        """Nothing: standard error is the test's."""


def test_a_mirror_is_read_over_http_and_its_password_stays_out_of_what_is_stored(
    tmp_path: Path, debs: list[Path], key: Key
) -> None:
    mirror(tmp_path / "m", debs, sign=key, by_hash=True)
    asked = wanted("bookworm", "trixie", keyrings=(key.public,))
    with served(tmp_path / "m") as url, Fetcher(logins=logins(url, asked)) as fetcher:
        assert logins(url, asked) == (url.rstrip("/"),)
        (suite, missing) = suites(url, asked, fetcher)
        (index,) = suite.indices
        found = list(packages(index, fetcher, unexpected))
        assert sorted(package.name for package in found) == ["one", "one-doc", "two"]
        for package in found:
            with fetcher.fetch(
                url_of(index.index.base, package.filename), most=1 << 20, sha256=package.sha256
            ) as fetched:
                assert fetched.read(7) == b"!<arch>"
    assert index.index.base == url.replace("user:secret@", "").rstrip("/")
    assert "secret" not in f"{suite.target} {index.index} {missing.target} {missing.problems}"
    assert why(missing)[0] == "missing"


def test_symbolic_links_of_a_local_tree_are_followed(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs[:1])
    made.dists.rename(tmp_path / "elsewhere")
    made.dists.symlink_to(tmp_path / "elsewhere")
    assert names(only(tmp_path / "m", wanted())) == ["one"]


def test_one_keyring_that_cannot_be_read_stops_everything(tmp_path: Path, debs: list[Path], key: Key) -> None:
    made = mirror(tmp_path / "m", debs[:1], sign=key)
    nothing = tmp_path / "nothing.gpg"
    nothing.write_bytes(b"")
    for ring in (tmp_path / "missing.gpg", nothing, made.packages[0]):
        with pytest.raises(UsageError, match="keyring"):
            only(tmp_path / "m", wanted(keyrings=(key.public, ring)))
    signed(made.dists)
