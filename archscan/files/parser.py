"""The form of the tables that say which parser reads which path. Each module of parsers has its own ``PLACES``."""

from __future__ import annotations

import re
from collections.abc import Callable

from archscan.model import FileFacts

Parser = Callable[[str, bytes], FileFacts]
Places = tuple[tuple[re.Pattern[str], Parser], ...]  # the expression is held against the whole path
