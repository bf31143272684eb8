"""Where packages come from: what a person names on the command line, as jobs."""

from archscan.sources.caps import Caps
from archscan.sources.fetch import Fetcher
from archscan.sources.opening import opened, opened_path
from archscan.sources.targets import Targets, Unmatched, expanded

__all__ = ["Caps", "Fetcher", "Targets", "Unmatched", "expanded", "opened", "opened_path"]
