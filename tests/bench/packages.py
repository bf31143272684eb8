"""The packages that are measured: names frozen in packages.txt, files fetched by this machine's apt.

The names were taken from main/amd64 of Debian 12: within seven classes of size (from under 16 KiB to under 64 MiB), by
the SHA-256 of the name, three of four with Architecture: amd64; then the next two of amd64 in each of the three middle
classes, so that sixty at least hold ELF objects (63 of 106). So nobody chose them, and the median package and the
long tail are both there. tuning.txt holds the next ones of each class: what a change is tuned on is not what it is
measured on.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

_HERE = Path(__file__).parent
_AT_ONCE = 50


def names(file: str) -> list[str]:
    """The names in ``packages.txt`` or ``tuning.txt``."""
    return (_HERE / file).read_text().split()


def fetched(folder: Path, wanted: list[str]) -> list[Path]:
    """A .deb for each name, in the folder; what is there already is not fetched again.

    Raises FileNotFoundError where apt could not give one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = _missing(folder, wanted)
    for names_at_once in (_AT_ONCE, 1):  # a name that apt does not know keeps all others of its call away
        for first in range(0, len(missing), names_at_once):
            command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"]
            command += missing[first : first + names_at_once]
            subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL)
        missing = _missing(folder, wanted)
    if missing:
        raise FileNotFoundError(f"apt-get could not download {', '.join(missing)}; does `apt-get update` help?")
    newest = _newest(folder)
    return [newest[name] for name in wanted]


def _missing(folder: Path, wanted: list[str]) -> list[str]:
    newest = _newest(folder)
    return [name for name in wanted if name not in newest]


def _newest(folder: Path) -> dict[str, Path]:
    """Name → the last of its files in the folder."""
    return {file.name.partition("_")[0]: file for file in sorted(folder.glob("*.deb"))}


def identities(files: list[Path]) -> Iterator[str]:
    """Name, version, architecture and SHA-256 of each file, a line each."""
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        yield f"{' '.join(file.stem.replace('%3a', ':').split('_'))} {digest}"
