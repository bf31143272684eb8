"""Servers on loopback: nginx for what is honest, and one that answers with whatever bytes a test gives it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

# Debian has it in /usr/sbin, which is not on everybody's path.
NGINX = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")

_CONFIGURATION = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 64; }}
http {{
    log_format asked '$connection|$request|$status|$http_range|$http_authorization|$http_user_agent|$http_host';
    access_log {folder}/access.log asked;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    default_type application/octet-stream;
    sendfile on;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port}{ssl};
        {certificate}
        root {root};
        {more}
    }}
}}
"""


class Logged(NamedTuple):
    """One line of nginx's access log; ``-`` where a header was not sent."""

    connection: int
    request: str
    status: int
    range: str
    authorization: str
    user_agent: str
    host: str


class Nginx(NamedTuple):
    """A running nginx. ``url`` ends without a slash."""

    url: str
    folder: Path

    def log(self, count: int = 0) -> list[Logged]:
        """What was asked so far; waits for ``count`` lines, which are written after the answers."""
        end = time.monotonic() + 10
        while True:
            lines = (self.folder / "access.log").read_text("utf-8").splitlines()
            if len(lines) >= count or time.monotonic() > end:
                return [
                    Logged(int(first), request, int(status), *rest)
                    for first, request, status, *rest in (line.split("|") for line in lines)
                ]
            time.sleep(0.01)


@contextmanager
def nginx(root: Path, folder: Path, *, tls: tuple[Path, Path] | None = None, more: str = "") -> Iterator[Nginx]:
    """An nginx that serves what is below ``root``, with its own files in ``folder``.

    ``tls`` are the files of certificate and key, ``more`` is added to the configuration of the server.
    """
    assert NGINX, "these tests need nginx (Debian's nginx-light)"
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    certificate = f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else ""
    text = _CONFIGURATION.format(
        user="user root;" if os.getuid() == 0 else "",  # else it could not enter the folder of a test
        folder=folder, port=port, ssl=" ssl" if tls else "", certificate=certificate, root=root, more=more,
    )  # fmt: skip
    (folder / "nginx.conf").write_text(text)
    command: list[str | Path] = [
        NGINX,
        "-p",
        folder,
        "-e",
        folder / "error.log",
        "-c",
        folder / "nginx.conf",
        "-g",
        "daemon off;",
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _await(port, process)
            yield Nginx(f"{'https' if tls else 'http'}://127.0.0.1:{port}", folder)
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"nginx does not start: {process.stderr.read() if process.stderr else b''!r}")


class Asked(NamedTuple):
    """One request, as it came: its path, and its headers by their names in lower case."""

    line: str
    path: str
    headers: dict[str, str]
    connection: int
    number: int  # of all requests, from 0


class Answering(NamedTuple):
    """A running server of our own, and what it was asked so far."""

    url: str
    asked: list[Asked]
    address: tuple[str, int]


@contextmanager
def answering(answer: Callable[[Asked, socket.socket], object]) -> Iterator[Answering]:
    """A server that has ``answer`` write to the socket what it likes; where that gives True, the connection stays."""
    asked: list[Asked] = []
    connections = iter(range(1_000_000))
    sockets: list[socket.socket] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            number = next(connections)
            sockets.append(self.connection)
            with contextlib.suppress(OSError):  # whoever asked has enough
                while (request := _request(self.rfile, number, len(asked))) is not None:
                    asked.append(request)
                    if answer(request, self.connection) is not True:
                        return

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            raise  # noqa: PLE0704  # called where an exception is handled; a bug of a test is to be seen

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            host, port = server.server_address[:2]
            yield Answering(f"http://127.0.0.1:{port}", asked, (str(host), int(port)))
        finally:
            server.shutdown()
            thread.join()
            for one in sockets:  # answers that never end
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


def _request(lines: Any, connection: int, number: int) -> Asked | None:
    first = lines.readline().decode("latin-1").strip()
    if not first:
        return None
    headers = {}
    while line := lines.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Asked(first, first.split()[1], headers, connection, number)


def head(status: str, **headers: object) -> bytes:
    """The head of an answer; ``content_length=3`` is the header Content-Length."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def whole(body: bytes, **headers: object) -> bytes:
    """An honest answer."""
    return head("200 OK", content_length=len(body), **headers) + body


class Authority(NamedTuple):
    """A certificate authority, and a server's certificate and key that it signed."""

    authority: Path
    server: tuple[Path, Path]


def authority(folder: Path, names: str = "IP:127.0.0.1,DNS:localhost") -> Authority:
    """A new authority in ``folder``, and a certificate for a server on loopback."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    ca, cert = folder / "ca.pem", folder / "server.pem"
    extensions = folder / "server.ext"
    uses = "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
    extensions.write_text(f"subjectAltName={names}\n{uses}authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
    commands: list[list[str | Path]] = [
        ["req", "-x509", *key, "-keyout", folder / "ca.key", "-out", ca, "-subj", "/CN=Authority of a test",
         "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
        ["req", *key[:-2], "-keyout", folder / "server.key", "-out", folder / "server.csr", "-subj", "/CN=Server"],
        ["x509", "-req", "-in", folder / "server.csr", "-CA", ca, "-CAkey", folder / "ca.key", "-CAcreateserial",
         "-days", "2", "-extfile", extensions, "-out", cert],
    ]  # fmt: skip
    for command in commands:
        subprocess.run(["openssl", *command], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return Authority(ca, (cert, folder / "server.key"))
