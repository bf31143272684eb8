"""Archives of packages: suites whose Release was verified, their indices, and the packages that these list."""

from archscan.sources.archive.asked import Archive, Fetcher, Wanted, below, is_mirror
from archscan.sources.archive.configured import with_proxies
from archscan.sources.archive.indices import IndexFile, packages, source_entries, url_of
from archscan.sources.archive.suites import Suite, logins, suites

__all__ = [
    "Archive",
    "Fetcher",
    "IndexFile",
    "Suite",
    "Wanted",
    "below",
    "is_mirror",
    "logins",
    "packages",
    "source_entries",
    "suites",
    "url_of",
    "with_proxies",
]
