"""Source packages, unpacked by this machine's apt in exactly the version that a binary package was built from."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

_LARGEST = 60_000_000  # bytes to download
_SIZE = re.compile(r"^'[^']+' \S+ (\d+)", re.MULTILINE)


def unpacked_source(root: Path, source: str, version: str = "") -> Path | None:
    """The folder with a source package, patched; None where apt does not hand out all of it, or it is too large.

    Without a version it is the one that apt takes by itself. What is there already is not fetched again, nor is what
    could not be had.
    """
    place = root / f"{source}_{version.replace(':', '%3a')}"
    if not place.exists():
        environment = _configuration(root / "apt")
        place.mkdir(parents=True)
        command = ["apt-get", "--quiet=2", "source", f"{source}={version}" if version else source]
        listed = subprocess.run(
            [*command, "--print-uris"], cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        sizes = [int(size) for size in _SIZE.findall(listed.stdout)]
        if sizes and sum(sizes) <= _LARGEST:
            subprocess.run(command, cwd=place, env=environment, check=False, capture_output=True)
    found = sorted(path for path in place.iterdir() if path.is_dir())
    return found[0] if found else None


def _configuration(root: Path) -> dict[str, str]:
    """An environment in which apt-get knows the sources of what the machine's own mirrors of Debian have.

    The machine's configuration is read, and not changed.
    """
    (root / "status").parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "APT_CONFIG": str(root / "apt.conf")}
    if (root / "apt.conf").exists():
        return environment
    form = "deb-src $(SITE) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages", "Component: main", "Origin: Debian"]
    lines = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())
    for place in ("lists/partial", "cache/archives/partial"):
        (root / place).mkdir(parents=True, exist_ok=True)
    (root / "status").touch()
    (root / "sources.list").write_text("".join(f"{line}\n" for line in sorted(lines)))
    settings = {
        "APT::Sandbox::User": "root",
        "Dir::Etc::SourceList": root / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": root / "lists",
        "Dir::State::Status": root / "status",
        "Dir::Cache": root / "cache",
    }
    (root / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    subprocess.run(["apt-get", "--quiet=2", "update"], env=environment, check=True)
    return environment
