"""Whether a CycloneDX bill is what ``archscan report cyclonedx`` writes."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from archscan.reports.verify.content import Faults, Said, selection_of
from archscan.reports.verify.reading import Schema, bill_schemas, json_value, pointer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOTALS = ("packages", "files", "assets", "occurrences")


def check(data: bytes, faults: Faults, docs: Path) -> Said:  # noqa: ARG001 - the same for all formats
    """What the bill says; its faults are added to ``faults``."""
    value = json_value(data, faults)
    said = Said()
    if faults.any:
        return said
    schemas = bill_schemas()
    main = next(schema for name, schema in schemas.items() if "/bom-" in name)
    if not Schema("cyclonedx", main, schemas).check(value, faults):
        return said
    refs: dict[str, str] = {}
    said.packages, totals = set(), Counter[str]()
    for place, component in _components(value.get("components", []), ["components"]):
        _check_component(place, component, refs, faults)
        _count(component, totals, said.packages)
    _check_dependencies(value.get("dependencies", []), refs, faults)
    properties = {one["name"].removeprefix("archscan:"): one.get("value") for one in value.get("properties", ())}
    for name in _TOTALS:
        faults.unequal("/properties", name, properties.get(name), str(totals[name]))
    said.uses = totals["occurrences"]
    said.selection = selection_of(_selection(properties.get("selection")))
    said.checked += [
        "follows the schema of CycloneDX 1.6",
        ", ".join(f"{totals[name]} {name}" for name in _TOTALS),
    ]
    return said


def _selection(text: str | None) -> object:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _components(components: list[Any], path: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All components with their places; the schema has no end to how deep they lie in each other, JSON readers have."""
    waiting = [(path, components)]
    while waiting:
        where, some = waiting.pop()
        for number, component in enumerate(some):
            here = [*where, number]
            yield pointer(here), component
            if component.get("components"):
                waiting.append(([*here, "components"], component["components"]))


def _check_component(place: str, component: dict[str, Any], refs: dict[str, str], faults: Faults) -> None:
    ref = component.get("bom-ref")
    if ref is None:
        faults.add(place, "has no bom-ref")
    elif ref in refs:
        faults.add(place, f"the bom-ref {ref} is that of {refs[ref]}, too")
    else:
        refs[ref] = place
    if ref and ref.startswith("deb:") and component["type"] != "file":
        hashes = {one["alg"]: one["content"] for one in component.get("hashes", ())}
        if ref != f"deb:{hashes.get('SHA-256')}":
            faults.add(place, f"the bom-ref {ref} is not that of its SHA-256 {hashes.get('SHA-256')}")


def _count(component: dict[str, Any], totals: Counter[str], packages: set[str]) -> None:
    if component["type"] == "cryptographic-asset":
        totals["assets"] += 1
        totals["occurrences"] += len(component.get("evidence", {}).get("occurrences", ()))
    elif component["type"] == "file":
        totals["files"] += 1
    else:
        totals["packages"] += 1
        packages.update(one["content"] for one in component.get("hashes", ()) if one["alg"] == "SHA-256")


def _check_dependencies(dependencies: list[Any], refs: dict[str, str], faults: Faults) -> None:
    seen: set[str] = set()
    for number, one in enumerate(dependencies):
        place = f"/dependencies/{number}"
        if one["ref"] in seen:
            faults.add(place, f"{one['ref']} is there twice")
        seen.add(one["ref"])
        for name in (one["ref"], *one.get("dependsOn", ()), *one.get("provides", ())):
            if name not in refs:
                faults.add(place, f"no component has the bom-ref {name}")
