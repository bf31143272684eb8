"""Files that are fetched: from an honest nginx, and from servers that break off, stall and lie."""

from __future__ import annotations

import errno
import hashlib
import itertools
import logging
import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from archscan import __version__
from archscan.errors import SourceError, SpoolError
from archscan.sources import Fetcher, spool
from archscan.sources.http import Patience
from tests.sources.servers import Asked, Nginx, answering, authority, head, nginx, whole

MOST = 1 << 30
CONTENT = random.Random(5).randbytes(3 << 20)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HASTY = Patience(
    connect=2, read=0.5, answer=1, stall=1, attempts=3, first_pause=0.01, longest_pause=0.3, progress=100_000
)


@pytest.fixture
def fetcher(tmp_path: Path) -> Iterator[Fetcher]:
    with Fetcher(tmp_path, patience=HASTY, environ={}) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    root, folder = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("nginx")
    (root / "pool").mkdir()
    for number in range(10):
        (root / f"pool/{number}.deb").write_bytes(CONTENT[: 1000 * (number + 1)])
    (root / "big").write_bytes(CONTENT)
    (root / "a+b~c%d e").write_bytes(b"strange")
    (root / "index.gz").write_bytes(b"\x1f\x8b not really")
    more = """
        location /moved/ { return 301 /pool/; }
        location = /far { return 302 http://localhost:$server_port/big; }
        location = /circle { return 302 /circle2; } location = /circle2 { return 302 /circle; }
        location = /away { return 302 file:///etc/passwd; }
        location = /busy { return 503; }
        location = /no { return 403; }
        location = /index.gz { add_header Content-Encoding x-gzip; }
        location ~ ^/deep/(.*)$ { return 302 /deep/x$1; }
    """
    with nginx(root, folder, more=more) as running:
        yield running


def failure(fetcher: Fetcher, url: str, **promised: object) -> tuple[str, str]:
    """Kind and text of the error."""
    with pytest.raises(SourceError) as caught:
        fetcher.fetch(url, **{"most": MOST, **promised})  # type: ignore[arg-type]
    return caught.value.kind, str(caught.value)


# --- honest servers ---


def test_what_is_there_is_fetched_and_verified(fetcher: Fetcher, server: Nginx) -> None:
    with fetcher.fetch(f"{server.url}/big", most=MOST, size=len(CONTENT), sha256=DIGEST) as file:
        assert file.tell() == 0
        assert file.read() == CONTENT


def test_one_connection_serves_many_files(fetcher: Fetcher, server: Nginx) -> None:
    before = len(server.log())
    for number in range(10):
        fetcher.fetch(f"{server.url}/pool/{number}.deb", most=MOST).close()
    log = server.log(before + 10)[before:]
    assert [entry.status for entry in log] == [200] * 10
    assert len({entry.connection for entry in log}) == 1
    assert {entry.user_agent for entry in log} == {f"archscan/{__version__}"}


def test_a_refusal_does_not_cost_the_connection(fetcher: Fetcher, server: Nginx) -> None:
    before = len(server.log())
    for _ in range(3):
        assert failure(fetcher, f"{server.url}/nothing")[0] == "missing"
    fetcher.fetch(f"{server.url}/pool/1.deb", most=MOST).close()
    assert len({entry.connection for entry in server.log(before + 4)[before:]}) == 1


def test_names_with_signs_that_mean_something_in_urls(fetcher: Fetcher, server: Nginx) -> None:
    with fetcher.fetch(f"{server.url}/a+b~c%25d%20e", most=MOST) as file:
        assert file.read() == b"strange"


def test_what_is_packed_stays_packed(fetcher: Fetcher, server: Nginx) -> None:
    with fetcher.fetch(f"{server.url}/index.gz", most=MOST) as file:
        assert file.read() == b"\x1f\x8b not really"


def test_a_server_that_says_no_is_asked_once(fetcher: Fetcher, server: Nginx) -> None:
    before = len(server.log())
    assert failure(fetcher, f"{server.url}/no") == ("unreadable", "the server answers 403 Forbidden")
    fetcher.fetch(f"{server.url}/pool/1.deb", most=MOST).close()
    assert [entry.status for entry in server.log(before + 2)[before:]] == [403, 200]


def test_a_server_that_is_busy_is_asked_again(fetcher: Fetcher, server: Nginx) -> None:
    before = len(server.log())
    kind, text = failure(fetcher, f"{server.url}/busy")
    assert kind == "unreadable"
    assert "503" in text
    assert [entry.status for entry in server.log(before + 3)[before:]] == [503] * HASTY.attempts


def test_redirects_to_another_host_are_followed_without_the_password(fetcher: Fetcher, server: Nginx) -> None:
    before = len(server.log())
    url = f"{server.url}/far".replace("//", "//me:secret@")
    with fetcher.fetch(url, most=MOST, sha256=DIGEST) as file:
        assert file.read() == CONTENT
    first, second = server.log(before + 2)[before:]
    assert first.authorization == "Basic bWU6c2VjcmV0"
    assert second.authorization == "-"
    assert second.host.startswith("localhost")


@pytest.mark.parametrize(("path", "says"), [
    ("/circle", "in a circle"), ("/deep/", "more than 10 times"), ("/away", "not of the web"),
])  # fmt: skip
def test_redirects_that_lead_nowhere(fetcher: Fetcher, server: Nginx, path: str, says: str) -> None:
    kind, text = failure(fetcher, server.url + path)
    assert kind == "unreadable"
    assert says in text


def test_a_password_is_never_told(fetcher: Fetcher, server: Nginx, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = [
        failure(fetcher, f"{server.url}{path}".replace("//", "//me:secret@"))[1]
        for path in ("/nothing", "/circle", "/away", "/busy", "/no")
    ]
    texts.append(failure(fetcher, "http://me:secret@127.0.0.1:1/")[1])
    texts.append(failure(fetcher, "http://me:secret@127.0.0.1:bad/")[1])
    assert "secret" not in "".join(texts) + caplog.text


def test_tls_is_verified_with_the_authorities_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    made = authority(tmp_path / "tls")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/file").write_bytes(b"safe")
    more = "location = /down { return 302 http://127.0.0.1:1/file; }"
    with nginx(tmp_path / "root", tmp_path / "nginx", tls=made.server, more=more) as running:
        with Fetcher(tmp_path, patience=HASTY, environ={}) as stranger:
            kind, text = failure(stranger, f"{running.url}/file")
            assert kind == "unreadable"
            assert text.startswith("the server is not trusted")
        monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
        with Fetcher(tmp_path, patience=HASTY, environ={}) as friend:
            for _ in range(2):
                with friend.fetch(f"{running.url}/file", most=MOST) as file:
                    assert file.read() == b"safe"
            assert "redirects from https" in failure(friend, f"{running.url}/down")[1]
            assert len({entry.connection for entry in running.log(3)}) == 1
            wrong = running.url.replace("127.0.0.1", "127.0.0.2")  # no such name in the certificate, nor a server
            assert failure(friend, f"{wrong}/file")[0] == "unreadable"


# --- transfers that break ---


def test_a_broken_transfer_goes_on_where_it_broke(fetcher: Fetcher) -> None:
    def breaking(asked: Asked, to: socket.socket) -> None:
        start = int(asked.headers.get("range", "bytes=0-")[6:-1])
        part = CONTENT[start:]
        headers = {"content_length": len(part), "etag": '"one"'}
        if start:
            headers["content_range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        to.sendall(head("206 Partial" if start else "200 OK", **headers) + part[:700_000])

    with answering(breaking) as server:
        with fetcher.fetch(f"{server.url}/x", most=MOST, size=len(CONTENT), sha256=DIGEST) as file:
            assert file.read() == CONTENT
        assert [request.headers.get("range") for request in server.asked] == [
            None, *(f"bytes={700_000 * number}-" for number in range(1, 5))
        ]  # fmt: skip
        assert {request.headers.get("if-range") for request in server.asked[1:]} == {'"one"'}


def test_a_server_that_knows_no_parts_begins_anew(fetcher: Fetcher) -> None:
    def breaking_once(asked: Asked, to: socket.socket) -> None:
        to.sendall(whole(CONTENT)[: None if asked.number else 500_000])

    with answering(breaking_once) as server:
        with fetcher.fetch(f"{server.url}/x", most=MOST, size=len(CONTENT), sha256=DIGEST) as file:
            assert file.read() == CONTENT
        assert server.asked[1].headers["range"] == f"bytes={500_000 - len(whole(CONTENT)) + len(CONTENT)}-"


def test_a_file_that_changed_between_two_parts_is_fetched_anew(fetcher: Fetcher) -> None:
    """The server does not look at If-Range; the SHA-256 shows that two files were joined."""

    def changing(asked: Asked, to: socket.socket) -> None:
        if asked.number == 0:
            to.sendall(head("200 OK", content_length=len(CONTENT)) + bytes(500_000))
        elif asked.headers.get("range"):
            start = int(asked.headers["range"][6:-1])
            part = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
            to.sendall(head("206 Partial", content_length=len(CONTENT) - start, content_range=part) + CONTENT[start:])
        else:
            assert asked.headers["cache-control"] == "no-cache"
            to.sendall(whole(CONTENT))

    with answering(changing) as server:
        with fetcher.fetch(f"{server.url}/x", most=MOST, size=len(CONTENT), sha256=DIGEST) as file:
            assert file.read() == CONTENT
        assert len(server.asked) == 3


def test_without_a_promise_parts_are_joined_only_where_the_server_names_them(fetcher: Fetcher) -> None:
    def nameless(asked: Asked, to: socket.socket) -> None:
        to.sendall(whole(CONTENT)[: None if asked.number else 500_000])

    with answering(nameless) as server:
        fetcher.fetch(f"{server.url}/x", most=MOST).close()
        assert "range" not in server.asked[1].headers


@pytest.mark.parametrize("wrong", ["bytes 5-99/100", "bytes 0-99/100", "nonsense", ""])
def test_a_part_that_was_not_asked_for_is_not_used(fetcher: Fetcher, wrong: str) -> None:
    def other_part(asked: Asked, to: socket.socket) -> None:
        if asked.number == 1:
            to.sendall(head("206 Partial", content_length=10, content_range=wrong) + bytes(10))
        else:
            to.sendall(whole(CONTENT)[: None if asked.number else 500_000])

    with answering(other_part) as server:
        with fetcher.fetch(f"{server.url}/x", most=MOST, size=len(CONTENT), sha256=DIGEST) as file:
            assert file.read() == CONTENT
        assert "range" not in server.asked[2].headers


def test_a_transfer_that_always_breaks_is_given_up(fetcher: Fetcher) -> None:
    with answering(lambda _, to: to.sendall(whole(CONTENT)[:1000])) as server:
        kind, text = failure(fetcher, f"{server.url}/x", size=len(CONTENT), sha256=DIGEST)
        assert kind == "truncated"
        assert "broke off" in text
        assert len(server.asked) == HASTY.attempts


def test_a_server_that_says_when_to_come_back_is_asked_then(fetcher: Fetcher) -> None:
    times = []

    def busy_once(asked: Asked, to: socket.socket) -> None:
        times.append(time.monotonic())
        to.sendall(whole(b"here") if asked.number == 2 else head("429 Slow", retry_after=1 if asked.number else 10**9))

    with answering(busy_once) as server:
        fetcher.fetch(f"{server.url}/x", most=MOST).close()
    assert all(0.25 < later - before < 0.9 for before, later in itertools.pairwise(times))  # longest_pause


# --- servers that stall ---


def dripping(data: bytes, to: socket.socket, pause: float = 0.2, times: int = 1000) -> None:
    for number in range(times):
        to.sendall(data[number % len(data) :][:1])
        time.sleep(pause)


@pytest.mark.parametrize(("name", "begin", "drip"), [
    ("silence", b"", b""),
    ("head", b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    ("status", b"", b"HTTP/1.1"),
    ("body", head("200 OK", content_length=10**6), b"x"),
    ("chunks", head("200 OK", transfer_encoding="chunked"), b"1\r\nx\r\n"),
    ("trailers", head("200 OK", transfer_encoding="chunked") + b"1\r\nx\r\n0\r\n", b"X: y\r\n"),
    ("unfinished", head("200 OK", content_length=10**6) + bytes(10**5), b""),
])  # fmt: skip
def test_a_server_that_stalls_is_given_up(tmp_path: Path, name: str, begin: bytes, drip: bytes) -> None:
    patience = Patience(read=0.5, answer=0.7, stall=0.7, slowest=1000, attempts=2, first_pause=0.01)

    def stalling(_: Asked, to: socket.socket) -> None:
        to.sendall(begin)
        if drip:
            dripping(drip, to)
        else:
            time.sleep(5)

    with answering(stalling) as server, Fetcher(tmp_path, patience=patience, environ={}) as fetcher:
        started = time.monotonic()
        kind, _ = failure(fetcher, f"{server.url}/x")
        assert kind == "timeout"
        assert time.monotonic() - started < 4
        assert len(server.asked) == 2


# --- servers that lie ---


def flooding(begin: bytes, piece: bytes, sent: list[int]) -> object:
    def flood(_: Asked, to: socket.socket) -> None:
        sent.append(0)
        to.sendall(begin)
        while sent[-1] < 400 << 20:
            sent[-1] += to.send(piece)

    return flood


CHUNK = b"10000\r\n" + bytes(65536) + b"\r\n"


@pytest.mark.parametrize(("begin", "piece"), [
    (head("200 OK"), bytes(65536)),
    (head("200 OK", content_length=100), bytes(65536)),
    (head("200 OK", transfer_encoding="chunked"), CHUNK),
    (head("200 OK", transfer_encoding="chunked", content_length=1000), CHUNK),
], ids=["no length", "small length", "chunks", "both"])  # fmt: skip
@pytest.mark.parametrize(("promised", "expected"), [({"most": 10**6}, "limit"), ({"size": 1000}, "mismatch")])
def test_more_bytes_than_promised_end_the_transfer(
    fetcher: Fetcher, begin: bytes, piece: bytes, promised: dict[str, int], expected: str
) -> None:
    sent: list[int] = []
    with answering(flooding(begin, piece, sent)) as server:  # type: ignore[arg-type]
        if b"content-length: 100\r" in begin:  # what is beyond the length is not looked at
            if "size" in promised:
                assert failure(fetcher, f"{server.url}/x", **promised)[0] == "truncated"
            else:
                fetcher.fetch(f"{server.url}/x", most=10**6).close()
        else:
            assert failure(fetcher, f"{server.url}/x", **promised)[0] == expected
    assert max(sent) < 64 << 20


@pytest.mark.parametrize("answer", [
    b"", b"\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"\x00" * 1000,
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + b"x" * 5 + b"HTTP", b"HTTP/1.1 999 Odd\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 302 Found\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://[/\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999/\r\n\r\n", b"HTTP/1.1 304 Same\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe:\x01\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: javascript:1\r\n\r\n",
])  # fmt: skip
def test_answers_that_make_no_sense(fetcher: Fetcher, answer: bytes) -> None:
    with answering(lambda _, to: to.sendall(answer)) as server:
        kind, text = failure(fetcher, f"{server.url}/x", size=3, sha256=DIGEST)
        assert kind in ("unreadable", "truncated", "mismatch", "timeout")
        assert text.isprintable()


@pytest.mark.parametrize("bomb", [
    b"HTTP/1.1 200 OK\r\n" + b"X-Header: 1\r\n" * 10_000, b"HTTP/1.1 200 " + b"O" * 10**7,
    b"HTTP/1.1 200 OK\r\nX: " + b"O" * 10**7, b"HTTP/1.1 100 Continue\r\n\r\n" * 10**6,
], ids=["many", "status", "long", "interim"])  # fmt: skip
def test_heads_without_end(fetcher: Fetcher, bomb: bytes) -> None:
    def sending(_: Asked, to: socket.socket) -> None:
        to.sendall(bomb)
        time.sleep(3)

    with answering(sending) as server:
        started = time.monotonic()
        assert failure(fetcher, f"{server.url}/x")[0] in ("unreadable", "timeout")
        assert time.monotonic() - started < 6


def test_a_wrong_file_is_asked_for_once_more_past_the_caches(fetcher: Fetcher) -> None:
    with answering(lambda _, to: to.sendall(whole(CONTENT))) as server:
        kind, text = failure(fetcher, f"{server.url}/x", sha256="0" * 64)
        assert kind == "mismatch"
        assert DIGEST in text
        assert [request.headers.get("cache-control") for request in server.asked] == [None, "no-cache"]


def test_what_is_too_large_is_not_even_asked_for(fetcher: Fetcher) -> None:
    with answering(lambda _, to: to.sendall(whole(CONTENT))) as server:
        assert failure(fetcher, f"{server.url}/x", most=100, size=101)[0] == "limit"
        assert not server.asked


# --- proxies ---


def test_a_proxy_is_asked_where_the_environment_names_one(tmp_path: Path) -> None:
    with answering(lambda _, to: to.sendall(whole(b"by proxy"))) as proxy:
        environ = {"http_proxy": proxy.url.replace("//", "//me:secret@"), "no_proxy": "example.org,.local"}
        with Fetcher(tmp_path, patience=HASTY, environ=environ) as fetcher:
            with fetcher.fetch("http://archive.test/x", most=MOST) as file:
                assert file.read() == b"by proxy"
            assert proxy.asked[0].line == "GET http://archive.test/x HTTP/1.1"
            assert proxy.asked[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
            assert "proxy-authorization" not in str(failure(fetcher, "http://host.local/x"))
            assert len(proxy.asked) == 1


def test_tls_goes_through_a_proxy_as_a_tunnel(fetcher: Fetcher, tmp_path: Path) -> None:
    with answering(lambda _, to: to.sendall(head("407 Who are you"))) as proxy:
        with Fetcher(tmp_path, patience=HASTY, environ={"https_proxy": proxy.url}) as fetcher:
            assert "407" in failure(fetcher, "https://archive.test/x")[1]
        assert proxy.asked[0].line.startswith("CONNECT archive.test:443")


# --- files of this machine ---


def test_a_file_url_is_a_file_of_this_machine(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "a file\xff").write_bytes(CONTENT)
    with fetcher.fetch((tmp_path / "a file\xff").as_uri(), most=MOST, size=len(CONTENT), sha256=DIGEST) as file:
        assert file.read() == CONTENT
    (tmp_path / "pipe").parent.mkdir(exist_ok=True)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "short").write_bytes(CONTENT[:9])
    url = tmp_path.as_uri()
    assert failure(fetcher, f"{url}/none")[0] == "missing"
    assert failure(fetcher, f"{url}/pipe")[0] == "unreadable"
    assert failure(fetcher, url)[0] == "unreadable"
    assert failure(fetcher, f"{url}/short", size=10)[0] == "truncated"
    assert failure(fetcher, f"{url}/short", size=8)[0] == "mismatch"
    assert failure(fetcher, f"{url}/short", most=8)[0] == "limit"
    assert failure(fetcher, f"{url}/short", sha256=DIGEST)[0] == "mismatch"
    assert failure(fetcher, "file://elsewhere/x")[0] == "unreadable"
    assert failure(fetcher, "file:relative")[0] == "unreadable"
    assert failure(fetcher, "file:///x%00y")[0] == "unreadable"
    assert failure(fetcher, "ftp://archive.test/x")[0] == "unreadable"


# --- the spool ---


def test_a_spooled_file_has_no_name_and_is_gone_with_its_descriptor(tmp_path: Path, server: Nginx) -> None:
    with Fetcher(tmp_path, environ={}) as fetcher, fetcher.fetch(f"{server.url}/big", most=MOST) as file:
        assert list(tmp_path.iterdir()) == []
        assert os.fstat(file.fileno()).st_nlink == 0
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            os.write(file.fileno(), b"more")  # whoever reads the package cannot fill the disk by it
        assert caught.value.errno == errno.EBADF


def test_a_folder_that_nobody_can_use_ends_the_run(tmp_path: Path, server: Nginx) -> None:
    with Fetcher(tmp_path / "none", environ={}) as fetcher, pytest.raises(SpoolError, match="cannot be used"):
        fetcher.fetch(f"{server.url}/big", most=MOST)


@pytest.mark.parametrize("times", [2, 99])
def test_a_full_spool_is_waited_for_and_then_ends_the_run(
    tmp_path: Path, server: Nginx, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The kernel's own "no space left", from the device that is always full."""
    full = [1] * times
    real = spool._unlinked
    monkeypatch.setattr(
        spool, "_unlinked", lambda at: os.open("/dev/full", os.O_RDWR) if full and full.pop() else real(at)
    )
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Fetcher(tmp_path, patience=msgspec.structs.replace(HASTY, room=0.01), environ={}) as fetcher:
        if times == 2:
            with fetcher.fetch(f"{server.url}/big", most=MOST, sha256=DIGEST) as file:
                assert file.read() == CONTENT
        else:
            with pytest.raises(SpoolError, match=r"is full \(No space left on device\); give another one with --spool"):
                fetcher.fetch(f"{server.url}/big", most=MOST, sha256=DIGEST)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_is_larger_than_the_spool_is_its_own_problem(
    tmp_path: Path, server: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever writes an index could end every run; the folder itself has room for others."""
    monkeypatch.setattr(spool, "_unlinked", lambda _: os.open("/dev/full", os.O_RDWR))
    with Fetcher(tmp_path, patience=msgspec.structs.replace(HASTY, room=0.01), environ={}) as fetcher:
        assert failure(fetcher, f"{server.url}/big", most=1 << 60, size=1 << 60)[0] == "limit"
