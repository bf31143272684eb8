"""The plugin that forbids skips, run on suites of one test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import ALLOWED, Watch, allowed

_SKIPPING = "import pytest\ndef test_one(): pytest.skip('no such compiler')\n"
_EXPECTED = "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_one(): assert False\n"


def _outcome(folder: Path, text: str, patterns: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    program = (
        "import re, sys, pytest; from tests.skips import Watch;"
        "sys.exit(pytest.main(['-p', 'no:cacheprovider', sys.argv[1]],"
        "plugins=[Watch([re.compile(one) for one in sys.argv[2:]])]))"
    )
    command = [sys.executable, "-c", program, str(folder), *([patterns] if patterns else [])]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ALLOWED.parent.parent)


def test_a_skip_that_nobody_allowed_fails_the_session(tmp_path: Path) -> None:
    done = _outcome(tmp_path, _SKIPPING)
    assert done.returncode == 1
    assert "test_it.py::test_one: no such compiler" in done.stdout


def test_a_skip_that_is_listed_passes(tmp_path: Path) -> None:
    assert _outcome(tmp_path, _SKIPPING, "test_one: no such").returncode == 0


def test_a_module_that_skips_itself_is_seen(tmp_path: Path) -> None:
    done = _outcome(tmp_path, "import pytest\npytest.skip('no disk', allow_module_level=True)\n")
    assert done.returncode != 0
    assert "no disk" in done.stdout


@pytest.mark.parametrize("text", [_SKIPPING, "import pytest\npytest.skip('no disk', allow_module_level=True)\n"])
def test_skips_of_several_processes_are_seen(tmp_path: Path, text: str) -> None:
    (tmp_path / "test_skipping.py").write_text(text)
    (tmp_path / "test_other.py").write_text("def test_two(): pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tests.skips", "--forbid-skips", "-n2"]
    done = subprocess.run(
        [*command, str(tmp_path)], capture_output=True, text=True, check=False, cwd=ALLOWED.parents[1]
    )
    assert done.returncode == 1
    assert re.search(r"test_skipping\.py.*: no (such compiler|disk)\n", done.stdout)


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert _outcome(tmp_path, _EXPECTED).returncode == 0


def test_the_committed_list_is_well_formed() -> None:
    assert all(isinstance(pattern, re.Pattern) for pattern in allowed(ALLOWED.read_text("utf-8")))


def test_an_entry_without_a_reason_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match=r"allowed_skips\.txt:2: expected `pattern"):
        allowed("# skips\ntest_one\n")


def test_without_the_option_nothing_is_watched(pytestconfig: pytest.Config) -> None:
    watching = pytestconfig.pluginmanager.get_plugin("skips-watch")
    assert isinstance(watching, Watch) is bool(pytestconfig.getoption("--forbid-skips"))
