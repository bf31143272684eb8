"""What speaks against a finding without closing it: the maintainer's overrides, and what was decided about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archscan.reports.content import Row

NOTHING_TO_DO = ("DNE", "not-affected", "ignored", "deferred", "false-positive", "waiver", "accepted")
"""States of decisions after which a finding is nobody's work."""


class Suppression(msgspec.Struct, frozen=True):
    """One reason not to act on a finding; ``accepted`` says whether it counts."""

    by: str  # who says so
    accepted: bool
    justification: str


def suppressions(finding: Row) -> tuple[Suppression, ...]:
    """The suppressions of a row of ``content.findings``; those that are refused are listed, too."""
    return (*_overrides(finding["evidence"]["override"]), *_decisions(finding["decision"]))


def _overrides(override: Row | None) -> Iterator[Suppression]:
    if not override:
        return
    said = override["comment"] or "no reason is given"
    text = f"lintian override {override['tag']}: {said}"
    if override["ignored"]:
        text += f" (changes nothing: the program is {override['ignored']})"
    yield Suppression("maintainer", not override["ignored"], text)


def _decisions(decision: Row | None) -> Iterator[Suppression]:
    """A decision suppresses where nothing is left to do: that something is needed, or due again, is no reason."""
    if decision is None or decision["state"] not in NOTHING_TO_DO:
        return
    about = " (still listed: the program is privileged)" if decision["privileged"] else ""
    due = f" (needs-triage: {decision['due']})" if decision["due"] else ""
    text = f"{decision['state']}: {decision['reason'] or 'no reason is given'}{about}{due}"
    yield Suppression(decision["authority"] or "triage", not (decision["due"] or decision["privileged"]), text)
