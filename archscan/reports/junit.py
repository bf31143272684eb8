"""Findings as JUnit XML, as CI systems read it: a suite a package, a test a rule, described by ``docs/junit.xsd``.

A test fails where the rule found something at least as severe as asked for that the maintainer has not overridden. It
is skipped where the package was not read whole and the rule found nothing in what was read: that proves nothing. The
first test of each suite says what was looked at, and is in error where something could not be read.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import msgspec

from archscan.model import Severity
from archscan.reports import content, json_stream
from archscan.reports.cells import shown

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TextIO

    from archscan.reports.content import Row

READ = "read"
"""The test that says what was looked at."""
MOST_SHOWN = 1_000  # characters of what is shown in one line; all of it stands in the text

# All that is there, and in the order of the suites: what has no name comes as its file.
_PACKAGES = """
SELECT p.id, p.name, p.version, p.architecture, p.source, p.sha256, p.filename, p.status, p.unread, p.facts,
       (SELECT count(*) FROM elf e WHERE e.package_id = p.id) AS objects
FROM package p
WHERE p.id IN (SELECT id FROM current_package) OR p.name IS NULL
ORDER BY coalesce(p.name, p.filename), p.architecture, p.version_key, p.id
"""
_FINDINGS = """
SELECT o.rule_id AS rule, coalesce(r.family, o.rule_id) AS family, o.severity, o.confidence, o.source, f.path_key,
       o.subject, o.path, o.message, o.fingerprint, c.overridden, json_extract(o.evidence, '$.override') AS override
FROM open_finding o JOIN finding f ON f.id = o.finding_id JOIN occurrence c ON c.id = o.occurrence_id
LEFT JOIN rule r ON r.id = o.rule_id
WHERE o.package_id = ?
ORDER BY o.rule_id, o.path, o.subject, o.fingerprint
"""
_PROBLEMS = (
    "SELECT stage, kind, path, message FROM problem WHERE package_id = ? ORDER BY stage, kind, path, message, id"
)
# What belongs to no package is told again by each scan that meets it.
_OTHERS = """
SELECT stage, kind, target AS path, message FROM problem
WHERE package_id IS NULL AND scan_id = (SELECT max(id) FROM scan) ORDER BY stage, kind, target, message, id
"""
_NO_TEXT = re.compile("[\ufffe\uffff]")  # XML 1.0 has no such characters, also not as numbers


class Case(msgspec.Struct, frozen=True):
    """One test. ``result`` is failure, error, skipped, or empty where it passed; ``said`` what it says, a line each."""

    name: str
    result: str = ""
    message: str = ""
    said: tuple[str, ...] = ()


class Suite(msgspec.Struct, frozen=True):
    """The tests of one package."""

    name: str
    group: str  # the class name of its tests: the same in the next version of the package
    properties: tuple[tuple[str, str], ...]
    cases: tuple[Case, ...]


def write(connection: sqlite3.Connection, stream: TextIO, failing: Severity) -> None:
    """Write the report to ``stream``; findings at least as severe as ``failing`` fail. One package is held in memory.

    The totals of the whole file stand at its beginning, so that everything is gone through twice.
    """
    scan = content.last_scan(connection)
    when = str(scan["finished"] or scan["started"])[:19] if scan else None  # without a zone, as JUnit has it: UTC
    write_suites(lambda: suites(connection, failing), stream, when)


def write_suites(suites: Callable[[], Iterable[Suite]], stream: TextIO, when: str | None) -> None:
    """Write the suites, which are asked for twice: their totals stand first. ``when`` they were tested, in UTC."""
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in suites():
        for key, number in _totals(suite).items():
            totals[key] += number
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(f"<testsuites{_attributes({'name': 'archscan', **totals})}>\n")
    for suite in suites():
        _write_suite(suite, when, stream)
    stream.write("</testsuites>\n")


def suites(connection: sqlite3.Connection, failing: Severity) -> Iterator[Suite]:
    """The suites, one after the other: one for each current package, and one for problems that belong to none."""
    words = list(Severity)
    severe = frozenset(str(word) for word in words[words.index(failing) :])
    rules = dict(connection.execute("SELECT id, title FROM rule ORDER BY id"))
    others = list(content.rows(connection, _OTHERS))
    if others:
        yield Suite("archscan", "archscan", (), (_read_case("targets", others),))
    for package in content.rows(connection, _PACKAGES):
        problems = list(content.rows(connection, _PROBLEMS, (package["id"],)))
        found = content.rows(connection, _FINDINGS, (package["id"],))
        by_rule = {rule: list(rows) for rule, rows in groupby(found, lambda row: str(row["rule"]))}
        looked = f"{package['objects']} objects were looked at; the package is {package['status']}"
        if package["unread"]:
            looked += f" ({package['unread']})"
        read = _read_case(looked, problems, failed=package["status"] == "unreadable")
        names = sorted({*rules, *by_rule})
        cases = [_case(name, rules.get(name, name), by_rule.get(name, []), package, severe) for name in names]
        yield _suite(package, (read, *cases))


def _suite(package: Row, cases: tuple[Case, ...]) -> Suite:
    name = package["name"] or package["filename"]
    kept = ("version", "architecture", "source", "sha256", "status", "objects")
    return Suite(
        name=" ".join(filter(None, (name, package["version"], package["architecture"]))),
        group=":".join(filter(None, (name, package["architecture"]))),
        properties=tuple((key, str(package[key])) for key in kept if package[key] is not None),
        cases=cases,
    )


def _read_case(looked: str, problems: list[Row], *, failed: bool = False) -> Case:
    if not problems and not failed:
        return Case(READ, said=(looked,))
    lines = [f"{row['stage']}: {row['kind']}: {_at(row['path'])}{row['message']}" for row in problems]
    first = lines[0] if lines else looked
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return Case(READ, "error", f"{first[:MOST_SHOWN]}{more}", (looked, *lines))


def _at(path: str | None) -> str:
    return f"{path}: " if path else ""


def _case(rule: str, title: str, found: list[Row], package: Row, severe: frozenset[str]) -> Case:
    name = f"{rule}: {title}"
    counting = [row for row in found if row["severity"] in severe and not row["overridden"]]
    said = tuple(_said(row) for row in found)
    if counting:
        more = f" and {len(counting) - 1} more" if len(counting) > 1 else ""
        return Case(name, "failure", f"{counting[0]['message'][:MOST_SHOWN]}{more}", said)
    if not found and package["status"] != "complete":
        return Case(name, "skipped", f"the package is {package['status']}: nothing was found in what was read")
    return Case(name, said=said)


def _said(row: Row) -> str:
    """A line for people, and behind it what the fingerprint is made of, for programs."""
    override = " (overridden by the maintainer)" if row["overridden"] else ""
    identity = json_stream.text([row["family"], row["source"], row["path_key"], row["subject"]])
    at = "" if row["path"] and row["path"] in row["message"] else _at(row["path"])
    return f"{row['severity']}: {at}{row['message']}{override} [{row['fingerprint']} {identity}]"


def _totals(suite: Suite) -> dict[str, int]:
    results = [case.result for case in suite.cases]
    return {
        "tests": len(results),
        "failures": results.count("failure"),
        "errors": results.count("error"),
        "skipped": results.count("skipped"),
    }


def _write_suite(suite: Suite, when: str | None, stream: TextIO) -> None:
    about = {"name": suite.name, **_totals(suite), "time": "0", "timestamp": when}
    stream.write(f"<testsuite{_attributes(about)}>\n")
    if suite.properties:
        stream.write("<properties>\n")
        stream.writelines(
            f"<property{_attributes({'name': key, 'value': value})}/>\n" for key, value in suite.properties
        )
        stream.write("</properties>\n")
    for case in suite.cases:
        _write_case(case, suite.group, stream)
    stream.write("</testsuite>\n")


def _write_case(case: Case, group: str, stream: TextIO) -> None:
    stream.write(f"<testcase{_attributes({'name': case.name, 'classname': group, 'time': '0'})}")
    if not case.result and not case.said:
        stream.write("/>\n")
        return
    stream.write(">")
    if case.result == "skipped":
        stream.write(f"<skipped{_attributes({'message': case.message})}/>")
    elif case.result:
        kind = {"message": case.message, "type": f"archscan.{case.result}"}
        stream.write(f"<{case.result}{_attributes(kind)}>{_text(case.said)}</{case.result}>")
    else:
        stream.write(f"<system-out>{_text(case.said)}</system-out>")
    stream.write("</testcase>\n")


def _attributes(values: Mapping[str, object]) -> str:
    return "".join(f" {key}={quoteattr(_inert(value))}" for key, value in values.items() if value is not None)


def _text(lines: Iterable[str]) -> str:
    return escape("\n".join(map(_inert, lines)))


def _inert(value: object) -> str:
    """One line that XML can hold and a terminal can show."""
    return _NO_TEXT.sub(lambda match: "".join(f"\\x{byte:02x}" for byte in match[0].encode()), shown(value))
