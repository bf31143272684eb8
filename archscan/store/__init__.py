"""The database: opened, brought up to date, written, dumped. Only one process writes."""

from archscan.store.database import open_readonly, open_store
from archscan.store.debug import debug_wanted, write_debug, write_problems
from archscan.store.dump import dump
from archscan.store.metrics import write_metrics
from archscan.store.writer import (
    Extraction,
    fill_algorithms,
    finish_scan,
    give_release,
    is_whole,
    known_packages,
    met_again,
    start_scan,
    unjudged,
    write,
)

__all__ = [
    "Extraction",
    "debug_wanted",
    "dump",
    "fill_algorithms",
    "finish_scan",
    "give_release",
    "is_whole",
    "known_packages",
    "met_again",
    "open_readonly",
    "open_store",
    "start_scan",
    "unjudged",
    "write",
    "write_debug",
    "write_metrics",
    "write_problems",
]
