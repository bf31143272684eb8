"""Whether a JSON report, or a file of JSON lines, is what ``archscan report`` writes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from archscan.reports import content
from archscan.reports.verify.content import Faults, Said, check_fingerprint, selection_of
from archscan.reports.verify.reading import Schema, json_value, own_schema

if TYPE_CHECKING:
    from pathlib import Path

_PLACE = ("fingerprint", "package", "version", "architecture", "path")


def check(data: bytes, faults: Faults, docs: Path) -> Said:
    """What the report says; its faults are added to ``faults``."""
    value = json_value(data, faults)
    said = Said()
    schema = own_schema(docs)
    if faults.any or not Schema("json", schema).check(value, faults):
        return said
    seen = _Findings(faults)
    for number, finding in enumerate(value["findings"]):
        seen.add(f"/findings/{number}", finding)
    seen.say(said)
    counts = value["counts"]
    opened = sum(tally["open"] for tally in counts["findings"].values())
    faults.unequal("/counts/findings", "the number of open findings", opened, len(seen.fingerprints))
    faults.unequal("/rules", "the sum of open findings", sum(rule["open"] for rule in value["rules"]), opened)
    faults.unequal("/counts", "problems", counts["problems"], len(value["problems"]))
    faults.unequal("/counts", "privileged_files", counts["privileged_files"], len(value["privileged_files"]))
    whole = counts["packages"]["partial"] + counts["packages"]["unreadable"]
    faults.unequal("/counts/packages", "partial and unreadable", whole, len(value["packages_not_whole"]))
    said.counts = counts
    said.selection = selection_of(value["selection"])
    said.checked.insert(0, f"follows {schema['$id']}")
    return said


def check_lines(data: bytes, faults: Faults, docs: Path) -> Said:
    """What the lines say; their faults are added to ``faults``."""
    schema = own_schema(docs)
    of_line = Schema("jsonl", {"$schema": schema["$schema"], "$ref": "#/$defs/finding", "$defs": schema["$defs"]})
    said, seen = Said(), _Findings(faults)
    if data and not data.endswith(b"\n"):
        faults.add("", "the last line has no end: the file was cut off")
    for number, line in enumerate(data.splitlines(), 1):
        value = json_value(line, faults, f"line {number}")
        if value is not None and of_line.check(value, faults, f"line {number} "):
            seen.add(f"line {number}", value)
    seen.say(said)
    said.checked.insert(0, f"each line follows finding of {schema['$id']}")
    return said


class _Findings:
    """The findings of a file, as they come: each place once, the most severe first."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._places: set[tuple[Any, ...]] = set()
        self._last = 0
        self.fingerprints: set[str] = set()
        self._occurrences: Counter[str] = Counter()

    def add(self, place: str, finding: dict[str, Any]) -> None:
        """Check one that follows the schema."""
        parts = (finding["family"], finding["source"], finding["path_key"], finding["subject"])
        check_fingerprint(place, finding["fingerprint"], parts, self._faults)
        where = tuple(finding[name] for name in _PLACE)
        if where in self._places:
            self._faults.add(place, "the same finding is there twice for one file of one package")
        self._places.add(where)
        rank = content.SEVERITIES.index(finding["severity"])
        if rank < self._last:
            self._faults.add(place, f"{finding['severity']} comes after less severe findings")
        self._last = max(rank, self._last)
        self.fingerprints.add(finding["fingerprint"])
        self._occurrences[finding["severity"]] += 1

    def say(self, said: Said) -> None:
        """Put into ``said`` what was found."""
        said.fingerprints, said.occurrences = self.fingerprints, self._occurrences
        said.checked.append(f"{self._occurrences.total()} occurrences of {len(self.fingerprints)} findings")
