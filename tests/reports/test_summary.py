import io
import sqlite3

import pytest
from rich.cells import cell_len

from archscan.reports import screen, summary


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(connection: sqlite3.Connection, width: int | None = None, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    screen.write(summary.summary(connection, 2, read=5, known=2), stream, width)
    return stream.getvalue()


def one_scan(connection: sqlite3.Connection, state: str = "finished") -> sqlite3.Connection:
    connection.execute(
        "INSERT INTO scan VALUES (2, '2026-05-01T10:00:00Z', '2026-05-01T10:00:04.2Z', '0.1.0', 'e', 'd', 'c', ?)",
        (state,),
    )
    return connection


def test_the_figures_are_those_of_the_database(filled: sqlite3.Connection) -> None:
    text = printed(filled, 200)
    opened = filled.execute("SELECT count(*) FROM finding WHERE state = 'open'").fetchone()[0]
    new = filled.execute("SELECT count(*) FROM finding WHERE state = 'open' AND first_scan = 2").fetchone()[0]
    objects = filled.execute("SELECT count(*) FROM elf").fetchone()[0]
    assert f"{opened} open, {new} of them new in this scan" in text
    assert f"{objects} ELF objects" in text
    assert "6 of the negligible ones by the maintainer's word: archscan query overridden" in text
    assert "7 packages in this scan: 5 read, 2 known already" in text
    assert "scan 2 finished in 1 min 5 s" in text


def test_what_was_not_looked_at_is_said(filled: sqlite3.Connection) -> None:
    text = " ".join(printed(filled, 200).split())
    assert "1 package partial, 1 package unreadable" in text
    assert "6 nested archives (zip, jar …) in 6 packages not opened" in text
    assert "verdict unknown for up to 12 objects: stack_protector, stack_clash, ibt_compiled" in text
    assert "2 problems in this scan" in text


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_the_screen(filled: sqlite3.Connection, width: int) -> None:
    lines = printed(filled, width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


def test_ten_packages_fit_on_one_screen(filled: sqlite3.Connection) -> None:
    assert len(printed(filled, 80).splitlines()) <= 40


def test_a_log_gets_neither_colour_nor_control_characters(filled: sqlite3.Connection) -> None:
    text = printed(filled)
    assert all(character == "\n" or character.isprintable() for character in text)
    assert "\\xe2\\x80\\xaegnp.exe" in text


def test_a_terminal_gets_colour(filled: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31m" in printed(filled, 80, Terminal())


def test_no_color_is_respected(filled: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in printed(filled, 80, Terminal())


def test_an_empty_scan_has_its_screen(empty: sqlite3.Connection) -> None:
    lines = printed(one_scan(empty)).splitlines()
    assert lines == [
        "archscan 0.1.0: scan 2 finished in 4.2 s",
        "",
        "Packages      7 packages in this scan: 5 read, 2 known already",
        "              0 packages in the database, 0 ELF objects",
        "",
        "Findings      none open",
    ]


def test_an_interrupted_scan_is_called_so(empty: sqlite3.Connection) -> None:
    assert "scan 2 interrupted" in printed(one_scan(empty, "interrupted"))


def test_a_rule_is_shown_as_severe_as_what_it_found(filled: sqlite3.Connection) -> None:
    filled.execute("UPDATE finding SET severity = 'negligible' WHERE rule_id = 'no-pie'")
    opened = filled.execute("SELECT count(*) FROM finding WHERE rule_id = 'no-pie' AND state = 'open'").fetchone()[0]
    line = next(line for line in printed(filled, 120).splitlines() if " no-pie " in line)
    assert line.split()[:3] == [str(opened), "negligible", str(opened)]


def test_the_worst_of_a_rule_are_counted_apart_from_all(filled: sqlite3.Connection) -> None:
    where = "rule_id = 'no-pie' AND state = 'open'"
    (first,) = filled.execute(f"SELECT min(id) FROM finding WHERE {where}").fetchone()
    filled.execute(f"UPDATE finding SET severity = 'low' WHERE {where} AND id <> ?", (first,))
    opened = filled.execute(f"SELECT count(*) FROM finding WHERE {where}").fetchone()[0]
    lines = printed(filled, 120).splitlines()
    line = next(line for line in lines if " no-pie " in line)
    assert line.split()[:3] == ["1", "high", str(opened)]
    assert any(" 1 high " in line for line in lines if "critical" in line)


def test_packages_with_negligible_findings_only_are_not_the_worst(filled: sqlite3.Connection) -> None:
    filled.execute("UPDATE occurrence SET severity = 'negligible'")
    assert "worst packages" not in printed(filled, 120)
