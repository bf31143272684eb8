"""What packages are, as a text that somebody has reviewed and that lives in version control.

``facts`` are the lines that a database gives now, ``text`` the file, ``acceptance`` how a reviewer takes what is other,
``manifest`` which files somebody has read, and how long ago.
"""

from __future__ import annotations

from archscan.baseline.drift import Drift, drift
from archscan.baseline.facts import FACETS, Fact, Selection, facts
from archscan.baseline.text import Baseline, parsed, read, text

__all__ = ["FACETS", "Baseline", "Drift", "Fact", "Selection", "drift", "facts", "parsed", "read", "text"]
