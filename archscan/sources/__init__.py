"""Where packages come from: what a person names on the command line, as jobs."""

from archscan.sources.addresses import discreet
from archscan.sources.caps import Caps
from archscan.sources.fetch import Fetcher, Fetching
from archscan.sources.opening import identified, opened, opened_path, openers
from archscan.sources.targets import Targets, Unmatched, expanded

__all__ = [
    "Caps",
    "Fetcher",
    "Fetching",
    "Targets",
    "Unmatched",
    "discreet",
    "expanded",
    "identified",
    "opened",
    "opened_path",
    "openers",
]
