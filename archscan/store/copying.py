"""What is copied of a database that is merged into another, as SQL. The database it comes from is attached as ``part``.

Parameters: ``:part``, its number; and for each table whose rows others name, what is added to its ids, by the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archscan.store.bugs import STATES
from archscan.store.decisions import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Copy(msgspec.Struct, frozen=True):
    """Rows of a table, all columns as they are but those that are named; ``t`` is the table in the part."""

    table: str
    changed: Mapping[str, str] = {}
    rest: str = ""  # joins and conditions
    conflict: str = ""

    def sql(self, columns: Sequence[str]) -> str:
        """The statement, for the columns that the table has."""
        values = ", ".join(self.changed.get(name, f"t.{name}") for name in columns)
        return (
            f"INSERT INTO main.{self.table} ({', '.join(columns)}) "
            f"SELECT {values} FROM part.{self.table} t {self.rest} {self.conflict}"
        )


_DECIDED = ", ".join(COLUMNS)
_SAME = " AND ".join(f"d.{name} IS t.{name}" for name in COLUMNS)


def _scan(column: str) -> str:
    return f"(SELECT m.new FROM temp.scan_map m WHERE m.part = :part AND m.old = t.{column})"


def _seen(*columns: str) -> dict[str, str]:
    return {name: _scan(name) for name in columns}


PREPARED = (
    "CREATE TEMP TABLE best (sha256 TEXT PRIMARY KEY, part INTEGER, rank TEXT, filename TEXT) WITHOUT ROWID",
    "CREATE TEMP TABLE scan_map (part INTEGER, old INTEGER, new INTEGER, started TEXT, PRIMARY KEY (part, old))"
    " WITHOUT ROWID",
    "CREATE TEMP TABLE taken (old INTEGER PRIMARY KEY, filename TEXT)",
    "CREATE TEMP TABLE left_elf (id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE left_file (id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE symbol_map (old INTEGER PRIMARY KEY, new INTEGER)",
    "CREATE TEMP TABLE node_map (old INTEGER PRIMARY KEY, new INTEGER)",
    "CREATE TEMP TABLE finding_map (old INTEGER PRIMARY KEY, new INTEGER)",
    "CREATE TEMP TABLE debug_taken (old INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE bug_map (old INTEGER PRIMARY KEY, new INTEGER)",
)

# An extractor begins with its number. Of one name with several files the first is kept, as a scan does (writer).
RANK = """
INSERT INTO temp.best
SELECT sha256, :part, printf('%020d', CAST(extractor AS INTEGER))
       || CASE status WHEN 'complete' THEN '3' WHEN 'skipped' THEN '2' WHEN 'partial' THEN '1' ELSE '0' END
       || (unread IS NULL) || printf('%04d', length(facts)), filename
FROM part.package WHERE true
ON CONFLICT (sha256) DO UPDATE SET
    part = iif(excluded.rank > rank, excluded.part, part), rank = max(excluded.rank, rank),
    filename = min(excluded.filename, filename)
"""
SCANS = "INSERT INTO temp.scan_map SELECT :part, id, NULL, started FROM part.scan"
# By time, so that of two scans of different parts the later has the greater number, too.
NUMBERED_SCANS = """
UPDATE temp.scan_map SET new = place FROM (
    SELECT part AS p, old AS o, row_number() OVER (ORDER BY started, part, old) AS place FROM temp.scan_map)
WHERE part = p AND old = o
"""

_TAKEN = "JOIN temp.taken k ON k.old = t.package_id"
_OF_ELF = "WHERE t.elf_id NOT IN (SELECT id FROM temp.left_elf)"
_ELF = "t.elf_id + :elf"
_OF_FILE = "WHERE t.file_id NOT IN (SELECT id FROM temp.left_file)"
_FILE = "t.file_id + :file"
_OF_SERVICE = f"WHERE t.service_id IN (SELECT t.id FROM part.service t {_OF_FILE})"
_OF_DEBUG = "JOIN temp.debug_taken k ON k.old = t.debug_id"
_DEBUG = "t.debug_id + :debug_info"

_INDEX_ID = """(SELECT n.id FROM part.archive_index o JOIN main.archive_index n ON n.origin = o.origin
    AND n.suite = o.suite AND n.component = o.component AND n.architecture = o.architecture WHERE o.id = t.index_id)"""


def _later(table: str, *columns: str) -> str:
    """The end of an upsert: seen since the earlier, until the later, and as it was seen last."""
    newer = f"excluded.last_scan > {table}.last_scan"
    return (
        f"first_scan = min({table}.first_scan, excluded.first_scan), last_scan = max({table}.last_scan, "
        "excluded.last_scan), "
        + ", ".join(f"{name} = iif({newer}, excluded.{name}, {table}.{name})" for name in columns)
    )


_ARCHIVES: tuple[Copy | str, ...] = (
    Copy("archive_index", {"id": "NULL", **_seen("first_scan", "last_scan")}, "WHERE true",
         "ON CONFLICT (origin, suite, component, architecture) DO UPDATE SET " + _later(
             "archive_index", "base", "date", "valid_until", "signed_by", "sha256", "problems")),
    Copy("publication", {"id": "NULL", "package_id": "NULL", "index_id": _INDEX_ID, **_seen("first_scan", "last_scan")},
         "WHERE true", "ON CONFLICT (name, architecture, version, sha256, index_id) DO UPDATE SET " + _later(
             "publication", "section", "priority", "source", "source_version", "filename", "size")),
    Copy("source_package", _seen("first_scan", "last_scan"), "WHERE true", "ON CONFLICT DO UPDATE SET " + _later(
        "source_package", "maintainer", "uploaders", "vcs_browser", "vcs")),
)  # fmt: skip

_FACTS: tuple[Copy | str, ...] = (
    "DELETE FROM temp.taken",
    """INSERT INTO temp.taken
    SELECT p.id, b.filename FROM part.package p JOIN temp.best b ON b.sha256 = p.sha256 WHERE b.part = :part""",
    "DELETE FROM temp.left_elf",
    "INSERT INTO temp.left_elf SELECT id FROM part.elf WHERE package_id NOT IN (SELECT old FROM temp.taken)",
    "DELETE FROM temp.left_file",
    "INSERT INTO temp.left_file SELECT id FROM part.file WHERE package_id NOT IN (SELECT old FROM temp.taken)",
    Copy("package", {"id": "t.id + :package", "filename": "k.filename"}, "JOIN temp.taken k ON k.old = t.id"),
    *(Copy(table, {"package_id": "t.package_id + :package"}, _TAKEN)
      for table in ("relation", "lintian_override", "package_release", "contents")),
    Copy("file", {"id": "t.id + :file", "package_id": "t.package_id + :package"}, _TAKEN),
    *(Copy(table, {"file_id": _FILE}, _OF_FILE)
      for table in ("directive", "profile", "script_call", "endpoint", "key_material")),
    Copy("maintainer_script", {"file_id": _FILE, "package_id": "t.package_id + :package"}, _OF_FILE),
    Copy("service", {"id": "t.id + :service", "file_id": _FILE, "package_id": "t.package_id + :package"}, _OF_FILE),
    *(Copy(table, {"service_id": "t.service_id + :service"}, _OF_SERVICE)
      for table in ("service_program", "listener")),
    Copy("elf", {"id": "t.id + :elf", "package_id": "t.package_id + :package", "file_id": "t.file_id + :file"}, _TAKEN),
    *(Copy(table, {"elf_id": _ELF}, _OF_ELF) for table in ("needed", "component", "own_line")),
    "INSERT OR IGNORE INTO main.symbol (name) SELECT name FROM part.symbol ORDER BY id",
    "DELETE FROM temp.symbol_map",
    "INSERT INTO temp.symbol_map SELECT o.id, n.id FROM part.symbol o CROSS JOIN main.symbol n ON n.name = o.name",
    "INSERT OR IGNORE INTO main.node (version, library) SELECT version, library FROM part.node ORDER BY id",
    "DELETE FROM temp.node_map",
    """INSERT INTO temp.node_map SELECT o.id, n.id FROM part.node o
    CROSS JOIN main.node n ON n.version IS o.version AND n.library IS o.library""",
    Copy("imported", {"elf_id": _ELF, "symbol_id": "m.new", "node_id": "k.new"},
         "CROSS JOIN temp.symbol_map m ON m.old = t.symbol_id CROSS JOIN temp.node_map k ON k.old = t.node_id "
         f"{_OF_ELF}"),
    Copy("export", {"elf_id": _ELF, "symbol_id": "m.new"},
         f"CROSS JOIN temp.symbol_map m ON m.old = t.symbol_id {_OF_ELF}"),
    Copy("call_site", {"id": "t.id + :call_site", "elf_id": _ELF}, _OF_ELF),
    Copy("crypto_use", {"id": "t.id + :crypto_use", "elf_id": _ELF, "file_id": "t.file_id + :file",
                        "call_site_id": "t.call_site_id + :call_site"},
         "WHERE CASE WHEN t.elf_id IS NULL THEN t.file_id NOT IN (SELECT id FROM temp.left_file) "
         "ELSE t.elf_id NOT IN (SELECT id FROM temp.left_elf) END"),
)  # fmt: skip

_SCANS: tuple[Copy | str, ...] = (
    Copy("scan", {"id": _scan("id"), "state": "iif(t.state = 'running', 'interrupted', t.state)"}),
    Copy("metric", _seen("scan_id")),
    Copy("problem", {"id": "t.id + :problem", "package_id": "t.package_id + :package", **_seen("scan_id")},
         "WHERE t.package_id IS NULL OR t.package_id IN (SELECT old FROM temp.taken)"),
)  # fmt: skip

# For their history: when each was found, and what hangs on packages that were not read whole.
_FINDINGS: tuple[Copy | str, ...] = (
    Copy("finding", {"id": "NULL", **_seen("first_scan", "last_change")}, "WHERE true",
         "ON CONFLICT (fingerprint) DO UPDATE SET first_scan = min(finding.first_scan, excluded.first_scan), "
         "state = iif(finding.state = 'withdrawn', excluded.state, finding.state), "
         "last_change = max(finding.last_change, excluded.last_change)"),
    "DELETE FROM temp.finding_map",
    "INSERT INTO temp.finding_map SELECT o.id, n.id FROM part.finding o CROSS JOIN main.finding n USING (fingerprint)",
    Copy("occurrence", {"id": "t.id + :occurrence", "finding_id": "f.new", "package_id": "t.package_id + :package",
                        "elf_id": _ELF, "file_id": "t.file_id + :file", **_seen("first_scan", "last_scan")},
         f"{_TAKEN} JOIN temp.finding_map f ON f.old = t.finding_id"),
    f"""INSERT INTO main.decision ({_DECIDED}) SELECT {_DECIDED} FROM part.decision t WHERE NOT EXISTS (
        SELECT 1 FROM main.decision d WHERE {_SAME}) ORDER BY id""",
    Copy("review", {"id": "NULL"}, """WHERE NOT EXISTS (SELECT 1 FROM main.review r WHERE r.source = t.source
        AND r.template = t.template AND r.made = t.made AND r.authority = t.authority AND r.text = t.text)
        ORDER BY id"""),
)  # fmt: skip

# Of several files with one build id that with the most units, of equal ones the first by digest and name (debug).
_DEBUGGED: tuple[Copy | str, ...] = (
    "DELETE FROM temp.debug_taken",
    """INSERT INTO temp.debug_taken
    SELECT t.id FROM part.debug_info t LEFT JOIN main.debug_info d ON d.build_id = t.build_id
    WHERE d.id IS NULL OR (-t.units, t.sha256, t.filename, t.path) < (-d.units, d.sha256, d.filename, d.path)""",
    *(f"""DELETE FROM main.{table} WHERE {key} IN (
        SELECT d.id FROM main.debug_info d JOIN part.debug_info t ON t.build_id = d.build_id
        JOIN temp.debug_taken k ON k.old = t.id)"""
      for table, key in (("compile_unit", "debug_id"), ("confirmation", "debug_id"), ("source_line", "debug_id"),
                         ("debug_info", "id"))),
    Copy("debug_info", {"id": "t.id + :debug_info"}, "JOIN temp.debug_taken k ON k.old = t.id"),
    "INSERT OR IGNORE INTO main.producer (text) SELECT text FROM part.producer ORDER BY id",
    Copy("compile_unit", {"debug_id": _DEBUG, "producer_id": """(SELECT n.id FROM part.producer o
        JOIN main.producer n ON n.text = o.text WHERE o.id = t.producer_id)"""}, _OF_DEBUG),
    *(Copy(table, {"debug_id": _DEBUG}, _OF_DEBUG) for table in ("confirmation", "source_line")),
)  # fmt: skip


def _progress(state: str) -> str:
    """SQL for how far a bug in a state has come; those that are skipped or failed have not come as far as drafts."""
    order = ("skipped", "failed", *(word for word in STATES if word not in ("skipped", "failed")))
    return f"CASE {state} {' '.join(f'WHEN {word!r} THEN {place}' for place, word in enumerate(order))} END"


_OF_BUG = "JOIN temp.bug_map m ON m.old = t.bug_id"
_BUG = {
    "id": "NULL",
    "campaign_id": "(SELECT n.id FROM part.campaign o JOIN main.campaign n ON n.name = o.name"
    " WHERE o.id = t.campaign_id)",
    "about": "(SELECT n.id FROM part.bug o JOIN main.bug n ON n.fingerprint = o.fingerprint WHERE o.id = t.about)",
}
# Of a bug that several have, that which has come farthest: what one of them has sent must not be sent again.
_FARTHER = (
    "ON CONFLICT (fingerprint) DO UPDATE SET "
    + ", ".join(
        f"{name} = excluded.{name}"
        for name in ("recipient", "version", "severity", "human", "state", "text", "attached", "digest", "drafted",
                     "message_id", "sender", "sent", "transport", "number")
    )
    + f" WHERE {_progress('excluded.state')} > {_progress('bug.state')}"
)  # fmt: skip

_BUGS: tuple[Copy | str, ...] = (
    Copy("campaign", {"id": "NULL"}, "WHERE true", "ON CONFLICT (name) DO UPDATE SET "
         "announced = coalesce(announced, excluded.announced), "
         "announcement = coalesce(announcement, excluded.announcement)"),
    Copy("bug", _BUG, "WHERE t.about IS NULL", _FARTHER),
    Copy("bug", _BUG, "WHERE t.about IS NOT NULL", _FARTHER),
    "DELETE FROM temp.bug_map",
    "INSERT INTO temp.bug_map SELECT o.id, n.id FROM part.bug o CROSS JOIN main.bug n USING (fingerprint)",
    Copy("bug_source", {"bug_id": "m.new"}, f"{_OF_BUG} WHERE true",
         "ON CONFLICT DO UPDATE SET bug_id = excluded.bug_id WHERE (SELECT "
         f"{_progress('e.state')} > {_progress('b.state')} FROM main.bug e JOIN main.bug b ON b.id = bug_source.bug_id "
         "WHERE e.id = excluded.bug_id)"),
    Copy("bug_finding", {"bug_id": "m.new"}, f"{_OF_BUG} WHERE true", "ON CONFLICT DO NOTHING"),
    Copy("bug_event", {"id": "NULL", "bug_id": "m.new"}, f"""{_OF_BUG} WHERE NOT EXISTS (
        SELECT 1 FROM main.bug_event e WHERE e.bug_id = m.new AND e.at = t.at AND e.state = t.state
        AND e.note = t.note) ORDER BY t.id"""),
    # What is reported by another bug now, such as one mail to a team.
    """UPDATE main.bug SET state = 'skipped' WHERE kind <> 'control' AND state IN ('drafted', 'approved')
    AND id NOT IN (SELECT bug_id FROM main.bug_source)""",
    Copy("known_bug", {}, "WHERE true", "ON CONFLICT (tracker, number) DO UPDATE SET " + ", ".join(
        f"{name} = excluded.{name}"
        for name in ("source", "subject", "done", "tags", "fixed_versions", "found_versions", "read")
    ) + " WHERE excluded.read > known_bug.read"),
)  # fmt: skip

COPIES = (*_SCANS[:1], *_ARCHIVES, *_FACTS, *_SCANS[1:], *_FINDINGS, *_DEBUGGED, *_BUGS)
"""Everything, in the order in which rows need each other."""

JUDGED = ("crypto_context", "expectation", "setting", "rule", "algorithm", "unjudged")
"""Tables that are not copied, because rules and catalogue fill them anew."""

# What each suite has now, as publishing has it.
AFTER = (
    "UPDATE publication SET package_id = (SELECT p.id FROM package p WHERE p.sha256 = publication.sha256)",
    """UPDATE publication SET standing = due FROM (
        SELECT b.id AS place, CASE WHEN b.last_scan < i.last_scan THEN 'gone' WHEN b.version_key < max(b.version_key)
            FILTER (WHERE b.last_scan = i.last_scan) OVER (PARTITION BY i.origin, i.suite, b.name, b.architecture)
            THEN 'superseded' ELSE 'current' END AS due
        FROM publication b JOIN archive_index i ON i.id = b.index_id)
    WHERE place = publication.id AND standing <> due""",
    """UPDATE archive_index SET (packages, bytes) = (
        SELECT count(*), coalesce(sum(size), 0) FROM publication WHERE index_id = archive_index.id
        AND standing <> 'gone') WHERE architecture <> 'source'""",
    """UPDATE archive_index SET packages = (
        SELECT count(*) FROM source_package s WHERE s.origin = archive_index.origin AND s.suite = archive_index.suite
        AND s.component = archive_index.component AND s.last_scan = archive_index.last_scan)
    WHERE architecture = 'source'""",
)
