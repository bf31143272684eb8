"""Where a finding is, as SARIF says it: a file of a package, an address in it, the function, the source line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from archscan.model import unescape
from archscan.reports.cells import shown
from archscan.reports.sarif_rules import message
from archscan.store.places import line_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from archscan.reports.content import Row

SOURCE = "SOURCE"
_LARGEST = (1 << 63) - 1  # absoluteAddress is an integer that others read into 64 bits with a sign
_ADDRESS = re.compile(r"(?:(?P<section>.*)\+)?0x(?P<number>[0-9a-f]{1,16})", re.DOTALL)
_LINE = re.compile(r"(?P<file>.+):(?P<line>[1-9][0-9]{0,8})", re.DOTALL)
_LINES = f"""
SELECT j.value, {line_of("o.elf_id", "j.value")}
FROM json_each(?) j, occurrence o JOIN finding f ON f.id = o.finding_id JOIN package p ON p.id = o.package_id
WHERE f.fingerprint = ? AND o.path IS ? AND p.name IS ? AND p.version IS ? AND p.architecture IS ?
"""


def uri(stored: str) -> str:
    """A stored path as a relative reference (RFC 3986): its bytes, percent-encoded where they must be."""
    return quote(unescape(stored).lstrip(b"/"), safe="/") or "."


def package_base(row: Row, bases: dict[str, Row]) -> Callable[[str], Row]:
    """What makes an artifactLocation of a path in the package of a row; ``bases`` gets the package (§3.14.14)."""
    name = shown("_".join(str(row[part] or "-") for part in ("package", "version", "architecture")))
    bases.setdefault(name, {"description": message(f"the root of the package {name}")})
    return lambda path: {"uri": uri(path), "uriBaseId": name}


def locations(finding: Row, bases: dict[str, Row]) -> list[Row]:
    """The places of a finding, at least one: each with the package, the file, and where known function and address."""
    base = package_base(finding, bases)
    package = {"name": shown(finding["package"]), "kind": "package", "fullyQualifiedName": shown(finding["package"])}
    if finding["path"] is None:
        return [{"logicalLocations": [package]}]
    artifact = base(finding["path"])
    whole = f"{package['name']}/{shown(finding['path'])}"
    module = {"name": shown(finding["path"].rpartition("/")[2]), "kind": "module", "fullyQualifiedName": whole}
    found: list[Row] = []
    for site in finding["evidence"]["sites"] or [{}]:
        one: Row = {"physicalLocation": {"artifactLocation": artifact}, "logicalLocations": [package, module]}
        if address := _address(site.get("address")):
            one["physicalLocation"]["address"] = address
        line = site.get("line")
        if isinstance(line, int) and line > 0:  # of a script or a configuration file, which is the artifact itself
            one["physicalLocation"]["region"] = {"startLine": line}
        function = site.get("named") or site.get("function")
        if isinstance(function, str) and function:
            name = shown(function)
            kind = {"name": name, "kind": "function", "fullyQualifiedName": f"{whole}#{name}"}
            one["logicalLocations"] = [package, module, kind]
        if one not in found:
            found.append(one)
    return found


def _address(value: object) -> Row | None:
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    number = int(match["number"], 16)
    found: Row = {"kind": "instruction", "fullyQualifiedName": shown(value)}
    if match["section"]:
        found["name"] = shown(match["section"])
    elif number <= _LARGEST:
        found["absoluteAddress"] = number
    return found


def sources(connection: sqlite3.Connection, finding: Row, bases: dict[str, Row]) -> list[Row]:
    """Source lines of the places, where debug symbols gave them: ``relatedLocations``, in the order of the places."""
    known = _lines(connection, finding)
    found: list[Row] = []
    for site in finding["evidence"]["sites"]:
        for address, file, line in _source_places(site, known):
            bases.setdefault(SOURCE, {"description": message("where the compiler ran, or the root of the source")})
            place = {
                "artifactLocation": {"uri": uri(file), "uriBaseId": SOURCE},
                "region": {"startLine": line},
            }
            said = f"source of {address}: {file}:{line}" if address else f"source: {file}:{line}"
            one = {"physicalLocation": place, "message": message(said)}
            if one not in found:
                found.append(one)
    return [{"id": number, **one} for number, one in enumerate(found)]


def _source_places(site: Row, known: dict[object, str]) -> Iterator[tuple[str | None, str, int]]:
    """Address, file and line of what a site names itself, and of the places of its verdict."""
    line = site.get("line") or known.get(site.get("address"))
    match = _LINE.fullmatch(line) if isinstance(line, str) else None
    if match:
        yield site.get("address"), match["file"], int(match["line"])
    for one in site.get("lines") or ():
        if one["line"] > 0:
            yield one["address"], one["file"], one["line"]


def _lines(connection: sqlite3.Connection, finding: Row) -> dict[object, str]:
    """Lines that the evidence does not have, as debug symbols came after it: by address."""
    asked = [site["address"] for site in finding["evidence"]["sites"] if site.get("address") and not site.get("line")]
    if not asked:
        return {}
    key = [finding[name] for name in ("fingerprint", "path", "package", "version", "architecture")]
    return {address: line for address, line in connection.execute(_LINES, (json.dumps(asked), *key)) if line}
