"""``python -m tests.bench.archive``: what a whole archive costs, on a mirror of real packages and on small made ones.

The names in archive.txt are the first thousand of main/amd64 of Debian 12 by the SHA-256 of the name: a sample with the
archive's natural share of ``Architecture: all``, giants too (1.4 GB, 61 % of it for all; of the whole 95 GB it is
62 %). The mirror is made by apt-ftparchive, the HTTP server is nginx on loopback.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.cost import Cost, cost
from tests.bench.packages import fetched, names
from tests.sources.mirrors import mirror, small_deb

_ARCHSCAN = [sys.executable, "-m", "archscan"]
_SUITE = "bench"


def main() -> None:
    """Print the figures that docs/benchmark.md explains."""
    arguments = _arguments()
    parts = {"real": _real, "unchanged": _unchanged, "memory": _memory}
    for part in arguments.parts or parts:
        parts[part](arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.archive")
    parser.add_argument("parts", nargs="*", choices=["real", "unchanged", "memory"], metavar="PART",
                        help="real, unchanged, memory; all of them where none is named")  # fmt: skip
    parser.add_argument("--folder", type=Path, default=Path("bench-archive"), help="where packages and mirror are kept")
    parser.add_argument("--count", type=int, default=1000, help="of the real packages: the first so many")
    parser.add_argument("--runs", type=int, default=1, help="turns; the median counts")
    return parser.parse_args()


# --- real packages ---


def _real(arguments: argparse.Namespace) -> None:
    """dpkg-deb and the ways to scan take turns, so that what disturbs one disturbs the others."""
    debs = fetched(arguments.folder / "packages", names("archive.txt")[: arguments.count])
    total = sum(deb.stat().st_size for deb in debs)
    whole = [deb for deb in debs if deb.stem.endswith("_all")]
    share = sum(deb.stat().st_size for deb in whole) / total
    print(f"{len(debs)} packages, {total / 1e6:.0f} MB; Architecture: all {len(whole)}, {share:.0%} of the bytes\n")
    place = arguments.folder / "mirror"
    shutil.rmtree(place, ignore_errors=True)
    mirror(place, debs, suite=_SUITE)
    ways = {
        "scan --facts elf": [str(place), "--jobs", "1"],
        "scan --facts elf, two workers": [str(place), "--jobs", "2"],
        "scan --facts elf,files": [str(place), "--jobs", "1", "--facts", "elf,files"],
        "scan --thorough": [str(place), "--jobs", "1", "--thorough"],
    }
    with tempfile.TemporaryDirectory() as scratch, _served(place) as url:
        ways["scan over HTTP"] = [url, "--jobs", "1"]
        found: dict[str, list[Cost]] = {}
        for _ in range(arguments.runs):
            found.setdefault("dpkg-deb --fsys-tarfile", []).append(_floor(debs, Path(scratch)))
            for name, options in ways.items():
                found.setdefault(name, []).append(_scan(Path(scratch) / "a.db", options))
        again = [_scan(Path(scratch) / "a.db", ways["scan over HTTP"], fresh=False) for _ in range(arguments.runs)]
        _print_turns(found)
        _print("the same again, nothing changed", again)
        _print_read(Path(scratch) / "a.db")


def _print_turns(found: dict[str, list[Cost]]) -> None:
    floor = found["dpkg-deb --fsys-tarfile"]
    for name, turns in found.items():
        ratios = sorted(one.cpu / base.cpu for one, base in zip(turns, floor, strict=True))
        _print(name, turns, f"{ratios[len(ratios) // 2]:.2f} x the CPU of dpkg-deb")
    by_path, by_url = found["scan --facts elf"], found["scan over HTTP"]
    cpu = sum(one.cpu for one in by_path) / sum(one.cpu for one in by_url)
    wall = sum(one.wall for one in by_path) / sum(one.wall for one in by_url)
    faster = sum(one.wall for one in by_path) / sum(one.wall for one in found["scan --facts elf, two workers"])
    print(f"HTTP reaches {cpu:.0%} of the throughput by path (CPU), {wall:.0%} (wall); two workers {faster:.2f} x one")


def _print_read(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        query = "SELECT status, unread, count(*), sum(size), sum(elf_count) FROM package GROUP BY 1, 2 ORDER BY 1, 2"
        for status, unread, count, size, objects in connection.execute(query):
            print(f"{status:12} {unread or '':24} {count:6} packages {size / 1e6:8.0f} MB {objects:7} ELF objects")
    print()


def _floor(debs: Sequence[Path], scratch: Path) -> Cost:
    script = scratch / "unpack.sh"
    script.write_text("for deb; do dpkg-deb --fsys-tarfile $deb; done\n")
    return cost(["sh", str(script), *map(str, debs)])


def _scan(database: Path, options: Sequence[str], *, fresh: bool = True) -> Cost:
    if fresh:
        for file in database.parent.glob(f"{database.name}*"):
            file.unlink()
    command = [*_ARCHSCAN, "scan", "-q", "--db", str(database), "--suite", _SUITE, "--arch", "amd64", *options]
    found = cost(command)
    if found.code not in (0, 11):
        raise SystemExit(f"{' '.join(command)} ended with {found.code}")
    return found


def _print(name: str, turns: Sequence[Cost], note: str = "") -> None:
    middle = sorted(turns, key=lambda one: one.cpu)[len(turns) // 2]
    figures = f"{middle.cpu:8.2f} s CPU {middle.own:6.2f} s first {middle.wall:8.2f} s wall {middle.largest:6.0f} MiB"
    print(f"{name:40} {figures}  {note}".rstrip(), flush=True)


_NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{}}
http {{
    access_log off; sendfile on;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@contextlib.contextmanager
def _served(root: Path, port: int = 18471) -> Iterator[str]:
    """The URL of a folder that nginx serves until the context is left."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(_NGINX.format(folder=folder, port=port, root=root.resolve()))
        Path(folder).chmod(0o755)
        server = subprocess.Popen(["/usr/sbin/nginx", "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            if server.poll() is not None:
                raise SystemExit((Path(folder) / "error.log").read_text())
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait()


# --- made packages ---


def _made(folder: Path, count: int) -> Path:
    """A mirror of so many small packages."""
    place = folder / f"made-{count}"
    if not place.exists():
        debs = [small_deb(folder / "made", f"made-{number}") for number in range(count)]
        mirror(place, debs, suite=_SUITE)
    return place


def _unchanged(arguments: argparse.Namespace) -> None:
    """A second run over ten thousand packages that did not change."""
    place = _made(arguments.folder, 10_000)
    with tempfile.TemporaryDirectory() as scratch:
        database = Path(scratch) / "a.db"
        _print("10,000 made packages", [_scan(database, [str(place), "--jobs", "2"])])
        again = [_scan(database, [str(place), "--jobs", "2"], fresh=False) for _ in range(3)]
        _print("the same again, nothing changed", again)
    print()


def _memory(arguments: argparse.Namespace) -> None:
    """The resident memory of the process that writes, at its highest."""
    for count in (100, 20_000):
        place = _made(arguments.folder, count)
        with tempfile.TemporaryDirectory() as scratch:
            command = [*_ARCHSCAN, "scan", "-q", "--db", f"{scratch}/a.db", "--suite", _SUITE, "--arch", "amd64",
                       "--thorough", "--jobs", "2", str(place)]  # fmt: skip
            running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            highest = 0
            while running.poll() is None:
                highest = max(highest, _highest(running.pid))
                time.sleep(0.02)
            print(f"{f'{count:,} made packages':40} {highest / 1024:8.0f} MiB in the parent", flush=True)


def _highest(pid: int) -> int:
    """VmHWM of a process in KiB (proc_pid_status(5))."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
