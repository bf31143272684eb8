"""Which files of a package are read for what they say, by their paths."""

from __future__ import annotations

import re

from archscan.files.control import debconf, maintainer
from archscan.files.parser import Parser, Places
from archscan.files.policies import apparmor, pam, polkit, selinux, sudoers, udev
from archscan.files.services import autostart, cron, dbus, inetd, init, units
from archscan.files.settings import boot, gpg, login_defs, modules, openssl, ssh, sysctl

# The control archive, as dpkg-deb --raw-extract lays it down.
_CONTROL: Places = (
    (re.compile(rf"DEBIAN/(?:{'|'.join(maintainer.SCRIPTS)})"), maintainer.maintainer_script),
    (re.compile(r"DEBIAN/templates"), debconf.templates),
)
PLACES: Places = (
    *_CONTROL,
    *apparmor.PLACES,
    *autostart.PLACES,
    *boot.PLACES,
    *cron.PLACES,
    *dbus.PLACES,
    *gpg.PLACES,
    *inetd.PLACES,
    *init.PLACES,
    *login_defs.PLACES,
    *modules.PLACES,
    *openssl.PLACES,
    *pam.PLACES,
    *polkit.PLACES,
    *selinux.PLACES,
    *ssh.PLACES,
    *sudoers.PLACES,
    *sysctl.PLACES,
    *udev.PLACES,
    *units.PLACES,
)
"""A pattern for the whole path of a member, and what reads it; the first that fits counts."""


_NAMED = re.compile(r"\(\?P<\w+>")


def _joined(places: Places) -> re.Pattern[str]:
    """One pattern for all, which names the place that fits: a million paths are asked, and few fit any."""
    plain = (_NAMED.sub("(?:", pattern.pattern) for pattern, _ in places)  # names of groups are each pattern's own
    return re.compile("|".join(f"(?P<place{number}>{pattern})" for number, pattern in enumerate(plain)), re.DOTALL)


_ALL = _joined(PLACES)


def placed(path: str) -> Parser | None:
    """What reads the file at that path of a package (without a slash in front); None where nothing does."""
    found = _ALL.fullmatch(path)
    if not found:
        return None
    return next(parser for number, (_, parser) in enumerate(PLACES) if found[f"place{number}"] is not None)
