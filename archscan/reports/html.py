r"""The HTML report: one file that needs no network, and is safe to open whatever the packages call their files.

Names from packages reach the page in two ways: through the template, which escapes everything, and as JSON in a data
block, in which ``<``, ``>`` and ``&`` are written as ``\u003c`` and so on; the script only ever sets text. The page's
own style and script are allowed by their hashes and nothing else is (https://www.w3.org/TR/CSP3/).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from archscan.reports import content
from archscan.reports.cells import shown
from archscan.reports.weak import weak_crypto, weak_matrix

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TextIO

    from archscan.reports.selection import Selection

# What a browser still opens in a second or two; the rest is in `report json`, and the page says so.
LIMIT = 20_000
STATIC = 100  # rows that are in the page itself, for viewers without scripts

_SECTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "findings": (
        ("severity", "Severity"), ("rule", "Rule"), ("package", "Package"), ("version", "Version"),
        ("architecture", "Architecture"), ("path", "Path"), ("message", "Message"), ("confidence", "Confidence"),
        ("new", "New"),
    ),
    "weak": (
        ("package", "Package"), ("architecture", "Architecture"), ("algorithm", "Algorithm"), ("context", "Context"),
        ("confidence", "Confidence"), ("places", "Places"), ("imports", "Imports"), ("evidence", "Evidence"),
        ("example", "Example"),
    ),
    "crypto": (
        ("strength", "Strength"), ("algorithm", "Algorithm"), ("role", "Role"), ("package", "Package"),
        ("architecture", "Architecture"), ("path", "Path"), ("library", "Library"), ("symbol", "Symbol"),
        ("evidence", "Evidence"), ("confidence", "Confidence"), ("uses", "Uses"),
    ),
    "privileges": (
        ("privilege", "Privilege"), ("package", "Package"), ("version", "Version"), ("architecture", "Architecture"),
        ("path", "Path"), ("mode", "Mode"), ("owner", "Owner"), ("group", "Group"), ("granted_by", "Granted by"),
    ),
    "problems": (
        ("scan", "Scan"), ("stage", "Stage"), ("kind", "Kind"), ("target", "Target"), ("path", "Path"),
        ("message", "Message"),
    ),
    "partial": (
        ("status", "Status"), ("filename", "File"), ("package", "Package"), ("version", "Version"),
        ("architecture", "Architecture"), ("problems", "Problems"),
    ),
    "nested": (
        ("package", "Package"), ("version", "Version"), ("architecture", "Architecture"), ("path", "Path"),
        ("size", "Bytes"),
    ),
}  # fmt: skip

_CHOICES = {
    "findings": ("severity", "rule", "architecture", "confidence", "new"),
    "weak": ("algorithm", "context", "confidence", "architecture"),
    "crypto": ("strength", "algorithm", "role", "architecture"),
    "privileges": ("privilege", "architecture"),
    "problems": ("stage", "kind"),
    "partial": ("status",),
    "nested": ("architecture",),
}


def write(
    connection: sqlite3.Connection,
    stream: TextIO,
    generated: str | None,
    directory: Path,
    selection: Selection | None = None,
) -> None:
    """Write the page to ``stream``; ``generated`` is the time to print in it, or None.

    ``selection`` is what the connection was narrowed to; ``directory`` holds ``report.html.j2``, ``report.css`` and
    ``report.js``. The same database and time give the same bytes.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    style, script = (Markup((directory / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js"))  # noqa: S704 - our own files
    environment = Environment(
        loader=FileSystemLoader(directory), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["shown"] = shown
    environment.filters["moment"] = _moment
    page = environment.get_template("report.html.j2").stream(
        **_values(connection),
        generated=generated,
        narrowed=selection.words() if selection else "",
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    stream.writelines(page)


def _values(connection: sqlite3.Connection) -> dict[str, Any]:
    scan = content.last_scan(connection)
    scan_id = scan["id"] if scan else None
    counts = content.counts(connection, scan_id)
    rules = list(content.rules(connection, scan_id))
    sections = {
        "findings": content.findings(connection, scan_id),
        "weak": weak_crypto(connection),
        "crypto": content.crypto_uses(connection),
        "privileges": content.privileged_files(connection),
        "problems": content.problems(connection),
        "partial": content.not_whole(connection),
        "nested": content.nested_archives(connection),
    }
    tables = {name: _table(name, rows) for name, rows in sections.items()}
    contexts, matrix = weak_matrix(connection)
    return {
        "scan": scan,
        "contexts": contexts,
        "weak": matrix,
        "counts": counts,
        "severities": content.SEVERITIES,
        "open": sum(tally["open"] for tally in counts["findings"].values()),
        "new": sum(tally["new"] for tally in counts["findings"].values()),
        "rules": rules,
        "worst": content.worst(connection, 10),
        "matrix": _matrix(content.hardening(connection)),
        "unmeasured": content.unmeasured(connection),
        "unread": content.unread(connection),
        "tables": tables,
        "static": STATIC,
        "data": _data(tables, rules),
    }


def _table(name: str, rows: Iterable[content.Row]) -> dict[str, Any]:
    iterator = iter(rows)
    kept = [_cleaned(row) for row in islice(iterator, LIMIT)]
    return {"columns": _SECTIONS[name], "rows": kept, "left_out": sum(1 for _ in iterator)}


def _cleaned(row: content.Row) -> content.Row:
    cleaned = {key: _safe(value) for key, value in row.items()}
    if "new" in cleaned:
        cleaned["new"] = "new" if cleaned["new"] else ""
    if cleaned.get("overridden"):
        cleaned["message"] += " (overridden by the maintainer)"
    if decision := content.decision(cleaned.get("decision")):
        cleaned["message"] += f" ({shown(decision)})"
    return cleaned


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {shown(key): _safe(inner) for key, inner in value.items()}
    return [_safe(inner) for inner in value] if isinstance(value, list) else value


def _moment(time: str) -> str:
    # 2026-05-02T10:01:05Z -> 2026-05-02 10:01 UTC; other forms stay as they are.
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)", time)
    return f"{match[1]} {match[2]} UTC" if match else time


def _matrix(rows: list[content.Row]) -> list[dict[str, Any]]:
    """One part an architecture: its features with their bars, and those that apply to none of its objects."""
    architectures = list(dict.fromkeys(row["architecture"] for row in rows))
    return [
        {
            "architecture": shown(architecture) or "unknown",
            "rows": [_share(row) for row in rows if row["architecture"] == architecture and _applies(row)],
            "inapplicable": [
                row["feature"] for row in rows if row["architecture"] == architecture and not _applies(row)
            ],
        }
        for architecture in architectures
    ]


def _applies(row: content.Row) -> bool:
    return any(row[verdict] for verdict in ("protected", "partial", "unprotected", "unknown"))


def _share(row: content.Row) -> content.Row:
    """The row with ``share`` in percent of the objects that were judged and can be protected, and its bar."""
    judged = row["protected"] + row["partial"] + row["unprotected"]
    bars, start = [], 0.0
    for verdict in ("protected", "partial", "unprotected"):
        width = round(100 * row[verdict] / judged, 2) if judged else 0
        bars.append((verdict, round(start, 2), width))
        start += width
    # Rounded down: 100 % is said only of all.
    return {**row, "share": 100 * row["protected"] // judged if judged else None, "bars": bars}


def _data(tables: dict[str, dict[str, Any]], rules: list[content.Row]) -> Any:
    from markupsafe import Markup

    data = {
        "tables": {
            name: {
                "columns": [{"key": key, "label": label} for key, label in table["columns"]],
                "choices": _CHOICES[name],
                "rows": [[row[key] for key, _ in table["columns"]] for row in table["rows"]],
                "details": [_DETAILS[name](row) for row in table["rows"]] if name in _DETAILS else None,
                "grouped": _GROUPED.get(name, 0),
            }
            for name, table in tables.items()
        },
        "rules": {
            shown(rule["rule"]): {key: rule[key] for key in ("title", "why", "fix", "fix_for", "references")}
            for rule in rules
        },
        "severities": content.SEVERITIES,
    }
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - no markup can stand in it any more


def _details(row: content.Row) -> dict[str, Any]:
    return {
        "source": row["source"],
        "subject": row["subject"],
        "fix_where": row["fix_where"],
        "fingerprint": row["fingerprint"],
        "evidence": row["evidence"],
    }


def _sites(row: content.Row) -> dict[str, Any]:
    places = row["places"] + row["imports"]
    return {"evidence": {"sites": row["sites"], "count": places, "truncated": places > len(row["sites"])}}


# What a row shows when it is opened, and how many columns at the left make groups of rows
_DETAILS = {"findings": _details, "weak": _sites}
_GROUPED = {"weak": 4}


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
