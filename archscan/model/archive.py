"""What the indices of an archive say of packages, also of those that nobody has read yet."""

from __future__ import annotations

import msgspec

from archscan.model.text import Sha256, Size, Text


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """One Packages file of a suite, and what the suite's Release file says of it. Dates are ISO 8601, in UTC."""

    origin: Text  # such as Debian; empty where Release has none
    suite: Text  # Release's Suite where it begins with the Codename (jammy-updates), else the Codename
    component: Text
    architecture: Text  # of the folder, binary-amd64; the packages in it may be `all`
    base: Text  # URL that `Filename:` counts from, without user and password
    date: Text | None
    valid_until: Text | None
    signed_by: Text | None  # fingerprint of the key; None: the signature was not checked
    sha256: Sha256  # of the file as Release lists it without compression: the same as last time, nothing changed


class Published(msgspec.Struct, frozen=True, array_like=True):
    """One paragraph of a Packages file."""

    name: Text
    version: Text
    architecture: Text
    section: Text | None
    priority: Text | None
    source: Text
    source_version: Text
    filename: Text  # below the archive's base
    size: Size
    sha256: Sha256


class SourceEntry(msgspec.Struct, frozen=True, array_like=True):
    """One paragraph of a Sources file: who is responsible, and where the package is kept."""

    name: Text
    version: Text
    maintainer: Text | None
    uploaders: Text | None
    vcs_browser: Text | None
    vcs: Text | None  # kind and address: `Git https://…`
