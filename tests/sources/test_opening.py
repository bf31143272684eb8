"""Jobs as open files: where they are, or fetched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import pytest

from archscan.errors import NoAnswerError, SilenceError, SourceError
from archscan.model import Identity, Job, Limits
from archscan.sources import Fetcher, identified, opened
from archscan.sources.http import Patience
from tests.sources.servers import answering, free_port, head, nginx

CONTENT = b"a package" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as file:
        return file.read()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "a+b_1%3a2_amd64.deb"
    path.write_bytes(CONTENT)
    return path


def test_a_file_is_opened_where_it_is(package: Path) -> None:
    by_path = Job(path=str(package), target="", sha256=DIGEST, size=len(CONTENT))
    by_url = msgspec.structs.replace(by_path, path="pool/a.deb", url=package.as_uri())
    for job in (by_path, by_url):
        same, descriptor = opened(job)
        assert same == job
        assert os.path.samestat(os.fstat(descriptor), package.stat())  # no copy; the child looks at the SHA-256
        assert read(descriptor) == CONTENT


@pytest.mark.parametrize(("size", "kind"), [(len(CONTENT) + 1, "truncated"), (5, "mismatch")])
def test_a_file_of_another_size_is_not_opened(package: Path, size: int, kind: str) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SourceError, match=f"has {len(CONTENT)} bytes, and the index promises {size}") as caught:
        opened(Job(path="x", target="", url=package.as_uri(), size=size))
    assert caught.value.kind == kind
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_whoever_opens_a_file_says_what_it_is(package: Path) -> None:
    for job in (Job(path=str(package), target=""), Job(path="a.deb", target="", url=package.as_uri(), sha256=DIGEST)):
        for known in (set(), {DIGEST}):
            found, descriptor = identified(job, known=known, limits=Limits())
            identity = Identity(sha256=DIGEST, size=len(CONTENT), known=bool(known))
            assert found == msgspec.structs.replace(job, identity=identity)
            assert read(descriptor) == CONTENT  # from its beginning


def test_a_file_that_is_not_what_the_index_promises_is_not_opened_known_or_not(package: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    job = Job(path="x", target="", url=package.as_uri(), sha256="1" * 64, size=len(CONTENT))
    with pytest.raises(SourceError, match=f"SHA-256 is {DIGEST}, not 1111") as caught:
        identified(job, known={DIGEST}, limits=Limits())
    assert caught.value.kind == "mismatch"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_no_package_has_the_size_of_or_that_takes_too_long_is_not_hashed(tmp_path: Path) -> None:
    path = tmp_path / "x.deb"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    job, few, hurry = Job(path=str(path), target=""), Limits(), Limits(package_bytes=1 << 41, deadline=0.2)
    for one, limits, kind in ((job, few, "limit"), (msgspec.structs.replace(job, size=1 << 50), few, "limit"),
                              (job, hurry, "timeout")):  # fmt: skip
        with pytest.raises(SourceError) as caught:
            identified(one, known=(), limits=limits)
        assert caught.value.kind == kind


def test_what_is_elsewhere_is_fetched_and_verified(package: Path, tmp_path: Path) -> None:
    with nginx(tmp_path, tmp_path / "nginx") as server, Fetcher(tmp_path, environ={}) as fetcher:
        url = f"{server.url}/a%2Bb_1%253a2_amd64.deb"
        job = Job(path="pool/a.deb", target="", url=url, sha256=DIGEST, size=len(CONTENT))
        same, descriptor = opened(job, fetcher)
        assert same == msgspec.structs.replace(job, identity=Identity(sha256=DIGEST, size=len(CONTENT), known=False))
        assert read(descriptor) == CONTENT
        for wrong in ({"sha256": "0" * 64}, {"size": 7}, {"sha256": None}, {"size": None}):
            with pytest.raises(SourceError) as caught:
                opened(msgspec.structs.replace(job, **wrong), fetcher)
            assert caught.value.kind == "mismatch"


def test_a_url_that_needs_nobody_to_fetch_is_missing_or_unreadable(tmp_path: Path) -> None:
    for url, kind in ((f"{tmp_path.as_uri()}/none", "missing"), (tmp_path.as_uri(), "unreadable")):
        with pytest.raises(SourceError) as caught:
            opened(Job(path="x", target="", url=url))
        assert caught.value.kind == kind


def test_an_archive_that_is_gone_ends_the_run(tmp_path: Path) -> None:
    """Or each of 60,000 packages would be waited for, to become a problem of its own."""
    patience = Patience(connect=1, read=0.2, answer=0.2, attempts=2, first_pause=0.01)

    def job(url: str) -> Job:
        return Job(path="a", target="", url=f"{url}/a", sha256=DIGEST, size=9)

    gone = job(f"http://me:secret@127.0.0.1:{free_port()}")
    with (
        answering(lambda _, to: to.sendall(head("404 None", content_length=0))) as server,
        Fetcher(tmp_path, patience=patience, environ={}) as fetcher,
    ):
        for url in (gone, gone, gone, job(server.url), gone, gone, gone):
            with pytest.raises(SourceError) as caught:
                opened(url, fetcher)
            assert isinstance(caught.value, NoAnswerError) == (url == gone)
        with pytest.raises(SilenceError, match=r"^http://127\.0\.0\.1 does not answer any more .*Connection refused"):
            opened(gone, fetcher)
