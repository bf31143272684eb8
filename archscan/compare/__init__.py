"""What changed between two states of packages: what got worse, what got better, and what a reviewer wants to know.

A state is a database, or a suite of one. Packages are the same by name and architecture; of each state the newest
version counts. What one state has not read is not held against the other: that is said instead.
"""

from __future__ import annotations

from archscan.compare.change import Change, Effect
from archscan.compare.differences import differences
from archscan.compare.facets import FACETS
from archscan.compare.states import State, state, state_of

__all__ = ["FACETS", "Change", "Effect", "State", "differences", "state", "state_of"]
