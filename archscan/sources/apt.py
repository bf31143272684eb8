"""Packages of the archives that this machine is configured for, fetched by its own apt."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import msgspec

# 'URI' file-name size SHA256:digest   (apt-get --print-uris)
_URI = re.compile(r"^'[^']*' (\S+) (\d+) (?:SHA256:([0-9a-f]{64}))?")
_NAME = re.compile(r"^[a-z0-9][a-z0-9+.:=~/-]*$", re.IGNORECASE)
_FIELD = re.compile(r"^(Package|Source): (.*)$", re.MULTILINE)
_SECONDS = 1800


class Downloaded(msgspec.Struct, frozen=True):
    """A package on disk, with what the archive's index promises of it."""

    path: Path
    size: int
    sha256: str | None


def download(name: str, folder: Path) -> Downloaded | str:
    """The package of ``name`` (also ``name:arch``, ``name=version``, ``name/suite``) in a folder below ``folder``.

    A text instead says in one line why there is none.
    """
    if not shutil.which("apt-get"):
        return "this machine has no apt-get"
    if not _NAME.match(name):
        return f"{name!r} is no name of a package"
    uris = _apt_get(["--print-uris", "download", name], folder)
    match = _URI.search(uris.stdout.strip())
    if uris.returncode or not match:
        return _complaint(uris) or f"apt-get knows no package {name}; does `apt-get update` help?"
    place = Path(tempfile.mkdtemp(dir=folder))
    fetched = _apt_get(["download", name], place)
    files = list(place.iterdir())
    if fetched.returncode or len(files) != 1:
        return _complaint(fetched) or f"apt-get download {name} failed"
    return Downloaded(files[0], int(match[2]), match[3])


def _apt_get(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # As root, apt would fetch as the user _apt, who may not write to our folder, and complain about it.
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", *arguments]
    try:
        return subprocess.run(  # noqa: S603  # no shell, and the name was checked
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C.UTF-8"}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", f"E: {error}")


def _complaint(result: subprocess.CompletedProcess[str]) -> str:
    lines = [line.removeprefix("E: ") for line in result.stderr.splitlines() if line.startswith("E: ")]
    return f"apt-get: {lines[0]}" if lines else ""


def binaries_of_source(name: str) -> list[str] | str:
    """The names of all binaries that the source of the package ``name`` builds, in the archives of this machine.

    ``name`` may be the source's own. A text instead says in one line why there are none.
    """
    if not shutil.which("apt-cache"):
        return "this machine has no apt-cache"
    if not _NAME.match(name):
        return f"{name!r} is no name of a package"
    command = ["apt-cache", "dumpavail"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and nothing of it comes from outside
            command, capture_output=True, encoding="utf-8", errors="replace", check=True, timeout=_SECONDS,
            env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"apt-cache dumpavail: {error}"
    sources: dict[str, str] = {}
    for stanza in done.stdout.split("\n\n"):
        fields: dict[str, str] = dict(_FIELD.findall(stanza))
        if package := fields.get("Package"):
            sources[package] = fields.get("Source", package).partition(" ")[0]
    source = sources.get(name, name)
    found = sorted({package for package, built_of in sources.items() if built_of == source})
    return found or f"apt-cache knows no package or source {name}; does `apt-get update` help?"
