import sqlite3

from archscan.model import Severity
from archscan.reports.failing import failing


def test_failing_counts_open_findings_from_a_severity_up(filled: sqlite3.Connection) -> None:
    of = {
        severity: [row[0] for row in filled.execute("SELECT id FROM finding WHERE severity = ?", (severity,))]
        for severity in ("low", "medium", "high")
    }
    assert failing(filled, Severity.CRITICAL, None) == 0
    assert failing(filled, Severity.MEDIUM, None) == len(of["medium"]) + len(of["high"])
    assert failing(filled, Severity.HIGH, of["high"][:2] + of["medium"]) == 2
    assert failing(filled, Severity.NEGLIGIBLE, []) == 0
    low = filled.execute("SELECT count(*), sum(overridden) FROM finding WHERE severity = 'low' AND state = 'open'")
    every, overridden = low.fetchone()
    assert failing(filled, Severity.LOW, of["low"]) == every - overridden < every
    filled.execute("UPDATE finding SET state = 'fixed'")
    assert failing(filled, Severity.NEGLIGIBLE, None) == 0
