"""Names of files for what packages, suites and people are called, whatever they are called."""

from __future__ import annotations

import hashlib
import re

_SOURCE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,100}")  # Debian policy 5.6.1, and not longer than a file system bears
_OTHER = re.compile(r"[^a-z0-9]+")
_LONGEST = 40


def source_file(source: str) -> str:
    """Where the JSON of a source package is: as in the pool, ``json/o/openssl.json``, ``json/libx/libxml2.json``.

    A name that no policy allows is in ``json/_/``, by the SHA-256 of the name.
    """
    if not _SOURCE.fullmatch(source) or source.endswith("."):
        return f"json/_/{hashlib.sha256(source.encode('utf-8', 'surrogatepass')).hexdigest()}.json"
    prefix = source[:4] if source.startswith("lib") and len(source) > 3 else source[0]
    return f"json/{prefix.rstrip('.')}/{source}.json"


def page_file(folder: str, name: str) -> str:
    """The page of something in its folder; two names never have the same."""
    plain = _OTHER.sub("-", name.lower())[:_LONGEST].strip("-")
    if plain == name:
        return f"{folder}/{plain}.html"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{folder}/{plain}-{digest}.html" if plain else f"{folder}/{digest}.html"
