"""Members of a package that a reviewer wants to see whatever they hold: programs, settings, and odd rights."""

from __future__ import annotations

import re

# Where programs are looked for (environ(7), PATH), and where those lie that other programs start (FHS 3.0, 4.7).
_PROGRAMS = re.compile(
    r"(?:usr/(?:local/)?)?(?:s?bin|games|libexec)/|usr/lib/cgi-bin/|(?:opt|usr/lib)/[^/]+/(?:s?bin)/"
)
# Folders that are the administrator's, a user's or the system's while it runs (FHS 3.0, 3; Debian Policy 9.1.2).
_NOT_A_PACKAGES = re.compile(r"(?:dev|home|media|mnt|opt|proc|root|run|srv|sys|tmp|usr/local|var/(?:run|tmp))/")
_DEVICES = ("character", "block", "fifo")
_WRITABLE, _STICKY = 0o002, 0o1000


def _is_program(path: str) -> bool:
    """Whether a file at the path is run by its name, or by other programs."""
    return _PROGRAMS.match(path) is not None


def is_noteworthy(path: str, kind: str, mode: int, owner: str, group: str) -> bool:
    """Whether a member is kept for what it is; ``kind`` is its type in the tar archive.

    So are programs and settings, links to them, devices, what others than root own or anybody may write, and what
    lies where no package should put anything.
    """
    if kind in _DEVICES or (owner, group) not in (("root", "root"), ("0", "0")):
        return True
    if kind != "symlink" and mode & _WRITABLE and not (kind == "directory" and mode & _STICKY):
        return True
    if kind == "directory":
        return False
    return path.startswith("etc/") or _is_program(path) or _NOT_A_PACKAGES.match(path) is not None
