"""Datasette, set up and run until somebody stops it."""

from __future__ import annotations

import signal
import socket
import sqlite3
import tempfile
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from archscan.errors import ArchscanError
from archscan.serve import layout as looks
from archscan.serve.front import front
from archscan.serve.guard import LOOPBACK
from archscan.serve.search_index import build
from archscan.serve.state import NAME, held
from archscan.serve.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from datasette.app import Datasette

    from archscan.reports.queries import Question

_MOST_ROWS = 1_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve: ``names`` are those that a server for this machine alone answers to beside ``localhost``."""

    host: str = "127.0.0.1"
    port: int = 0
    names: tuple[str, ...] = ()
    base_url: str = "/"
    seconds: float = 10.0
    copied: bool = False
    temporary: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can ask."""
        return self.host in LOOPBACK


@contextmanager
def prepared(
    path: Path, options: Options, questions: Mapping[str, Question], reports: Path, docs: Path
) -> Iterator[Datasette]:
    """A Datasette on the state that the database at ``path`` has now; its files are gone when the ``with`` ends.

    ``reports`` and ``docs`` are the folders of data. Raises ArchscanError.
    """
    from datasette.app import Datasette
    from datasette.plugins import pm

    from archscan.serve.facts import Facts
    from archscan.serve.plugin import Plugin

    look, said = looks.layout(reports / "serve" / "tables.toml"), words(docs)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(_temporary(options.temporary)))
        served = stack.enter_context(held(path, folder, copied=options.copied))
        indices = folder / "search.db"
        build(served, indices)
        with closing(sqlite3.connect(f"file:{quote(bytes(served))}?immutable=1", uri=True)) as connection:
            known = looks.columns(connection)
            counts = _counts(connection, known)
            first = front(connection, path, known, look, questions, counts)
        addressed = {looks.address(name, known): question for name, question in questions.items()}
        hosts = frozenset({*LOOPBACK, *map(str.lower, options.names)}) if options.is_local else None
        plugin = Plugin(indices, addressed, hosts, first)
        pm.register(plugin)  # before: what is made now asks it at once
        stack.callback(pm.unregister, plugin)
        made = Datasette(
            metadata=looks.metadata(known, said, look, questions, "archscan"),
            inspect_data=_inspected(served, counts),
            template_dir=str(reports / "serve"),
            static_mounts=[("-/archscan", str(reports / "serve" / "static"))],
            settings=_settings(options),
        )
        made.remove_database("_memory")  # which it has where no file is given
        made.add_database(Facts(made, path=str(served), is_mutable=False), name=NAME)
        stack.callback(_closed, made)
        yield made


def _temporary(folder: Path | None) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="archscan-serve-", dir=folder)
    except OSError as error:
        raise ArchscanError(f"{folder or tempfile.gettempdir()}: cannot be written: {error.strerror}") from error


def _closed(made: Datasette) -> None:
    for database in made.databases.values():
        database.close()
    if made.executor is not None:
        made.executor.shutdown(wait=True)


def _settings(options: Options) -> dict[str, Any]:
    return {
        "sql_time_limit_ms": round(options.seconds * 1000),
        "facet_time_limit_ms": min(1_500, round(options.seconds * 1000)),
        "facet_suggest_time_limit_ms": 20,
        "suggest_facets": False,  # a question for each column; every column has a facet in its menu
        "max_returned_rows": _MOST_ROWS,
        "default_page_size": 50,
        "allow_download": False,
        "num_sql_threads": 3,
        "truncate_cells_html": 1_000,
        "base_url": options.base_url,
    }


def _counts(connection: sqlite3.Connection, known: Mapping[str, list[str]]) -> dict[str, int]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in tables if name in known}  # fmt: skip


def _inspected(served: Path, counts: Mapping[str, int]) -> dict[str, Any]:
    # Else Datasette would read the whole file for its hash, and count with every page.
    size = served.stat().st_size
    tables = {name: {"count": count} for name, count in counts.items()}
    return {NAME: {"hash": f"{size:064x}", "size": size, "file": served.name, "tables": tables}}


def run(made: Datasette, options: Options, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; ``ready`` is told the address once it answers. Raises ArchscanError."""
    import uvicorn

    with closing(_bound(options)) as listening:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        config = uvicorn.Config(made.app(), log_level="warning", access_log=False, lifespan="off", server_header=False)
        server = uvicorn.Server(config)
        listening.listen()
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            ready(f"http://{shown}:{port}{options.base_url}")  # from here on, whoever reads it may end us
            server.run(sockets=[listening])
        except KeyboardInterrupt:  # uvicorn has ended in order and raises the signal again, or has not begun
            pass
        finally:
            signal.signal(signal.SIGTERM, before)


def _bound(options: Options) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ArchscanError(f"{options.host}: no such address: {error.strerror}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        raise ArchscanError(f"{options.host}:{options.port}: cannot be listened at: {error.strerror}") from error
    return listening
