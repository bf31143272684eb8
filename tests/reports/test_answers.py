import csv
import io
import json
import re
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.reports import answers, cells, queries


def written(columns: tuple[str, ...], rows: list[tuple[Any, ...]], form: str, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO(newline="")
    assert answers.write(queries.Answer(columns, iter(rows)), stream, form) == len(rows)
    return stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


ROWS: list[tuple[Any, ...]] = [("a", 1, None), ("bé\u202ex", 1000, b"\xff\x00"), ("漢字", -5, 1.5)]
COLUMNS = ("name", "number", "other")


def test_json_gives_back_every_value() -> None:
    assert json.loads(written(COLUMNS, ROWS, "json")) == [
        {"name": "a", "number": 1, "other": None},
        {"name": "bé\u202ex", "number": 1000, "other": "ff00"},
        {"name": "漢字", "number": -5, "other": 1.5},
    ]


def test_no_rows_are_an_empty_json_array() -> None:
    assert json.loads(written(COLUMNS, [], "json")) == []


def test_infinity_is_null_in_json(empty: sqlite3.Connection) -> None:
    with queries.ask(empty, "SELECT 9e999 AS x, -9e999 AS y", {}) as answer:
        stream = io.StringIO()
        answers.write(answer, stream, "json")
    assert json.loads(stream.getvalue()) == [{"x": None, "y": None}]


def test_csv_gives_back_every_value() -> None:
    found = list(csv.reader(io.StringIO(written(COLUMNS, [*ROWS, ('"q", \'', 0, None)], "csv"), newline="")))
    assert found[0] == list(COLUMNS)
    assert found[1] == ["a", "1", ""]
    assert found[3] == ["漢字", "-5", "1.5"]
    assert found[4] == ['"q", \'', "0", ""]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_text_becomes_a_formula(start: str) -> None:
    found = next(csv.reader(io.StringIO(written(("x",), [(start + "1+1",)], "csv").split("\n", 1)[1], newline="")))
    assert found[0][0] not in "=+-@\t\r\uff1d\uff0b\uff0d\uff20"


def test_a_table_is_aligned_and_whole_without_a_terminal() -> None:
    lines = written(COLUMNS, ROWS, "table").splitlines()
    assert lines == [
        "name             number  other",
        "a                     1",
        "bé\\xe2\\x80\\xaex    1000  ff00",
        "漢字                 -5  1.5",
    ]


def test_columns_that_no_terminal_has_room_for_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    columns = ("fingerprint", "severity", "confidence", "path")
    rows = [("b241342a5984", "low", "possible", "usr/lib/" + "x" * 40), ("0752fee8d783", None, "likely", "\x1b[31m")]
    monkeypatch.setenv("COLUMNS", "47")

    def seen() -> list[list[str]]:
        text = re.sub(r"\x1b\[[0-9;]*m", "", written(columns, rows, "table", Terminal()))
        return [line.split() for line in text.splitlines()]

    assert seen() == [
        ["fingerprint", "b241342a5984"], ["severity", "low"], ["confidence", "possible"],
        ["path", "usr/lib/" + "x" * 26], ["x" * 14], [],
        ["fingerprint", "0752fee8d783"], ["severity"], ["confidence", "likely"], ["path", "\\x1b[31m"],
    ]  # fmt: skip
    monkeypatch.setenv("COLUMNS", "48")
    assert seen()[0] == list(columns)


def test_a_table_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    text = re.sub(r"\x1b\[\d*m", "", written(("name", "other"), [("x" * 60, "[red]y[/red]")], "table", Terminal()))
    assert max(map(len, text.splitlines())) <= 40
    assert "[red]y[/red]" in text.replace("\n", "")
    assert text.count("x") == 60


def test_a_query_without_rows_still_shows_its_columns() -> None:
    assert written(COLUMNS, [], "table") == "name  number  other\n"


@given(st.text())
def test_what_is_shown_is_one_line_without_control_characters(text: str) -> None:
    found = cells.shown(text)
    assert len(found.splitlines()) <= 1
    assert not any(0x202A <= ord(character) <= 0x202E or ord(character) < 32 for character in found)
    found.encode("utf-8")
