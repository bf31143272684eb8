"""A pytest plugin: with ``--forbid-skips`` a test may skip only for a reason that ``allowed_skips.txt`` lists.

A suite that skips what the machine lacks is green on a machine that lacks everything; in CI that is a failure.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ALLOWED = Path(__file__).with_name("allowed_skips.txt")


def allowed(text: str) -> list[re.Pattern[str]]:
    """The patterns of a list: lines of ``pattern  # why that is all right``; the reason must be there."""
    patterns = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, sign, reason = line.partition("  # ")
        if not sign or not reason.strip():
            raise pytest.UsageError(f"{ALLOWED.name}:{number}: expected `pattern  # reason`, got {line!r}")
        patterns.append(re.compile(pattern.strip()))
    return patterns


class Watch:
    """Notes the skips that nobody allowed, and fails the session for them."""

    def __init__(self, patterns: list[re.Pattern[str]]) -> None:
        self._patterns = patterns
        self.forbidden: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at a test that skipped itself."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._look(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look at a module that skipped itself."""
        if report.skipped:
            self._look(report.nodeid, report.longrepr)

    def _look(self, node: str, skipped: object) -> None:
        reason = str(skipped[2]) if isinstance(skipped, tuple) else str(skipped)
        line = f"{node}: {reason.removeprefix('Skipped: ')}"
        if not any(pattern.search(line) for pattern in self._patterns):
            self.forbidden.append(line)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Hear of modules that skipped themselves in another process, of which only that is told (pytest-xdist)."""
        self.forbidden += [
            line for line in getattr(node, "workeroutput", {}).get("skips", ()) if line not in self.forbidden
        ]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a green session red, or tell the process that decides."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["skips"] = self.forbidden
        if self.forbidden and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name them."""
        if self.forbidden:
            terminalreporter.section(f"skips that {ALLOWED.name} does not allow", red=True)
            for line in self.forbidden:
                terminalreporter.line(line)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--forbid-skips``."""
    text = f"fail where a test skips for a reason that {ALLOWED} does not list"
    parser.addoption("--forbid-skips", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Watch, if asked to."""
    if config.getoption("--forbid-skips"):
        config.pluginmanager.register(Watch(allowed(ALLOWED.read_text("utf-8"))), "skips-watch")
