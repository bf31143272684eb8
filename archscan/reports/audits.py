"""Documents of audits as people and programs take them: text for a bug report, HTML, JSON."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from archscan import __version__
from archscan.audit import Answer, Document, Line, Section, Table
from archscan.audit.document import inert
from archscan.reports import json_stream
from archscan.reports.cells import shown

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA_VERSION = 1
_MOST_ROWS = 25  # of evidence below a line; all that is kept is in JSON
_MOST_HTML = 500
_WIDE = 100  # columns of a line
_LONGEST_CELL = 120
_INDENT = "      "  # four or more make it code in Markdown: names from packages mean nothing there
_PROBLEMS = ("TODO-A: Problems:", "TODO-A: - TBD", "TODO-B: Problems: None")


def write(document: Document, stream: TextIO, form: str, folder: Path) -> None:
    """Write the document in a form of ``FORMS``; ``folder`` has the page's template."""
    FORMS[form](document, stream, folder)


def _markdown(document: Document, stream: TextIO, _folder: Path) -> None:
    """Plain text in the manner of the forms, which Markdown leaves as it is: evidence is indented code."""
    stream.write(f"{document.title}\n")
    stream.writelines(
        f"{inert(line)}\n"
        for line in (
            *_since(document),
            f"Read by archscan {__version__}: {document.basis}.",
            *map(_warning, document.warnings),
        )
    )
    for section in document.sections:
        stream.write(f"\n[{section.name}]\n")
        stream.writelines(f"{text}\n" for text in _body(section))


def _since(document: Document) -> Iterator[str]:
    if document.since:
        yield f"Only what changed since {document.since}."


def _warning(text: str) -> str:
    return f"ATTENTION: {text}"


def _body(section: Section) -> Iterator[str]:
    if section.unchanged:
        yield f"({section.unchanged} line{'s' * (section.unchanged != 1)} as in the stored review)"
    if section.words:
        yield "The reviewer's words in the stored review:"
        yield from (f"{_INDENT}{shown(word)}" for word in section.words)
    if not section.split:
        for line in section.lines:
            yield from _texts(line)
        return
    yield "OK:"
    for line in section.lines:
        if not line.problem:
            yield from _texts(line)
    yield ""
    problems = [line for line in section.lines if line.problem]
    if problems:
        yield "Problems:"
        for line in problems:
            yield from _texts(line)
    elif any(line.waits for line in section.lines):
        yield from _PROBLEMS
    else:
        yield "Problems: None"


def _texts(line: Line) -> Iterator[str]:
    """The lines of text that a line of a form becomes."""
    sentence = line.text
    if line.said and not (line.answer == Answer.YES and line.waits):
        last = sentence.rpartition("\n")[2]
        said = inert(line.said)
        mark = " " if last.endswith("?") else ": "
        sentence += f"{mark}{said}" if len(last) + len(said) + 2 <= _WIDE else f"\n  ({said})"
    if line.text:
        yield sentence
    if line.was:
        yield f"{_INDENT}before: {inert(line.was)}"
    for table in line.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"{_INDENT}{shown(table.title)}:"
    if not table.rows:
        yield f"{_INDENT}none"
        return
    rows = [table.columns, *([_cell(cell) for cell in row] for row in table.rows[:_MOST_ROWS])]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.columns))]
    for row in rows:
        yield (_INDENT + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))).rstrip()
    if table.total > len(rows) - 1:
        yield f"{_INDENT}and {table.total - len(rows) + 1:,} more: --format json has them"


def _cell(text: str) -> str:
    one = shown(text)
    return one if len(one) <= _LONGEST_CELL else f"{one[: _LONGEST_CELL - 1]}…"


def _json(document: Document, stream: TextIO, _folder: Path) -> None:
    value = {"schema": SCHEMA_VERSION, "archscan": __version__, **msgspec.to_builtins(document)}
    stream.write(json_stream.text(value) + "\n")


def _html(document: Document, stream: TextIO, folder: Path) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    template = environment.get_template("audit.html.j2")
    style = (folder / "audit.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    stream.write(
        template.render(
            document=document, style=style, style_hash=f"sha256-{digest}", version=__version__, most=_MOST_HTML,
            since=list(_since(document)),
        )
    )  # fmt: skip


FORMS: dict[str, Callable[[Document, TextIO, Path], None]] = {"markdown": _markdown, "html": _html, "json": _json}
