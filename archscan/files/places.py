"""Which files of a package are read for what they say, by their paths."""

from __future__ import annotations

import re

from archscan.files import (
    boot,
    debconf,
    gpg,
    login_defs,
    maintainer,
    modules,
    openssl,
    pam,
    ssh,
    sysctl,
    udev,
)
from archscan.files.parser import Parser, Places

# The control archive, as dpkg-deb --raw-extract lays it down.
_CONTROL: Places = (
    (re.compile(rf"DEBIAN/(?:{'|'.join(maintainer.SCRIPTS)})"), maintainer.maintainer_script),
    (re.compile(r"DEBIAN/templates"), debconf.templates),
)
PLACES: Places = (
    *_CONTROL,
    *boot.PLACES,
    *gpg.PLACES,
    *login_defs.PLACES,
    *modules.PLACES,
    *openssl.PLACES,
    *pam.PLACES,
    *ssh.PLACES,
    *sysctl.PLACES,
    *udev.PLACES,
)
"""A pattern for the whole path of a member, and what reads it; the first that fits counts."""


def _joined(places: Places) -> re.Pattern[str]:
    """One pattern for all, which names the place that fits: a million paths are asked, and few fit any."""
    for pattern, _ in places:
        assert pattern.groups == pattern.flags & re.IGNORECASE == 0, pattern
    return re.compile("|".join(f"(?P<p{number}>{pattern.pattern})" for number, (pattern, _) in enumerate(places)))


_ALL = _joined(PLACES)


def placed(path: str) -> Parser | None:
    """What reads the file at that path of a package (without a slash in front); None where nothing does."""
    found = _ALL.fullmatch(path)
    return PLACES[int(found.lastgroup[1:])][1] if found and found.lastgroup else None
