"""Packages of Debian 13 or another release, for several architectures.

Debian 12 promises neither stack clash protection nor landing pads.

The names in trixie.txt are those of the benchmark (`tests.bench.packages`) that hold ELF objects in Debian 12 and that
Debian 13 has for arm64: nobody chose them either.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

_HERE = Path(__file__).parent
_RELEASE = "trixie"


def names() -> list[str]:
    """The names in ``trixie.txt``."""
    return (_HERE / "trixie.txt").read_text().split()


def fetched(
    folder: Path, architecture: str, wanted: Sequence[str] = (), *, release: str = _RELEASE, all_of: bool = True
) -> list[Path]:
    """A .deb of a release for each name, of those in ``trixie.txt`` or others, in the folder.

    What is there already is not fetched again.

    apt runs with a configuration of its own, which knows the machine's own mirror of Debian; the machine is not
    changed. Raises FileNotFoundError where it could not give one, unless not ``all_of`` them are needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = wanted or names()
    missing = [name for name in wanted if not list(folder.glob(f"{name}_*.deb"))]
    if missing:
        environment = _configuration(folder / "apt", architecture, release)
        subprocess.run(["apt-get", "--quiet=2", "update"], env=environment, check=True)
        targets = [f"{name}:{architecture}" for name in missing]
        for some in [targets] if all_of else [[target] for target in targets]:  # one that is missing stops all
            subprocess.run(["apt-get", "--quiet=2", "download", *some], cwd=folder, env=environment, check=False)
    found = {name: sorted(folder.glob(f"{name}_*.deb")) for name in wanted}
    missing = [name for name, files in found.items() if not files]
    if missing and all_of:
        raise FileNotFoundError(f"apt-get could not download {', '.join(missing)} for {architecture}")
    return [files[-1] for files in found.values() if files]


def _configuration(root: Path, architecture: str, release: str) -> dict[str, str]:
    """An environment in which apt-get knows a release for one architecture, and nothing of what is installed."""
    form = f"deb $(SITE) {release} $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Component: main", "Label: Debian"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for place in ("lists/partial", "cache/archives/partial"):
        (root / place).mkdir(parents=True, exist_ok=True)
    (root / "status").touch()
    (root / "sources.list").write_text("".join(sorted(set(found.splitlines(keepends=True)))))
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Dir::Etc::SourceList": root / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": root / "lists",
        "Dir::State::Status": root / "status",
        "Dir::Cache": root / "cache",
    }
    (root / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    return {**os.environ, "APT_CONFIG": str(root / "apt.conf")}
