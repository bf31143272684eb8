"""Packages, their objects and the cryptography in them as a CycloneDX 1.6 bill of materials, in JSON.

Components are made by cyclonedx-python-lib one at a time and written at once: a whole archive is never held in memory.
The same database gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from archscan import __version__
from archscan.errors import UsageError
from archscan.model import unescape
from archscan.reports import content, json_stream
from archscan.reports.assets import Asset, Assets, reference

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import TextIO

    from cyclonedx.model.component import Component

    from archscan.reports.content import Row
    from archscan.reports.selection import Selection

SPEC = "1.6"
_NAMESPACE = uuid.UUID("6172f8c4-0a4e-5a0b-9d7a-5b0c2f6d1e01")  # ours, for serial numbers made of what was read
_PROGRAMS = ("executable", "pie", "static-executable", "static-pie")

_PACKAGES = """
SELECT p.id, p.name, p.version, p.architecture, p.source, p.source_version, p.sha256, p.maintainer, p.control_section,
       p.status, r.distribution, r.release
FROM current_package p LEFT JOIN package_release r ON r.package_id = p.id
ORDER BY p.name, p.architecture, p.version_key, p.sha256
"""
# A path that is there twice in a package counts once: as it is installed, by its last member.
_OBJECTS = """
SELECT path, max(id) AS id, sha256, size, kind, language FROM elf WHERE package_id = ? GROUP BY path
UNION ALL
SELECT f.path, max(f.id), NULL, f.size, f.kind, NULL FROM file f
WHERE f.package_id = ?1 AND f.id IN (SELECT u.file_id FROM crypto_use u WHERE u.elf_id IS NULL)
  AND f.path NOT IN (SELECT e.path FROM elf e WHERE e.package_id = ?1)
GROUP BY f.path
ORDER BY path
"""
_USES = """
SELECT archscan_asset(u.algorithm, u.role, u.symbol, u.argument) AS asset, u.algorithm, u.strength, u.role, u.evidence,
       u.confidence, u.symbol, u.argument, u.address, u.line AS script_line, w.line,
       coalesce(c.context, '') AS context, p.name AS package,
       p.version, p.architecture, p.sha256 AS package_sha256, r.distribution, r.release,
       coalesce(e.path, f.path) AS path
FROM crypto_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
LEFT JOIN package_release r ON r.package_id = p.id
JOIN use_place w ON w.use_id = u.id
LEFT JOIN crypto_context c ON c.use_id = u.id
WHERE asset IS NOT NULL
"""
_BY_ASSET = f"""{_USES}
ORDER BY asset, p.name, p.architecture, p.version_key, p.sha256, coalesce(e.path, f.path), length(u.address), u.address,
         u.symbol, u.id
"""
_ASSETS = """
SELECT archscan_asset(u.algorithm, u.role, u.symbol, u.argument) AS asset, u.algorithm, u.strength,
       group_concat(DISTINCT u.role) AS roles, a.family, a.note
FROM crypto_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
LEFT JOIN algorithm a ON a.name = u.algorithm
WHERE asset IS NOT NULL
GROUP BY asset ORDER BY asset
"""
# Who has an implementation inside provides an algorithm; who calls one depends on it.
_DEPENDENCIES = """
SELECT DISTINCT p.name, p.sha256 AS package_sha256, coalesce(e.path, f.path) AS path,
       archscan_asset(u.algorithm, u.role, u.symbol, u.argument) AS asset,
       u.role = 'provider' OR u.evidence IN ('constant', 'instruction', 'language') AS provides
FROM crypto_use u
LEFT JOIN elf e ON e.id = u.elf_id
LEFT JOIN file f ON f.id = u.file_id
JOIN current_package p ON p.id = coalesce(e.package_id, f.package_id)
WHERE asset IS NOT NULL
ORDER BY p.name, p.sha256, coalesce(e.path, f.path), asset, provides
"""


def write(
    connection: sqlite3.Connection, stream: TextIO, generated: str | None, selection: Selection, book: Path
) -> None:
    """Write the bill to ``stream``. ``generated`` is its time; without one it is that of the last scan.

    ``book`` is ``reports/assets.toml``. Raises UsageError where cyclonedx-python-lib is not installed.
    """
    try:
        import cyclonedx  # noqa: F401
    except ImportError as error:
        raise UsageError("cyclonedx needs more packages: pip install 'archscan[formats]'") from error
    assets = Assets(book)
    connection.create_function("archscan_asset", 4, _asset_key(assets), deterministic=True)
    json_stream.write(json_stream.Members(_bill(connection, generated, selection, assets)), stream)
    stream.write("\n")


def _asset_key(assets: Assets) -> Any:
    def key(algorithm: str, role: str, symbol: str | None, argument: str | None) -> str | None:
        found = assets.of(algorithm, role, symbol, argument)
        return None if found is None else json.dumps([found.algorithm, found.hmac, found.size, found.mode])

    return key


def _asset(key: str) -> Asset:
    return Asset(*json.loads(key))


def _bill(
    connection: sqlite3.Connection, generated: str | None, selection: Selection, assets: Assets
) -> Iterator[tuple[str, Any]]:
    scan = content.last_scan(connection)
    time = generated or (str(scan["finished"] or scan["started"]) if scan else None)
    totals = {"packages": 0, "files": 0, "assets": 0, "occurrences": 0}
    yield "$schema", f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json"
    yield "bomFormat", "CycloneDX"
    yield "specVersion", SPEC
    yield "serialNumber", f"urn:uuid:{_serial(connection, selection, time)}"
    yield "version", 1
    tool = {"type": "application", "name": "archscan", "version": __version__}
    metadata = {"timestamp": time, "lifecycles": [{"phase": "post-build"}], "tools": {"components": [tool]}}
    yield "metadata", {key: value for key, value in metadata.items() if value}
    yield "components", _components(connection, assets, totals)
    yield "dependencies", _dependencies(connection)
    said = {**totals, "selection": json_stream.text(selection.described())}
    yield "properties", [{"name": f"archscan:{key}", "value": str(value)} for key, value in said.items()]


def _serial(connection: sqlite3.Connection, selection: Selection, time: str | None) -> uuid.UUID:
    """The same for the same packages, read by the same archscan: a second writing of one bill is that bill."""
    digest = hashlib.sha256(json.dumps([__version__, time, selection.described()]).encode())
    for row in connection.execute("SELECT sha256, extractor, facts FROM current_package ORDER BY sha256"):
        digest.update("\0".join(row).encode())
    return uuid.uuid5(_NAMESPACE, digest.hexdigest())


def _components(connection: sqlite3.Connection, assets: Assets, totals: dict[str, int]) -> Iterator[Any]:
    for package in content.rows(connection, _PACKAGES):
        objects = list(content.rows(connection, _OBJECTS, (package["id"],)))
        totals["packages"] += 1
        totals["files"] += len(objects)
        yield _as_json(_package(package, objects))
    described = {row["asset"]: row for row in content.rows(connection, _ASSETS)}
    for key, uses in groupby(content.rows(connection, _BY_ASSET), lambda row: str(row["asset"])):
        row = described[key]
        totals["assets"] += 1
        facts = {name: row[name] for name in ("strength", "family", "note")}
        component = _as_json(assets.component(_asset(key), row["roles"].split(","), facts))
        evidence = json_stream.Members([("occurrences", _occurrences(uses, totals))])
        yield json_stream.Members([*component.items(), ("evidence", evidence)])


def _as_json(component: Component) -> Row:
    from cyclonedx.schema.schema import SchemaVersion1Dot6

    found = json.loads(component.as_json(view_=SchemaVersion1Dot6))  # type: ignore[attr-defined]
    assert isinstance(found, dict)
    return found


def _package(package: Row, objects: list[Row]) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType

    library = (package["control_section"] or "").rpartition("/")[2] in ("libs", "oldlibs", "libdevel")
    facts = ("status", "architecture", "source", "source_version")
    return Component(
        name=package["name"] or "unnamed",
        type=ComponentType.LIBRARY if library else ComponentType.APPLICATION,
        version=package["version"],
        publisher=package["maintainer"],
        bom_ref=_package_reference(package["sha256"]),
        purl=_purl(package),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package["sha256"])],
        properties=[Property(name=f"archscan:{name}", value=package[name]) for name in facts if package[name]],
        components=[_file(package["sha256"], one) for one in objects],
    )


def _file(package: str, one: Row) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.component import Component, ComponentType

    facts = {name: one[name] for name in ("kind", "language") if one[name]}
    facts["program"] = "yes" if one["kind"] in _PROGRAMS else "no"
    return Component(
        name=one["path"],
        type=ComponentType.FILE,
        bom_ref=_file_reference(package, one["path"]),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one["sha256"])] if one["sha256"] else [],
        properties=[Property(name=f"archscan:{name}", value=value) for name, value in facts.items()],
    )


def _package_reference(sha256: str) -> str:
    return f"deb:{sha256}"


def _file_reference(sha256: str, path: str) -> str:
    return f"{_package_reference(sha256)}/{quote(unescape(path), safe='/')}"


def _purl(package: Row, subpath: str | None = None) -> Any:
    """``pkg:deb/debian/sudo@1.9.13p3-1?arch=amd64`` (package-url's type deb); None for what cannot have one."""
    from packageurl import PackageURL

    distribution, release = package["distribution"], package["release"]
    qualifiers = {"arch": package["architecture"]}
    if distribution and release:
        qualifiers["distro"] = f"{distribution}-{release}"
    try:
        return PackageURL(
            type="deb",
            namespace=distribution,
            name=package["name"],
            version=package["version"],
            qualifiers={key: value for key, value in qualifiers.items() if value},
            subpath=subpath,
        )
    except ValueError:  # a name that is empty
        return None


def _occurrences(uses: Iterable[Row], totals: dict[str, int]) -> Iterator[Row]:
    for use in uses:
        totals["occurrences"] += 1
        package = {**use, "name": use["package"]}
        where = _purl(package, use["path"])
        found: Row = {"location": where.to_string() if where else use["path"]}
        line = str(use["script_line"] or (use["line"] or "").rpartition(":")[2])
        if line.isascii() and line.isdecimal() and len(line) < 10:
            found["line"] = int(line)
        address = use["address"] or ""
        if address.startswith("0x") and len(address) <= 17:  # below 2**60: what every reader takes
            found["offset"] = int(address, 16)
        if use["symbol"]:
            found["symbol"] = use["symbol"]
        said = ("role", "evidence", "confidence", "context", "argument", "line")
        found["additionalContext"] = "; ".join(f"{key} {use[key]}" for key in said if use[key])
        yield found


def _dependencies(connection: sqlite3.Connection) -> Iterator[Row]:
    found = content.rows(connection, _DEPENDENCIES)
    for sha256, of_package in groupby(found, lambda row: str(row["package_sha256"])):
        both: dict[bool, dict[str, None]] = {False: {}, True: {}}
        for path, of_file in groupby(of_package, lambda row: str(row["path"])):
            own: dict[bool, dict[str, None]] = {False: {}, True: {}}
            for row in of_file:
                ref = reference(_asset(row["asset"]))
                own[bool(row["provides"])][ref] = both[bool(row["provides"])][ref] = None
            yield _dependency(_file_reference(sha256, path), own)
        yield _dependency(_package_reference(sha256), both)


def _dependency(ref: str, assets: dict[bool, dict[str, None]]) -> Row:
    found: Row = {"ref": ref}
    if assets[False]:
        found["dependsOn"] = sorted(assets[False])
    if assets[True]:
        found["provides"] = sorted(assets[True])
    return found
