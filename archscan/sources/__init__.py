"""Where packages come from: what a person names on the command line, as jobs."""

from archscan.sources.opening import opened, opened_path, opener
from archscan.sources.targets import Targets, Unmatched, expanded

__all__ = ["Targets", "Unmatched", "expanded", "opened", "opened_path", "opener"]
