"""What other checkers print about the same objects. They take minutes, so their output is kept."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.accuracy.unpacked import File

LINTIAN_TAGS = """
hardening-no-pie hardening-no-relro hardening-no-bindnow hardening-no-fortify-functions
executable-stack-in-shared-library shared-library-lacks-stack-section specific-address-in-shared-library
custom-library-search-path relative-library-search-path statically-linked-binary
""".split()
_AT_ONCE = 50  # files of one call


def hardening_check(files: Sequence[File], kept: Path) -> str:
    """What hardening-check prints about files: for each its path, then a line for every check."""
    return _kept(kept, "hardening-check", _names(files), lambda: _in_turns(["hardening-check"], files))


def checksec(files: Sequence[File], kept: Path) -> str:
    """What checksec prints about files: for each a line, separated by commas, that ends with the path."""

    def run() -> str:
        return "".join(_output(["checksec", "--format=csv", f"--file={file.place}"]) for file in files)

    return _kept(kept, "checksec", _names(files), run)


def lintian(debs: Sequence[Path], kept: Path) -> str:
    """What lintian prints about packages, of the tags in ``LINTIAN_TAGS``, whatever their level, overridden or not."""
    options = ["-I", "-E", "--pedantic", "--show-overrides", "--tag-display-limit", "0", "--allow-root"]
    command = ["lintian", *options, "--tags", ",".join(LINTIAN_TAGS), *map(str, debs)]
    return _kept(kept, "lintian", [deb.name for deb in debs], lambda: _output(command))


def versions() -> list[str]:
    """The peers that are installed, with the versions of their packages."""
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\n"]
    names = {"devscripts": "hardening-check", "checksec": "checksec", "lintian": "lintian", "binutils": "readelf"}
    return [_output([*command, package]).strip() for package, program in names.items() if shutil.which(program)]


def _names(files: Sequence[File]) -> list[str]:
    return [f"{file.package} {file.path}" for file in files]


def _in_turns(command: list[str], files: Sequence[File]) -> str:
    places = [file.place for file in files]
    return "".join(_output([*command, *places[at : at + _AT_ONCE]]) for at in range(0, len(places), _AT_ONCE))


def _output(command: list[str]) -> str:
    """What a program prints, whatever it ends with: their exit codes are verdicts."""
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "surrogateescape")


def _kept(folder: Path, tool: str, about: Sequence[str], run: Callable[[], str]) -> str:
    """The output of a tool about files, from the folder if it is there. Empty where the tool is not installed."""
    digest = hashlib.sha256(f"{versions()} {about}".encode()).hexdigest()
    file = folder / f"{tool}-{digest[:16]}.txt"
    if not file.exists():
        if not shutil.which(tool):
            return ""
        folder.mkdir(parents=True, exist_ok=True)
        text = run()
        file.write_text(re.sub(r"\x1b\[[0-9;]*m", "", text), "utf-8", "surrogateescape")
    return file.read_text("utf-8", "surrogateescape")
