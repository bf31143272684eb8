"""The machine that recipes are built for, asked of the compiler."""

import os
import platform
import shutil
import subprocess

import msgspec

from archscan.errors import ArchscanError

# Debian's names for the first part of a GNU triplet (https://wiki.debian.org/ArchitectureSpecificsMemo).
_ARCHITECTURE = {
    "x86_64": "amd64",
    "i386": "i386",
    "i486": "i386",
    "i586": "i386",
    "i686": "i386",
    "aarch64": "arm64",
    "arm": "armhf",
    "armv7l": "armhf",
    "riscv64": "riscv64",
    "powerpc64le": "ppc64el",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
    "loongarch64": "loong64",
}
_BRANCH = {"amd64": "-fcf-protection=full", "i386": "-fcf-protection=full", "arm64": "-mbranch-protection=standard"}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A compiler and what it builds for. ``branch``: its flag for landing pads; empty where there is none."""

    compiler: str
    triplet: str
    architecture: str
    branch: str


def run(command: list[str], *, folder: str = ".") -> str:
    """What ``command`` prints. Raises ``ArchscanError`` with the command and its first complaint if it fails."""
    # The C locale and no SOURCE_DATE_EPOCH, so that the same input gives the same bytes and messages anywhere.
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ArchscanError(f"{command[0]}: {error.strerror}, expected it on the PATH") from error
    if done.returncode:
        raise ArchscanError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip() or 'no message'}")
    return done.stdout


def _architecture(compiler: str, triplet: str) -> str:
    """Debian's name for the machine; the host's own answer comes first where the compiler is the host's."""
    if compiler == "gcc" and shutil.which("dpkg"):
        return run(["dpkg", "--print-architecture"]).strip()
    machine = platform.machine() if compiler == "gcc" else triplet.partition("-")[0]
    if machine not in _ARCHITECTURE:
        raise ArchscanError(f"{compiler}: expected a processor that Debian has a name for, got {machine!r}")
    return _ARCHITECTURE[machine]


def target(compiler: str = "gcc") -> Target:
    """The machine that ``compiler`` builds for. Raises ``ArchscanError`` where there is no such compiler."""
    triplet = run([compiler, "-print-multiarch"]).strip() or run([compiler, "-dumpmachine"]).strip()
    architecture = _architecture(compiler, triplet)
    return Target(compiler=compiler, triplet=triplet, architecture=architecture, branch=_BRANCH.get(architecture, ""))


def tool(chosen: Target, name: str) -> str:
    """The program of binutils called ``name`` for this machine: ``aarch64-linux-gnu-strip`` beside its gcc."""
    return chosen.compiler.removesuffix("gcc") + name
