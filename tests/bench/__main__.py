"""``python -m tests.bench``: archscan's costs beside those of its peers, on the same files in the same run."""

from __future__ import annotations

import argparse
import compileall
import ctypes.util
import platform
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import archscan
from archscan.deb import liblzma
from tests.bench.code_pass import code_pass
from tests.bench.cost import Cost, cost
from tests.bench.packages import fetched, identities, names

_ARCHSCAN = [sys.executable, "-m", "archscan"]


def main() -> None:
    """Print the figures that docs/benchmark.md explains."""
    arguments = _arguments()
    debs = fetched(arguments.folder, names("tuning.txt" if arguments.tuning else "packages.txt"))
    for line in identities(debs):
        print(line)
    # As an installed command is; an environment may forbid Python to keep what it compiles.
    compileall.compile_dir(Path(archscan.__file__).parent, quiet=1)
    print(f"\n{len(debs)} packages, {sum(deb.stat().st_size for deb in debs) / 1e6:.0f} MB; {_machine()}\n")
    with tempfile.TemporaryDirectory() as scratch:
        _unpacking(debs, Path(scratch), arguments.runs)
        _starting(debs, Path(scratch), arguments.runs)
        if arguments.peers:
            _peers(debs, Path(scratch))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--folder", type=Path, default=Path("bench-packages"), help="where the packages are kept")
    parser.add_argument("--tuning", action="store_true", help="the packages to tune on, not those to measure on")
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the median counts")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="without hardening-check and checksec")
    return parser.parse_args()


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return (
        f"{model}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, Linux {platform.release()}, "
        f"liblzma {_decoder()}"
    )


def _decoder() -> str:
    """Which liblzma the system has, and which of another's archscan decodes with."""
    own, newer = ctypes.CDLL(ctypes.util.find_library("lzma") or "liblzma.so.5"), liblzma.newer()
    system = liblzma.version(own)
    return system if newer is None else f"{system}, archscan's {liblzma.version(newer)}"


def _row(what: str, found: Cost, note: str = "") -> None:
    print(f"{what:44} {found.cpu:8.2f} s CPU {found.wall:8.2f} s wall {found.largest:7.0f} MiB  {note}".rstrip())


def _unpacking(debs: Sequence[Path], scratch: Path, runs: int) -> None:
    """dpkg-deb and archscan take turns, so that what disturbs one disturbs the other."""
    script = scratch / "unpack.sh"
    script.write_text("for deb; do dpkg-deb --fsys-tarfile $deb; done\n")
    floor, serial, double = [], [], []
    for _ in range(runs):
        floor.append(cost(["sh", str(script), *map(str, debs)]))
        serial.append(_scan(debs, scratch, 1))
        double.append(_scan(debs, scratch, 2))
    middle = [sorted(found, key=lambda one: one.cpu)[len(found) // 2] for found in (floor, serial, double)]
    ratios = [median(one.cpu / base.cpu for one, base in zip(found, floor, strict=True)) for found in (serial, double)]
    speedup = median(one.wall / two.wall for one, two in zip(serial, double, strict=True))
    _row("dpkg-deb --fsys-tarfile", middle[0])
    _row("archscan scan --jobs 1", middle[1], f"{ratios[0]:.2f} x the CPU of dpkg-deb")
    _row("archscan scan --jobs 2", middle[2], f"{ratios[1]:.2f} x; {speedup:.2f} x as fast as one")
    found, whole = code_pass(debs), middle[1].cpu
    note = (
        f"machine code {found.code:.2f} s: {found.code / found.facts:.0%} of that, {found.code / whole:.0%} of a scan"
    )
    print(f"{f'facts of {found.objects:,} ELF objects':44} {found.facts:8.2f} s CPU  {note}")
    largest = _largest_object(scratch)
    print(f"{'the largest ELF object':44} {largest / 2**20:.0f} MiB: may take {250 + 2 * largest / 2**20:.0f} MiB\n")


def _scan(debs: Sequence[Path], scratch: Path, jobs: int) -> Cost:
    database = scratch / "bench.db"
    for file in scratch.glob("bench.db*"):
        file.unlink()
    command = [*_ARCHSCAN, "scan", "-q", "--db", str(database), "--jobs", str(jobs), "-"]
    found = cost(command, stdin="\n".join(map(str, debs)).encode())
    if found.code not in (0, 11):
        raise SystemExit(f"archscan scan ended with {found.code}")
    return found


def _largest_object(scratch: Path) -> int:
    connection = sqlite3.connect(scratch / "bench.db")
    size = connection.execute("SELECT max(size) FROM elf").fetchone()[0] or 0
    connection.close()
    return int(size)


def _starting(debs: Sequence[Path], scratch: Path, runs: int) -> None:
    smallest = min(debs, key=lambda deb: deb.stat().st_size)
    helps = [cost([*_ARCHSCAN, "--help"]) for _ in range(runs)]
    scans = [_scan([smallest], scratch, 1) for _ in range(runs)]
    for what, found in (("archscan --help", helps), (f"archscan scan {smallest.name.partition('_')[0]}", scans)):
        _row(what, sorted(found, key=lambda one: one.cpu)[runs // 2])
    print()


def _peers(debs: Sequence[Path], scratch: Path) -> None:
    """hardening-check and checksec over the same objects, unpacked for them; that is not counted."""
    root = scratch / "unpacked"
    root.mkdir()
    for deb in debs:
        cost(["dpkg-deb", "-x", str(deb), str(root / deb.name)])
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and _is_elf(path)]
    paths = list(map(str, files))
    print(f"{len(paths)} ELF files, {sum(path.stat().st_size for path in files) / 1e6:.0f} MB")
    for program, command in (
        ("hardening-check", ["hardening-check", *paths]),
        ("checksec", ["sh", "-c", 'for file; do checksec --file="$file"; done', "sh", *paths]),
        ("archscan inspect", [*_ARCHSCAN, "inspect", *paths]),
    ):
        if program.startswith("archscan") or shutil.which(program):
            _row(program, cost(command))
        else:
            print(f"{program:44} is not installed")


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


if __name__ == "__main__":
    main()
