"""What speaks against a finding without closing it: the maintainer's overrides, and what was decided about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from archscan.reports.content import Row


class Suppression(msgspec.Struct, frozen=True):
    """One reason not to act on a finding; ``accepted`` says whether it counts."""

    by: str  # who says so
    accepted: bool
    justification: str


def suppressions(finding: Row) -> tuple[Suppression, ...]:
    """The suppressions of a row of ``content.findings``; those that are refused are listed, too."""
    override = finding["evidence"]["override"]
    if not override:
        return ()
    said = override["comment"] or "no reason is given"
    text = f"lintian override {override['tag']}: {said}"
    if override["ignored"]:
        text += f" (changes nothing: the program is {override['ignored']})"
    return (Suppression("maintainer", not override["ignored"], text),)
