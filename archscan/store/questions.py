"""Indices for questions about all findings at once, as SQL: half a million have to be sorted or counted in a second.

A row of ``occurrence`` has its evidence in it, so whoever counts must not read rows; and whoever wants the most severe
must not sort all.
"""

from __future__ import annotations

SEVERITY = (
    """CASE severity WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END"""
)
"""A number for a column ``severity``, the higher the worse; as an index is used only for the same expression."""

QUESTIONS = f"""
DROP INDEX occurrence_package;
CREATE INDEX occurrence_package ON occurrence (package_id, unchecked, severity, finding_id);
CREATE INDEX occurrence_override ON occurrence (finding_id) WHERE json_extract(evidence, '$.override') IS NOT NULL;
DROP INDEX finding_rule;
CREATE INDEX finding_rule ON finding (rule_id, state, severity, first_scan, source);
CREATE INDEX finding_severity ON finding ({SEVERITY} DESC, rule_id, source);
"""
