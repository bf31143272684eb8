"""Whether a JUnit file is what ``archscan report junit`` writes."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from archscan.errors import UsageError
from archscan.reports import content
from archscan.reports.verify.content import Faults, Said, check_fingerprint
from archscan.reports.verify.reading import json_value

if TYPE_CHECKING:
    from pathlib import Path

_FINDING = re.compile(r"(?P<severity>[a-z]+): .* \[(?P<fingerprint>[0-9a-f]{64}) (?P<parts>\[.*\])\]")
_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}

_COMPARED = {"old", "baseline"}  # properties of what `archscan compare` and `archscan baseline check` write


def check(data: bytes, faults: Faults, docs: Path) -> Said:
    """What the file says; its faults are added to ``faults``."""
    try:
        from lxml import etree
    except ImportError as error:
        raise UsageError("to check junit more packages are needed: pip install 'archscan[formats]'") from error
    said = Said(fingerprints=set(), occurrences=Counter())
    # huge_tree lifts the limit of 10 MB for one text; what the file can make of itself is bounded without entities.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        faults.add(f"line {error.lineno}", f"is no XML: {error.msg}")
        return said
    info: Any = root.getroottree().docinfo
    if info.doctype:
        faults.add("", "has a document type; archscan writes none")
        return said
    schema = etree.XMLSchema(etree.parse(docs / "junit.xsd"))
    if not schema.validate(root):
        log: Any = schema.error_log
        for one in log:
            faults.add(f"line {one.line}", one.message)
        return said
    totals: Counter[str] = Counter()
    for suite in root:
        totals.update(_check_suite(suite, faults, said))
    for name in ("tests", *_COUNTS):
        faults.unequal("testsuites", name, int(root.get(name, "")), totals[name])
    assert said.occurrences is not None
    assert said.fingerprints is not None
    said.checked += [
        "follows docs/junit.xsd",
        f"{totals['tests']} tests in {len(root)} suites, {totals['failures']} failures, {totals['errors']} errors",
    ]
    if {one.get("name") for one in root.iter("property")} & _COMPARED:
        said.fingerprints = said.occurrences = None
    else:
        said.checked.append(f"{said.occurrences.total()} occurrences of {len(said.fingerprints)} findings")
    return said


def _check_suite(suite: Any, faults: Faults, said: Said) -> Counter[str]:
    place = f"line {suite.sourceline}: {suite.get('name')}"
    found: Counter[str] = Counter()
    names: set[tuple[str, str]] = set()
    for case in suite.iterchildren("testcase"):
        found["tests"] += 1
        name = (case.get("classname"), case.get("name"))
        if name in names:
            faults.add(f"line {case.sourceline}", f"the test {name[1]} is there twice")
        names.add(name)
        for key, tag in _COUNTS.items():
            found[key] += case.find(tag) is not None
        for text in case.itertext():
            _check_text(f"line {case.sourceline}", text, faults, said)
    for key in ("tests", *_COUNTS):
        faults.unequal(place, key, int(suite.get(key)), found[key])
    return found


def _check_text(place: str, text: str, faults: Faults, said: Said) -> None:
    assert said.fingerprints is not None
    assert said.occurrences is not None
    for line in text.split("\n"):
        match = _FINDING.fullmatch(line)
        if match is None or match["severity"] not in content.SEVERITIES:
            continue
        parts = json_value(match["parts"].encode(), faults, place)
        if not isinstance(parts, list) or len(parts) != 4:
            faults.add(place, "a fingerprint is made of family, source, path key and subject")
            continue
        found = check_fingerprint(place, match["fingerprint"], (parts[0], parts[1], parts[2], parts[3]), faults)
        if found:
            said.fingerprints.add(found)
            said.occurrences[match["severity"]] += 1
