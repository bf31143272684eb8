"""Where a bug is filed, how severe it may be called, and which package a fault of a compiler belongs to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from archscan.store.bugs import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_CHANGED = re.compile(r"ubuntu[0-9]")
_REBUILT = re.compile(r"(?<=[0-9])build[0-9]+(?:\.[0-9]+)*$")
_UBUNTU = re.compile(r"@(?:lists\.)?(?:ubuntu|canonical)\.com>?\s*$")

# Whose bug it is that nothing in a package can help: Debian's source packages of compilers. Others are GCC's.
TOOLCHAINS = {
    "ada": "gnat",
    "assembler": "binutils",
    "d": "ldc",
    "go": "golang-defaults",
    "haskell": "ghc",
    "ocaml": "ocaml",
    "pascal": "fpc",
    "rust": "rustc",
}
_OTHER = "gcc-defaults"
# Marks of the start files, which the linker keeps only where all of them have one.
_LIBRARY = {"ibt_marked": "glibc", "shstk_marked": "glibc"}


class Filed(msgspec.Struct, frozen=True):
    """Where a bug of a source package goes, and the version that it names there."""

    target: str
    version: str


def filing(distribution: str | None, version: str, maintainer: str, wanted: str | None) -> Filed:
    """Where a bug goes: to Launchpad only where Ubuntu changed the source, unless something else is ``wanted``.

    A version with ``ubuntu1`` is a changed source; ``build1`` is Debian's source built again, and Debian's version is
    what is left without it.
    """
    if wanted is not None:
        return Filed(wanted, named_version(wanted, version))
    changed = bool(_CHANGED.search(version)) or ("-" not in version and bool(_UBUNTU.search(maintainer)))
    if distribution == "ubuntu" and changed:
        return Filed("launchpad", version)
    return Filed("debian", named_version("debian", version))


def named_version(target: str, version: str) -> str:
    """How a version of a suite is called where the bug goes: Debian knows nothing of Ubuntu's rebuilds."""
    return version if target == "launchpad" else _REBUILT.sub("", version)


def toolchain(language: str | None, subject: str) -> str:
    """The source package that has to give ``subject``: the compiler's of a language, as ``elf.language`` has it."""
    if subject in _LIBRARY:
        return _LIBRARY[subject]
    return TOOLCHAINS.get(language or "", _OTHER)


def severity(severities: Collection[tuple[str, str]], caps: Sequence[str]) -> tuple[str, str]:
    """The severity of a bug from that and the confidence of its findings, and what makes it a matter for people.

    A medium finding is a wish, or minor where it is certain; a high one is normal, and so is a critical one, of which
    a human has to say what it is. Nothing is above normal, nor above what one of ``caps`` says.
    """
    ranks = [_rank(found, confidence) for found, confidence in severities]
    most = min((SEVERITIES.index(cap) for cap in caps if cap in SEVERITIES), default=len(SEVERITIES) - 1)
    human = "a finding is critical: whether this is a security bug, and how severe, a human has to say"
    is_critical = any(found == "critical" for found, _ in severities)
    return SEVERITIES[min(max(ranks), most)], human if is_critical else ""


def _rank(found: str, confidence: str) -> int:
    if found in ("high", "critical"):
        return SEVERITIES.index("normal")
    return SEVERITIES.index("minor" if (found, confidence) == ("medium", "certain") else "wishlist")
