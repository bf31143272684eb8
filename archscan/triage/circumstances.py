"""What makes work on a source package more or less urgent, with its evidence: read from the database for all at once.

Everything is about current packages. What configuration files would tell is not known of packages that were read for
ELF objects alone (``--facts elf``): that is said, and lowers nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable

    from archscan.triage.weights import Sandbox

_UNREAD = "read without what files say (--facts elf, or an older archscan)"

Evidence = dict[str, list[str]]
"""By source package, what shows it, in order."""

PRIORITIES = ("required", "important", "standard")

_WANTED = "(:wanted IS NULL OR p.source IN (SELECT value FROM json_each(:wanted)))"
# A package that was not unpacked has, by its own lists, nothing that files could tell.
_FILES = """instr(',' || p.facts || ',', ',files,')
    AND (p.status = 'skipped' OR EXISTS (SELECT 1 FROM contents c WHERE c.package_id = p.id))"""
_OBJECTS = "('executable', 'pie', 'shared-library', 'plugin', 'runnable-library', 'static-executable', 'static-pie')"

# Objects that wait for connections, by calls of the C library's or of libuv's.
_LISTENING = f"""
listening AS MATERIALIZED (
    SELECT DISTINCT a.elf_id, 'listen and accept' AS calls FROM import a JOIN symbol s ON s.id = a.symbol_id
    WHERE s.name = 'listen' AND EXISTS (
        SELECT 1 FROM import b JOIN symbol t ON t.id = b.symbol_id
        WHERE b.elf_id = a.elf_id AND t.name IN ('accept', 'accept4'))
    UNION ALL
    SELECT a.elf_id, min(s.name) FROM import a JOIN symbol s ON s.id = a.symbol_id
    WHERE s.name IN ('uv_listen', 'uv_udp_recv_start') GROUP BY a.elf_id),
daemon AS MATERIALIZED (
    SELECT e.id, e.package_id, e.path, l.calls FROM listening l JOIN elf e ON e.id = l.elf_id
    WHERE e.kind IN {_OBJECTS})
"""
_STARTED = """
started AS MATERIALIZED (
    SELECT s.id, s.package_id, s.file_id, s.name, s.kind, s.user, s.dynamic FROM service s
    WHERE s.scope = 'system' AND EXISTS (SELECT 1 FROM service_program g WHERE g.service_id = s.id))
"""

_QUESTIONS = {
    "privileges": f"""
        SELECT p.source, f.privilege, f.path FROM file f JOIN current_package p ON p.id = f.package_id
        WHERE f.privilege IS NOT NULL AND {_WANTED} ORDER BY 1, 2, 3""",
    "listeners": f"""
        SELECT DISTINCT p.source, s.name || ' listens on ' || l.kind || coalesce(' ' || l.address, '')
               || coalesce(' port ' || l.port, '')
        FROM listener l JOIN service s ON s.id = l.service_id JOIN current_package p ON p.id = s.package_id
        WHERE s.scope = 'system' AND l.family IN ('inet', 'vsock') AND {_WANTED} ORDER BY 1, 2""",
    "daemons": f"""
        WITH {_LISTENING}
        SELECT p.source, d.path || ' imports ' || d.calls, s.name FROM daemon d
        JOIN current_package p ON p.id = d.package_id
        LEFT JOIN service_program g ON g.path IN (d.path, '/' || d.path)
        LEFT JOIN service s ON s.id = g.service_id AND s.scope = 'system' AND s.kind <> 'cron'
        WHERE {_WANTED} ORDER BY 1, 2, 3""",
    "essential": f"""
        SELECT DISTINCT p.source, p.name FROM current_package p WHERE p.essential = 1 AND {_WANTED} ORDER BY 1, 2""",
    "priorities": f"""
        SELECT DISTINCT p.source, w.priority, p.name || ' is ' || w.priority FROM current_package p JOIN (
            SELECT id AS package_id, control_priority AS priority FROM package
            UNION SELECT package_id, priority FROM publication WHERE standing = 'current') w ON w.package_id = p.id
        WHERE w.priority IN ('required', 'important', 'standard') AND {_WANTED} ORDER BY 1, 2, 3""",
    "packages": f"""
        SELECT p.source, p.name, max({_FILES}) FROM current_package p WHERE {_WANTED} GROUP BY 1, 2 ORDER BY 1, 2""",
    "profiles": f"""
        SELECT DISTINCT p.source, r.name || ' (' || r.mode || ')' FROM profile r
        JOIN file f ON f.id = r.file_id JOIN current_package p ON p.id = f.package_id
        WHERE r.kind = 'apparmor' AND r.mode IN ('enforce', 'kill') AND {_WANTED} ORDER BY 1, 2""",
    "users": f"""
        WITH {_STARTED}
        SELECT p.source, s.name, s.dynamic OR coalesce(s.user NOT IN ('root', '0', ''), 0),
               iif(s.dynamic, 'a dynamic user', s.user)
        FROM started s JOIN current_package p ON p.id = s.package_id WHERE {_WANTED} ORDER BY 1, 2, 3 DESC""",
    "sandboxes": f"""
        WITH {_STARTED}
        SELECT p.source, s.name, (
            SELECT count(DISTINCT d.name) FROM directive d
            WHERE d.file_id = s.file_id AND d.section = 'Service' AND d.name IN (SELECT value FROM json_each(:names))
              AND lower(d.value) NOT IN ('', 'no', 'false', 'off', '0'))
        FROM started s JOIN current_package p ON p.id = s.package_id
        WHERE s.kind = 'service' AND {_WANTED} ORDER BY 1, 2""",
    "objects": f"""
        SELECT p.source, count(*), sum(
            e.pie IN ('yes', 'n/a') AND e.relro IN ('full', 'n/a') AND e.bind_now IN ('yes', 'n/a')
            AND e.stack_protector IN ('yes', 'n/a') AND e.fortify IN ('yes', 'n/a') AND e.nx IN ('yes', 'n/a')
            AND e.textrel = 0 AND e.wx_segments = 0)
        FROM current_package p JOIN elf e ON e.package_id = p.id WHERE e.kind IN {_OBJECTS} AND {_WANTED} GROUP BY 1""",
}


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """By the word of ``score.toml``: what shows it, by source. ``unread``: sources of which files were not read."""

    raised: dict[str, Evidence]
    lowered: dict[str, Evidence]
    unread: dict[str, str]
    packages: dict[str, list[str]]  # the names of a source's current packages


def circumstances(
    connection: sqlite3.Connection, wanted: Collection[str] | None, sandbox: Sandbox, seed: Collection[str] = ()
) -> Circumstances:
    """The circumstances of these sources, or of all; ``seed`` has names of packages, binary or source."""
    values = {
        "wanted": None if wanted is None else json.dumps(sorted(wanted)),
        "names": json.dumps(sandbox.directives),
    }
    rows = {
        name: connection.execute(sql, {key: values[key] for key in values if f":{key}" in sql}).fetchall()
        for name, sql in _QUESTIONS.items()
    }
    packages: dict[str, list[str]] = defaultdict(list)
    read: dict[str, list[str]] = defaultdict(list)
    for source, name, has_files in rows["packages"]:
        packages[source].append(name)
        if has_files:
            read[source].append(name)
    unread = {
        source: f"{len(names) - len(read[source])} of {len(names)} packages {_UNREAD}"
        for source, names in packages.items()
        if len(read[source]) < len(names)
    }
    lowered = {
        "apparmor": _grouped(rows["profiles"]),
        "sandbox": _all_of(
            (source, name, count >= sandbox.least, f"{count} directives") for source, name, count in rows["sandboxes"]
        ),
        "non-root": _all_of((source, name, ok, f"as {user}") for source, name, ok, user in rows["users"]),
        "hardened": {s: [f"all {n} objects" if n > 1 else "its object"] for s, n, good in rows["objects"] if n == good},
    }
    return Circumstances(raised=_raised(rows, packages, seed), lowered=lowered, unread=unread, packages=packages)


def _raised(rows: dict[str, list[tuple[Any, ...]]], packages: dict[str, list[str]], seed: Collection[str]
            ) -> dict[str, Evidence]:  # fmt: skip
    found: dict[str, Evidence] = {"setuid": {}, "setgid": {}, "capabilities": {}, "network-service": {},
                                  "can-listen": {}, "essential": _grouped(rows["essential"])}  # fmt: skip
    for source, privilege, path in rows["privileges"]:
        found[_kind_of(privilege)].setdefault(source, []).append(f"{path} ({privilege})")
    found["network-service"] = _grouped(rows["listeners"])
    for source, text, service in rows["daemons"]:
        if service is not None:
            found["network-service"].setdefault(source, []).append(f"{text}, started by {service}")
    for source, text, service in rows["daemons"]:
        if service is None and source not in found["network-service"]:
            found["can-listen"].setdefault(source, []).append(text)
    named = {source for source, _, _ in rows["priorities"]}
    for source in named:
        texts = [(PRIORITIES.index(word), text) for one, word, text in rows["priorities"] if one == source]
        best = min(texts)[0]
        found.setdefault(PRIORITIES[best], {})[source] = [text for rank, text in texts if rank == best]
    found["seed"] = {
        source: chosen
        for source, names in packages.items()
        if (chosen := [name for name in dict.fromkeys([source, *names]) if name in seed])
    }
    return found


def _kind_of(privilege: str) -> str:
    words = privilege.lower()
    return "setuid" if "setuid" in words else "setgid" if "setgid" in words else "capabilities"


def _grouped(rows: Iterable[tuple[str, ...]]) -> Evidence:
    found: Evidence = {}
    for source, text in rows:
        found.setdefault(source, []).append(text)
    return found


def _all_of(rows: Iterable[tuple[str, str, object, str]]) -> Evidence:
    """The sources of which every service has it, each with how."""
    found: Evidence = {}
    lacking = set()
    for source, name, has_it, how in rows:
        if has_it:
            found.setdefault(source, []).append(f"{name} {how}")
        else:
            lacking.add(source)
    return {source: texts for source, texts in found.items() if source not in lacking}
