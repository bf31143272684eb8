"""Whether a SARIF file is what ``archscan report sarif`` writes."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from archscan.reports.sarif import CHANGE, FINGERPRINT, Tally
from archscan.reports.sarif_rules import LEVELS
from archscan.reports.verify.content import Faults, Said, check_fingerprint, selection_of
from archscan.reports.verify.reading import Schema, json_value, sarif_schema

if TYPE_CHECKING:
    from pathlib import Path


def check(data: bytes, faults: Faults, docs: Path) -> Said:  # noqa: ARG001 - the same for all formats
    """What the file says; its faults are added to ``faults``."""
    value = json_value(data, faults)
    said = Said()
    if faults.any or not Schema("sarif", sarif_schema()).check(value, faults):
        return said
    runs = value["runs"]
    if len(runs) != 1:
        faults.add("/runs", f"archscan writes one run, here are {len(runs)}")
        return said
    _check_run(runs[0], faults, said)
    return said


def _check_run(run: dict[str, Any], faults: Faults, said: Said) -> None:
    rules = run["tool"]["driver"].get("rules", [])
    names = [rule["id"] for rule in rules]
    for name, number in Counter(names).items():
        if number > 1:
            faults.add("/runs/0/tool/driver/rules", f"the rule {name} is there {number} times")
    bases = run.get("originalUriBaseIds", {})
    for number, result in enumerate(run.get("results") or ()):
        _check_rule(f"/runs/0/results/{number}", result, names, faults)
        _check_places(f"/runs/0/results/{number}", result, bases, faults)
    said.checked.append("follows the schema of SARIF 2.1.0 (errata 01)")
    if {"old", "new"} <= run.get("properties", {}).keys():  # by `archscan compare`
        _check_changes(run, faults, said)
    else:
        _check_findings(run, len(names), faults, said)


def _check_findings(run: dict[str, Any], rules: int, faults: Faults, said: Said) -> None:
    tally = Tally()
    said.fingerprints, said.occurrences = set(), Counter()
    for number, result in enumerate(run.get("results") or ()):
        place = f"/runs/0/results/{number}"
        properties = result.get("properties", {})
        parts = tuple(properties.get(name) for name in ("family", "source", "path_key", "subject"))
        found = check_fingerprint(
            f"{place}/partialFingerprints",
            result.get("partialFingerprints", {}).get(FINGERPRINT),
            (parts[0], parts[1], parts[2], parts[3]),
            faults,
        )
        severity = properties.get("severity")
        if LEVELS.get(severity) != result.get("level"):
            faults.add(f"{place}/level", f"is {result.get('level')}, which is not that of severity {severity}")
        elif found:
            tally.add(severity, found)
            said.fingerprints.add(found)
            said.occurrences[severity] += 1
    _check_totals(run, tally, faults)
    said.selection = selection_of(run.get("properties", {}).get("selection"))
    said.checked.append(f"{said.occurrences.total()} results of {len(said.fingerprints)} findings and {rules} rules")


def _check_changes(run: dict[str, Any], faults: Faults, said: Said) -> None:
    seen: set[str] = set()
    for number, result in enumerate(run.get("results") or ()):
        _check_change(f"/runs/0/results/{number}", result, seen, faults)
    said.checked.append(f"{len(seen)} changes")


def _check_change(place: str, result: dict[str, Any], seen: set[str], faults: Faults) -> None:
    found = str(result.get("partialFingerprints", {}).get(CHANGE))
    if not re.fullmatch(r"[0-9a-f]{64}", found):
        faults.add(f"{place}/partialFingerprints", f"a fingerprint has 64 hexadecimal digits, this is {found}")
    elif found in seen:
        faults.add(f"{place}/partialFingerprints", "the same change is there twice")
    seen.add(found)
    worse = result.get("properties", {}).get("effect") == "worse"
    if (result.get("level") == "warning") is not worse:
        faults.add(f"{place}/level", f"is {result.get('level')}, and the effect {'is' if worse else 'is not'} worse")


def _check_rule(place: str, result: dict[str, Any], names: list[str], faults: Faults) -> None:
    index, name = result.get("ruleIndex", -1), result.get("ruleId")
    if index == -1:
        if name not in names:
            faults.add(f"{place}/ruleId", f"no rule {name} is described")
    elif index >= len(names):
        faults.add(f"{place}/ruleIndex", f"is {index}, but there are {len(names)} rules")
    elif names[index] != name:
        faults.add(f"{place}/ruleIndex", f"{index} is the rule {names[index]}, and ruleId says {name}")


def _check_places(place: str, result: dict[str, Any], bases: dict[str, Any], faults: Faults) -> None:
    for key in ("locations", "relatedLocations"):
        for number, location in enumerate(result.get(key, ())):
            base = location.get("physicalLocation", {}).get("artifactLocation", {}).get("uriBaseId")
            if base is not None and base not in bases:
                faults.add(f"{place}/{key}/{number}", f"the uriBaseId {base} is not among originalUriBaseIds")


def _check_totals(run: dict[str, Any], tally: Tally, faults: Faults) -> None:
    properties = run.get("properties", {})
    for name, found in tally.said().items():
        faults.unequal("/runs/0/properties", name, properties.get(name), found)
    notes = [note for one in run.get("invocations", ()) for note in one.get("toolExecutionNotifications", ())]
    problems = sum(str(note.get("descriptor", {}).get("id", "")).startswith("problem/") for note in notes)
    faults.unequal("/runs/0/properties", "problems", properties.get("problems"), problems)
