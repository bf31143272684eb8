"""A source package as a tracker takes it: one JSON file, described in docs/consumers.md and docs/source.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archscan.site.packages import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archscan.site.findings import Finding
    from archscan.site.packages import Source

SCHEMA = "archscan-source/1"
"""What the files say they are; the number grows when a reader of the old ones would go wrong."""

MOST = 40
"""Findings of a source that are listed; the others are counted."""

_LONGEST = 300
_COUNTED = "negligible"


def document(source: Source, findings: Sequence[Finding]) -> dict[str, Any]:
    """The document of a source with its open findings, the worst first; what is zero is left out of counts."""
    listed = [one for one in findings if one.severity != _COUNTED][:MOST]
    return {
        "schema": SCHEMA,
        "source": source.name,
        "maintainer": source.maintainer,
        "score": source.score,
        "open": {word: number for word, number in zip(SEVERITIES, source.open, strict=True) if number},
        "decided": source.decided,
        "overridden": source.overridden,
        "packages": [
            {
                "name": one.name,
                "version": one.version,
                "architecture": one.architecture,
                "status": one.status,
                "places": ["/".join(place) for place in one.places],
            }
            for one in source.packages
        ],
        "rules": _rules(findings),
        "findings": [
            {
                "rule": one.rule,
                "severity": one.severity,
                "confidence": one.confidence,
                "path": one.path[:_LONGEST],
                "subject": one.subject[:_LONGEST],
                "standing": one.standing,
                "fingerprint": one.fingerprint,
            }
            for one in listed
        ],
        "left_out": len(findings) - len(listed),
    }


def _rules(findings: Sequence[Finding]) -> dict[str, dict[str, int]]:
    """Of each rule how many findings are open, decided and overridden."""
    found: dict[str, dict[str, int]] = {}
    for one in findings:
        standing = one.standing if one.standing in ("open", "overridden") else "decided"
        counts = found.setdefault(one.rule, {})
        counts[standing] = counts.get(standing, 0) + 1
    return dict(sorted(found.items()))


def encoded(source: Source, findings: Sequence[Finding]) -> bytes:
    """The document as it is written: one line of ASCII."""
    return (json.dumps(document(source, findings), ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")
