"""What is asked of archives, and what an archive is: a place, a suite, and the keys that may sign it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from archscan.errors import UsageError
from archscan.model import escape
from archscan.sources.archive.keys import Keys
from archscan.sources.archive.release import is_name

SCHEMES = ("http", "https", "file")
_URL = re.compile(r"[!-~]+")
_IN_PATHS = "/~:"  # as apt has it, which writes + as %2B: some servers take it for a blank


class Fetcher(Protocol):
    """Whoever fetches: a file of at most ``most`` bytes at its beginning, with the size and SHA-256 that were promised.

    Raises SourceError; of kind ``missing`` where there is no such file.
    """

    def fetch(self, url: str, *, most: int, size: int | None = None, sha256: str | None = None) -> BinaryIO:
        """The file at a ``file:``, ``http:`` or ``https:`` URL."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to read of a mirror. Empty components are all that Release lists, empty architectures the machine's own."""

    now: datetime  # with its time zone
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    keyrings: tuple[Path, ...] = ()  # empty: no signature is checked, except of `apt:`
    most_days: float | None = None  # of age, by Date
    expired: bool = False  # Valid-Until does not count


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One suite of an archive. ``base`` is the URL above dists/, which may have user and password in it."""

    base: str
    suite: str
    components: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    keys: Keys | None = None  # None: the signature is not checked

    @property
    def flat(self) -> bool:
        """Whether it has no dists/, but one folder with indices of everything: apt writes a slash behind its name."""
        return self.suite.endswith("/")

    @property
    def folder(self) -> str:
        """The URL of the folder with its Release."""
        if not self.flat:
            return below(self.base, f"dists/{self.suite}")
        name = self.suite.removesuffix("/")
        return self.base if name in ("", ".") else below(self.base, name)


def is_mirror(target: str, suites: tuple[str, ...]) -> bool:
    """Whether a target of the command line is a mirror: a URL, ``apt:`` alone, or a folder with dists/ and a suite."""
    if target == "apt:" or scheme_of(target) in SCHEMES:
        return True
    return bool(suites) and Path(target).is_dir()


def scheme_of(mirror: str) -> str:
    """The scheme of a URL, empty for what is none."""
    scheme, colon, _ = mirror.partition(":")
    return scheme if colon else ""


def base_of(mirror: str) -> str:
    """The URL of a mirror, without a slash at its end; of a folder, too. Raises UsageError where it is neither."""
    scheme = scheme_of(mirror)
    if scheme not in SCHEMES:
        if not Path(mirror).is_dir():
            raise UsageError(f"{escape(mirror)}: no folder, and no file:, http: or https: URL")
        return "file://" + quote(os.fsencode(os.path.abspath(mirror)), safe=_IN_PATHS)  # noqa: PTH100 - symlinks stay
    try:
        parts = urlsplit(mirror)
        usable = parts.port is None or scheme != "file"
    except ValueError:
        usable = False
    if not usable or not _URL.fullmatch(mirror) or "?" in mirror or "#" in mirror:
        raise UsageError(f"{escape(mirror)}: that is no URL of a mirror, which has no blanks, ? or #")
    if scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise UsageError(f"{mirror}: a file: URL has an absolute path and no host")
        return "file://" + (parts.path.rstrip("/") or "/")
    if not parts.hostname:
        raise UsageError(f"{mirror}: the URL has no host")
    return mirror.rstrip("/")


def without_password(url: str) -> str:
    """A URL without user and password, as the database and messages have it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def below(base: str, path: bytes | str) -> str:
    """The URL of a path below ``base``, whose characters are quoted: what looks like a URL is none."""
    return f"{base.rstrip('/')}/{quote(path, safe=_IN_PATHS)}"


def check(wanted: Wanted) -> None:
    """Raises UsageError where a suite, component or architecture is no name."""
    for kind, names in (("component", wanted.components), ("arch", wanted.architectures)):
        for name in names:
            if not is_name(name):
                raise UsageError(f"--{kind} {name!r} is no name")
    for suite in wanted.suites:
        flat = suite.removesuffix("/")
        if not is_name(flat) and suite not in ("/", "./"):
            raise UsageError(f"--suite {suite!r} is no name of a suite")


def machine_architecture() -> str | None:
    """The architecture of this machine's packages, where it has dpkg."""
    if not shutil.which("dpkg"):
        return None
    done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=False, timeout=60)  # noqa: S607
    return done.stdout.strip() or None
