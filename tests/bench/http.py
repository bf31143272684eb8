"""``python -m tests.bench.http``: the same packages by path, over HTTP from nginx, and from a server that is far away.

Each way takes its turn, so that what disturbs one disturbs the others. What the servers use is not counted. How much of
the time workers were reading tells on a busy machine too whether they waited for the network.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import os
import socket
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import msgspec

from archscan import pool, sources
from archscan.crypto.catalogue import load_all
from archscan.model import Job, Limits, PackageStatus
from archscan.scan.package import prepare, read_package
from tests.bench.cost import Cost, cost
from tests.bench.packages import fetched, names
from tests.sources.servers import Asked, answering, head, nginx

_DATA = Path(__file__).parents[2] / "rules"


def main() -> None:
    """Print wall and CPU seconds of each way, and how much of the throughput over files the others reach."""
    arguments = _arguments()
    if arguments.jobs:
        _read(arguments)
        return
    folder = arguments.folder
    debs = sorted(folder.glob("*.deb")) if arguments.all else fetched(folder, names("packages.txt"))
    debs.sort(key=lambda deb: -deb.stat().st_size)
    total = sum(deb.stat().st_size for deb in debs)
    print(f"{len(debs)} packages, {total / 1e6:.0f} MB; {arguments.workers} workers, {arguments.ahead} ahead")
    with tempfile.TemporaryDirectory() as scratch, _ways(debs, Path(scratch), arguments.latency) as ways:
        found: dict[str, list[Cost]] = {name: [] for name in ways}
        busy: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.runs):
            for name, listed in ways.items():
                command = [sys.executable, "-m", "tests.bench.http", "--jobs", str(listed)]
                command += [
                    "--workers",
                    str(arguments.workers),
                    "--ahead",
                    str(0 if name == "path" else arguments.ahead),
                ]
                found[name].append(cost(command))
                busy[name].append(float(listed.with_suffix(".busy").read_text()))
                if found[name][-1].code:
                    raise SystemExit(f"not every package could be read by {name}")
    for name, costs in found.items():
        shares = [one.wall / other.wall for one, other in zip(found["path"], costs, strict=True)]
        extra = [other.cpu / one.cpu for one, other in zip(found["path"], costs, strict=True)]
        row = f"{median(one.cpu for one in costs):8.2f} s CPU {median(one.wall for one in costs):8.2f} s wall"
        print(
            f"{name:8}{row}   {median(extra):.2f} x the CPU, {median(shares):.0%} of the throughput of files; "
            f"workers read {median(busy[name]):.0%} of the time"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.http")
    parser.add_argument("--folder", type=Path, default=Path("bench-packages"), help="where the packages are kept")
    parser.add_argument("--all", action="store_true", help="every .deb of the folder, not those of packages.txt")
    parser.add_argument("--runs", type=int, default=3, help="runs of each way; the median counts")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--ahead", type=int, default=2, help="workers more that fetch")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds of the server that is far away")
    parser.add_argument("--jobs", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


@contextlib.contextmanager
def _ways(debs: list[Path], scratch: Path, latency: float) -> Iterator[dict[str, Path]]:
    """The ways to the packages by their names: a file each that lists the jobs."""
    digests = [hashlib.sha256(deb.read_bytes()).hexdigest() for deb in debs]
    root = debs[0].parent.resolve()

    def far(asked: Asked, to: socket.socket) -> bool:
        time.sleep(latency)
        with (root / urllib.parse.unquote(asked.path).lstrip("/")).open("rb") as file:
            to.sendall(head("200 OK", content_length=os.fstat(file.fileno()).st_size))
            to.sendfile(file)
        return True

    def listed(name: str, base: str | None) -> Path:
        jobs = [
            Job(path=str(deb), target=str(deb), size=deb.stat().st_size, sha256=digest,
                url=f"{base}/{urllib.parse.quote(deb.name)}" if base else None)
            for deb, digest in zip(debs, digests, strict=True)
        ]  # fmt: skip
        (scratch / name).write_bytes(msgspec.json.encode(jobs))
        return scratch / name

    with nginx(root, scratch / "server") as near, answering(far) as distant:
        yield {"path": listed("path", None), "nginx": listed("nginx", near.url), "far": listed("far", distant.url)}


def _read(arguments: argparse.Namespace) -> None:
    jobs = msgspec.json.decode(arguments.jobs.read_bytes(), type=list[Job])
    catalogue = load_all((_DATA,))
    work = functools.partial(read_package, catalogue=catalogue, exports="")
    with sources.Fetcher() as fetcher:
        opened = functools.partial(sources.identified, fetcher=fetcher, known=frozenset(), limits=Limits())
        found = pool.readings(jobs, work, Limits(), arguments.workers, opened, prepare, ahead=arguments.ahead)
        started, busy, whole = time.monotonic(), 0.0, True
        for reading in found:
            busy += reading.seconds
            whole &= reading.status == PackageStatus.COMPLETE
    share = busy / (time.monotonic() - started) / arguments.workers
    arguments.jobs.with_suffix(".busy").write_text(str(share))
    if not whole:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
