"""What tests of the pool share."""

from __future__ import annotations

import pytest

from archscan.pool.confined import NONE


@pytest.fixture
def helpless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel confines nobody: what can happen on an old one, and what the children of some tests need."""
    monkeypatch.setattr("archscan.pool.child.confine", lambda **_: NONE)
