"""A source package as a tracker takes it: one JSON file, by reports/site/source.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archscan.site.packages import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archscan.site.findings import Finding
    from archscan.site.packages import Package, Source

SCHEMA = "archscan-source/1"
"""What the files say they are; the number grows when a reader of the old ones would go wrong."""

MOST, LEAST = 50, 6
"""Findings of medium severity and above of a source that are listed, and how many are where these are fewer."""

DIGITS = 16
"""Of a fingerprint; enough for ``archscan triage`` and ``archscan explain``."""

_LONGEST = 200
_MEDIUM = SEVERITIES.index("medium")


def document(source: Source, findings: Sequence[Finding]) -> dict[str, Any]:
    """The document of a source with its open findings, the worst first; what is zero or as always is left out."""
    serious = sum(one.rank <= _MEDIUM for one in findings)
    listed = findings[: min(MOST, max(LEAST, serious))]
    return {
        "schema": SCHEMA,
        "source": source.name,
        "maintainer": source.maintainer,
        "score": source.score,
        "open": {word: number for word, number in zip(SEVERITIES, source.open, strict=True) if number},
        "decided": source.decided,
        "overridden": source.overridden,
        "places": sorted("/".join(place) for place in source.places),
        "packages": [_package(one) for one in source.packages],
        "rules": _rules(findings),
        "findings": [_finding(one) for one in listed],
        "left_out": len(findings) - len(listed),
    }


def _package(one: Package) -> dict[str, str]:
    named = {"name": one.name, "version": one.version, "architecture": one.architecture}
    return named if one.status == "complete" else {**named, "status": one.status}


def _finding(one: Finding) -> dict[str, str]:
    told = {
        "rule": one.rule,
        "severity": one.severity,
        "path": one.path[:_LONGEST],
        "subject": one.subject[:_LONGEST],
        "fingerprint": one.fingerprint[:DIGITS],
    }
    return told if one.standing == "open" else {**told, "standing": one.standing}


def _rules(findings: Sequence[Finding]) -> dict[str, dict[str, int]]:
    """Of each rule how many findings are open, decided and overridden."""
    found: dict[str, dict[str, int]] = {}
    for one in findings:
        counts = found.setdefault(one.rule, {})
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return dict(sorted(found.items()))


def encoded(source: Source, findings: Sequence[Finding]) -> bytes:
    """The document as it is written: one line of ASCII."""
    return (json.dumps(document(source, findings), ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")
