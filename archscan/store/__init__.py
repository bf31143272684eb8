"""The database: opened, brought up to date, written, dumped. Only one process writes."""

from archscan.store.database import open_readonly, open_store
from archscan.store.debug import debug_wanted, write_debug, write_problems
from archscan.store.dump import dump
from archscan.store.metrics import write_metrics
from archscan.store.publishing import (
    leave,
    met_index_again,
    newest_date,
    publish,
    publish_sources,
    unchanged,
)
from archscan.store.queue import Passed, Queued, Shard, in_shard, known_packages, published, queue
from archscan.store.writer import (
    Extraction,
    fill_algorithms,
    finish_scan,
    give_release,
    is_whole,
    met_again,
    start_scan,
    unjudged,
    write,
    write_all,
)

__all__ = [
    "Extraction",
    "Passed",
    "Queued",
    "Shard",
    "debug_wanted",
    "dump",
    "fill_algorithms",
    "finish_scan",
    "give_release",
    "in_shard",
    "is_whole",
    "known_packages",
    "leave",
    "met_again",
    "met_index_again",
    "newest_date",
    "open_readonly",
    "open_store",
    "publish",
    "publish_sources",
    "published",
    "queue",
    "start_scan",
    "unchanged",
    "unjudged",
    "write",
    "write_all",
    "write_debug",
    "write_metrics",
    "write_problems",
]
