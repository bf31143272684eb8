"""How somebody wants to scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from archscan import store
from archscan.model import Limits
from archscan.scan.archives import Archives


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to scan. ``data`` are the folders of rules and catalogue, ours first.

    ``facts`` are the kinds that are wanted; what cannot hold any is not unpacked, unless ``thorough``. ``release`` is
    that of the packages, such as ``debian/trixie``, where somebody says so. ``executor`` is the address of a cluster
    that reads them instead of this machine; ``installed`` says of which version archscan is, there too.
    """

    database: Path
    data: tuple[Path, ...]
    command: str
    workers: int = 1
    limits: Limits = Limits()
    retry: bool = False
    exports: bool = False
    facts: tuple[str, ...] = ("elf", "files")
    thorough: bool = False
    release: str | None = None
    archives: Archives = Archives()
    shard: store.Shard | None = None
    executor: str | None = None
    installed: Callable[[], Mapping[str, str]] = dict
