"""The canonical form of a database: sorted JSON lines with names instead of ids, without times and commands.

Two databases are equal when their dumps are. So whatever may differ between two ways to the same facts (the order of
packages, the number of workers, an interruption) is not in it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

_PACKAGE = "p.sha256 AS package"
_OBJECT = "p.sha256 AS package, e.path AS object, e.sha256 AS object_sha256"
_FROM_OBJECT = "JOIN elf e ON e.id = t.elf_id JOIN package p ON p.id = e.package_id"
_FILE = "p.sha256 AS package, f.path AS file"
_FROM_FILE = "JOIN file f ON f.id = t.file_id JOIN package p ON p.id = f.package_id"
_SERVICE = f"{_FILE}, s.name AS service, s.line AS service_line"
_FROM_SERVICE = (
    "JOIN service s ON s.id = t.service_id JOIN file f ON f.id = s.file_id JOIN package p ON p.id = f.package_id"
)
_FROM_BUG = "JOIN bug b ON b.id = t.bug_id"
_FROM_DEBUG = "JOIN debug_info d ON d.id = t.debug_id"

# kind of line → (columns with natural keys, where from). Columns of the table itself are named with `t.`.
_LINES = {
    "package": (
        "t.sha256, t.name, t.version, t.version_key, t.architecture, t.variant, t.source, t.source_version, "
        "t.control_section, t.control_priority, t.essential, t.maintainer, t.size, t.installed_size, t.filename, "
        "t.control, t.built, t.extractor, t.facts, t.status, t.unread, t.elf_count",
        "package t",
    ),
    "relation": (f"{_PACKAGE}, t.kind, t.name, t.op, t.version", "relation t JOIN package p ON p.id = t.package_id"),
    "package_release": (
        f"{_PACKAGE}, t.distribution, t.release, t.said, t.toolchain, t.horizon",
        "package_release t JOIN package p ON p.id = t.package_id",
    ),
    "publication": (
        "i.origin, t.suite, t.component, i.architecture AS index_architecture, t.section, t.priority, t.name, "
        "t.version, t.architecture, t.source, t.source_version, t.size, t.sha256, t.filename, t.standing, "
        "t.package_id IS NOT NULL AS is_read",
        "publication t LEFT JOIN archive_index i ON i.id = t.index_id",
    ),
    # Without `base`: the same archive may be read from several places.
    "archive_index": (
        "t.origin, t.suite, t.component, t.architecture, t.date, t.valid_until, t.signed_by, t.sha256, t.packages, "
        "t.bytes",
        "archive_index t",
    ),
    "source_package": (
        "t.origin, t.suite, t.component, t.name, t.version, t.maintainer, t.uploaders, t.vcs_browser, t.vcs, "
        "t.last_scan < i.last_scan AS is_gone",
        "source_package t JOIN archive_index i ON i.origin = t.origin AND i.suite = t.suite "
        "AND i.component = t.component AND i.architecture = 'source'",
    ),
    "file": (
        f"{_PACKAGE}, t.path, t.path_key, t.mode, t.owner, t.grp, t.size, t.kind, t.link, t.privilege, "
        "t.privilege_source, t.what, t.interpreter",
        "file t JOIN package p ON p.id = t.package_id",
    ),
    "directive": (f"{_FILE}, t.position, t.line, t.section, t.name, t.value", f"directive t {_FROM_FILE}"),
    "service": (
        f"{_FILE}, t.name, t.kind, t.scope, t.user, t.grp, t.dynamic, t.schedule, t.activates, t.line",
        f"service t {_FROM_FILE}",
    ),
    "service_program": (
        f"{_SERVICE}, t.position, t.directive, t.path, t.arguments, t.flags",
        f"service_program t {_FROM_SERVICE}",
    ),
    "listener": (
        f"{_SERVICE}, t.position, t.kind, t.family, t.address, t.port",
        f"listener t {_FROM_SERVICE}",
    ),
    "profile": (f"{_FILE}, t.position, t.kind, t.name, t.attachment, t.mode, t.line", f"profile t {_FROM_FILE}"),
    "script_call": (f"{_FILE}, t.position, t.line, t.what, t.name, t.text", f"script_call t {_FROM_FILE}"),
    "endpoint": (f"{_FILE}, t.position, t.line, t.url", f"endpoint t {_FROM_FILE}"),
    "key_material": (f"{_FILE}, t.position, t.line, t.kind, t.detail", f"key_material t {_FROM_FILE}"),
    "maintainer_script": (
        f"{_FILE}, t.name, t.interpreter, t.lines, t.own_lines, t.tools, t.sha256, t.own_sha256, t.own",
        f"maintainer_script t {_FROM_FILE}",
    ),
    "contents": (f"{_PACKAGE}, t.members, hex(t.paths) AS paths", "contents t JOIN package p ON p.id = t.package_id"),
    "lintian_override": (
        f"{_PACKAGE}, t.line, t.tag, t.context, t.comment, t.architectures, t.applies",
        "lintian_override t JOIN package p ON p.id = t.package_id",
    ),
    "elf": (
        f"{_PACKAGE}, f.path AS file, t.path, t.path_key, t.sha256, t.size, t.kind, t.machine, t.bits, t.endian, "
        "t.language, t.build_id, t.soname, t.interpreter, t.stripped, t.pie, t.relro, t.bind_now, t.stack_protector, "
        "t.fortify, t.nx, t.stack_clash, t.ibt_marked, t.ibt_compiled, t.shstk_marked, t.bti_marked, t.bti_compiled, "
        "t.pac_marked, t.pac_compiled, t.separate_code, t.clang_cfi, t.safe_stack, t.glibcxx_assertions, t.sanitizers, "
        "t.textrel, t.wx_segments, t.rpath, t.runpath, t.fortified_calls, "
        "t.fortifiable_calls, t.reasons",
        "elf t JOIN package p ON p.id = t.package_id LEFT JOIN file f ON f.id = t.file_id",
    ),
    "needed": (f"{_OBJECT}, t.position, t.soname", f"needed t {_FROM_OBJECT}"),
    "component": (f"{_OBJECT}, t.ecosystem, t.name, t.version, t.evidence", f"component t {_FROM_OBJECT}"),
    "import": (
        f"{_OBJECT}, s.name AS symbol, t.version, t.library",
        f"import t {_FROM_OBJECT} JOIN symbol s ON s.id = t.symbol_id",
    ),
    "export": (
        f"{_OBJECT}, s.name AS symbol, t.version",
        f"export t {_FROM_OBJECT} JOIN symbol s ON s.id = t.symbol_id",
    ),
    "call_site": (
        f"{_OBJECT}, t.address, t.function, t.library, t.symbol, t.outcome, t.value, t.reason",
        f"call_site t {_FROM_OBJECT}",
    ),
    "crypto_use": (
        "coalesce(p.sha256, q.sha256) AS package, e.path AS object, f.path AS file, t.algorithm, t.strength, t.role, "
        "t.direction, t.library, t.symbol, t.evidence, t.confidence, t.function, t.address, t.line, t.argument, "
        "t.context_evidence",
        "crypto_use t LEFT JOIN elf e ON e.id = t.elf_id LEFT JOIN package p ON p.id = e.package_id "
        "LEFT JOIN file f ON f.id = t.file_id LEFT JOIN package q ON q.id = f.package_id",
    ),
    "crypto_context": (
        "coalesce(p.sha256, q.sha256) AS package, e.path AS object, f.path AS file, u.algorithm, u.role, u.symbol, "
        "u.evidence, u.function, u.address, t.context, t.confidence, t.direction, t.protocol, t.because",
        "crypto_context t JOIN crypto_use u ON u.id = t.use_id LEFT JOIN elf e ON e.id = u.elf_id "
        "LEFT JOIN package p ON p.id = e.package_id LEFT JOIN file f ON f.id = u.file_id "
        "LEFT JOIN package q ON q.id = f.package_id",
    ),
    "problem": (
        f"{_PACKAGE}, CASE WHEN t.package_id IS NULL THEN t.target END AS target, t.path, t.stage, t.kind, t.message",
        "problem t LEFT JOIN package p ON p.id = t.package_id",
    ),
    "debug_info": ("t.build_id, t.machine, t.bits, t.filename, t.path, t.sha256, t.units", "debug_info t"),
    "compile_unit": (
        "d.build_id, t.position, t.name, t.comp_dir, r.text AS producer, t.language, t.origin, t.code, t.lto, "
        "t.stack_protector, t.stack_clash, t.cf_protection, t.branch_protection, t.pic, t.optimised, t.fortify",
        f"compile_unit t {_FROM_DEBUG} LEFT JOIN producer r ON r.id = t.producer_id",
    ),
    "confirmation": (
        "d.build_id, t.feature, t.verdict, t.units_with, t.units_without, t.units_unknown, t.flag, t.units, "
        "t.elsewhere",
        f"confirmation t {_FROM_DEBUG}",
    ),
    "source_line": ("d.build_id, t.address, t.file, t.line, t.name", f"source_line t {_FROM_DEBUG}"),
    "own_line": (f"{_OBJECT}, t.address, t.file, t.line", f"own_line t {_FROM_OBJECT}"),
    "rule": ("t.id, t.digest", "rule t"),
    "algorithm": ("t.name, t.family, t.strength, t.note", "algorithm t"),
    "finding": (
        "t.fingerprint, t.rule_id, t.source, t.path_key, t.subject, t.severity, t.confidence, t.state, t.fix_where, "
        "t.overridden",
        "finding t",
    ),
    "occurrence": (
        f"g.fingerprint, {_PACKAGE}, t.rule_id, t.path, t.severity, t.confidence, t.fix_where, t.message, t.evidence, "
        "t.unchecked, t.overridden",
        "occurrence t JOIN finding g ON g.id = t.finding_id JOIN package p ON p.id = t.package_id",
    ),
    "decision": (
        "t.fingerprint, t.selector, t.state, t.reason, t.authority, t.made, t.until, t.version, t.release, "
        "t.evidence_digest, t.versions, t.about",
        "decision t",
    ),
    "review": ("t.source, t.version, t.template, t.made, t.authority, t.text, t.document", "review t"),
    "campaign": (
        "t.name, t.rules, t.sources, t.suite, t.target, t.user, t.usertags, t.copies, t.most, t.team_from, "
        "t.announcement, t.announced",
        "campaign t",
    ),
    "bug": (
        "t.fingerprint, c.name AS campaign, t.kind, a.fingerprint AS about, t.target, t.recipient, t.source, t.family, "
        "t.version, t.severity, t.maintainer, t.human, t.state, t.text, t.attached, t.digest, t.message_id, t.sender, "
        "t.transport, t.number",
        "bug t JOIN campaign c ON c.id = t.campaign_id LEFT JOIN bug a ON a.id = t.about",
    ),
    "bug_source": ("t.source, t.family, t.place, b.fingerprint AS bug", f"bug_source t {_FROM_BUG}"),
    "bug_finding": ("b.fingerprint AS bug, t.fingerprint", f"bug_finding t {_FROM_BUG}"),
    "bug_event": ("b.fingerprint AS bug, t.state, t.note", f"bug_event t {_FROM_BUG}"),
    "known_bug": (
        "t.tracker, t.number, t.source, t.subject, t.done, t.tags, t.fixed_versions, t.found_versions",
        "known_bug t",
    ),
}


def dump(conn: sqlite3.Connection) -> Iterator[str]:
    """The lines of the dump, without line ends; each a JSON array of the kind and an object."""
    for kind, (columns, tables) in _LINES.items():
        names = [column[0] for column in conn.execute(f"SELECT {columns} FROM {tables} LIMIT 0").description]
        order = ", ".join(str(number + 1) for number in range(len(names)))
        for row in conn.execute(f"SELECT DISTINCT {columns} FROM {tables} ORDER BY {order}"):
            yield json.dumps([kind, dict(zip(names, row, strict=True))], ensure_ascii=False, separators=(",", ":"))
