"""An explanation as lines for a reader: what was found, the code with the path of the value, commands, what next."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TYPE_CHECKING

from archscan.reports import binutils
from archscan.reports.cells import shown as clean
from archscan.reports.explanation import Explanation, Shown, extraction, other_commands, problems
from archscan.reports.screen import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

    from archscan.model import ArgumentPath, Explained, Instruction, PathStep
    from archscan.reports.content import Row

_WIDEST = 100  # columns of prose
_MOST_USES = 24  # lines of uses of an occurrence
_MOST_STEPS = 40  # lines of a path
_COLUMN = 46  # where notes stand behind instructions
_ELSEWHERE = ("address", "function", "line", "lines", "named", "confirmation")  # said of places, and in the message
_MARKS = {"here": ">", "argument": "*"}


def write(one: Explanation, stream: TextIO, host: str) -> None:
    """Print an explanation; prose is wrapped to the terminal, code and commands never are."""
    fits = stream.isatty() or os.environ.get("COLUMNS")
    columns = shutil.get_terminal_size((_WIDEST, 24)).columns if fits else _WIDEST
    stream.writelines(f"{clean(line).rstrip()}\n" for line in _lines(one, host, max(40, min(columns, 120))))


def _lines(one: Explanation, host: str, width: int) -> Iterator[str]:
    finding = one.finding
    yield f"{finding['rule']}: {finding['title']}"
    yield f"  severity {finding['severity']}, confidence {finding['confidence']}, {finding['state']}" + (
        ", overridden by the maintainer" if finding["overridden"] else ""
    )
    yield f"  source {finding['source']}, {finding['path_key'] or 'the package'}, subject {finding['subject']}"
    yield f"  finding {finding['id']}, fingerprint {finding['fingerprint']}"
    for decision in one.decisions:
        yield from _prose(decision["text"], width)
    for shown in one.shown:
        yield ""
        yield from _occurrence(finding, shown, host, width)
    for heading, text in (("Why it matters", finding["why"]), ("What to do", _fix(one))):
        if text:
            yield ""
            yield heading
            yield from _prose(text, width)
    yield ""
    yield "What would change the verdict"
    for text in one.changes:
        yield from _prose(text, width, "- ")


def _fix(one: Explanation) -> str:
    """What the rule says to do, for the place where the first occurrence is to be mended."""
    where = next((shown.occurrence["fix_where"] for shown in one.shown), None)
    return str(one.finding["fix_for"].get(where, one.finding["fix"]))


def _prose(text: str, width: int, lead: str = "") -> Iterator[str]:
    for part in text.split("\n\n"):
        yield from textwrap.wrap(" ".join(part.split()), width, initial_indent=f"  {lead}",
                                 subsequent_indent="  " + " " * len(lead), break_long_words=False,
                                 break_on_hyphens=False)  # fmt: skip


def _occurrence(finding: Row, shown: Shown, host: str, width: int) -> Iterator[str]:
    one = shown.occurrence
    place = " ".join(filter(None, (one["package"] or one["filename"], one["version"], one["architecture"])))
    yield f"{place}: {one['path'] or 'the package'}" + ("" if one["current"] else " (not the newest version)")
    yield from _prose(one["message"], width)
    if one["reason"]:
        yield from _prose(_reason(one["reason"], one.get("places", {})), width)
    for line in _evidence(one):
        yield from _prose(line, width)
    yield from _uses(one["uses"])
    for text in problems(shown):
        yield ""
        yield from _prose(text, width, "! ")
    for found in shown.explained:
        yield ""
        use = next((use for use in one["uses"] if use["address"] == found.address), None)
        yield from _code(found, use, one.get("places", {}).get(found.address))
    if shown.left_out:
        yield ""
        yield f"  {count(shown.left_out, 'more place')}: --sites {shown.left_out + len(shown.explained)}"
    yield from _commands(finding, shown, host)


def _reason(reason: Row, places: Mapping[str, Row]) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in reason.get("counts", {}).items())
    sites = [_site(site, places.get(site.get("address") or "", {})) for site in reason.get("sites", ())]
    found = f"{reason['text']} ({reason['code']}{f': {counts}' if counts else ''})"
    return found + (f"; {', '.join(sites)}" if sites else "")


def _site(site: Row, place: Row) -> str:
    return " ".join(filter(None, (site.get("address"), site.get("name") or place.get("name"), place.get("line"))))


def _evidence(one: Row) -> Iterator[str]:
    """What the rows of the rule say, where no uses say the same in more detail; places are shown as such."""
    lines = dict[str, None]()
    for site in () if one["uses"] else one["evidence"].get("sites", ()):
        named = {key: value for key, value in site.items() if key not in _ELSEWHERE and value is not None}
        lines[", ".join(f"{key.replace('_', ' ')} {value}" for key, value in named.items())] = None
    yield from filter(None, lines)


def _uses(uses: list[Row]) -> Iterator[str]:
    if not uses:
        return
    rows = [_use(use) for use in uses[:_MOST_USES]]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        start = "  ".join(f"{clean(cell):{width}}" for cell, width in zip(row, widths, strict=False))
        yield f"    {start}  {row[3]}"
    if len(uses) > _MOST_USES:
        yield f"    … {len(uses) - _MOST_USES} more: archscan query package-crypto"


def _use(use: Row) -> tuple[str, str, str, str]:
    """Address, function, symbol, and what is known of a use."""
    values = (use["value"] or "").split(", ")
    value = use["argument"] if use["argument"] and (len(values) > 1 or not use["value"]) else use["value"]
    others = f" or {count(len(values) - 1, 'other')}" if len(values) > 1 and use["argument"] else ""
    alone = "by its name" if use["outcome"] == "value" else use["outcome"] or use["evidence"]
    known = [f"{use['outcome'] or use['evidence']}: {value}{others}" if value else alone, use["role"]]
    protocol = f" ({use['protocol']})" if use.get("protocol") else ""
    known += [use["reason"], f"context {use['context']}{protocol}", use["line"]]
    name = use["symbol"] or use["algorithm"]
    return use["address"] or "-", use.get("named") or use["function"] or "-", name, ", ".join(filter(None, known))


def _code(found: Explained, use: Row | None, place: Row | None) -> Iterator[str]:
    function, line = _named(found, use, place or {})
    around = f" in {function}" if function else "" if found.problem else " in no function that is known"
    around = f", used by {function}" if found.data and function else around
    called = f": {found.target}" if found.target else ""
    value = f", {use['outcome']} {use['value']}" if use and use["value"] else ""
    yield f"  {found.address}{around}{f', {line}' if line else ''}{called}{value}"
    if found.problem:
        yield f"    {found.problem}"
    if found.data and found.instructions:
        yield "    and the first instruction that names it"
    if not found.instructions:
        return
    if found.guessed:
        yield "    (no table says where the function begins: the first instructions may be wrong)"
    width = max(len(one.address) for one in found.instructions)
    for one in found.instructions:
        yield _instruction(one, width)
    for number, path in enumerate(found.paths):
        depends = ", on which it depends what the call does" if number else ""
        yield f"    how argument {path.argument} got its value{depends}"
        yield from _path(path, found)
    if found.target and not found.paths and use and not found.data:
        yield "    no argument selects: the function is for that alone"


def _named(found: Explained, use: Row | None, place: Row) -> tuple[str | None, str | None]:
    """What debug symbols call the function around a place, else the object; and the line, where one is known."""
    name = use.get("named") if use and use["function"] == found.function else None
    if found.function == f"sub_{found.address[2:]}":
        name = name or place.get("name")
    return name or found.function, (use["line"] if use else None) or place.get("line")


def _instruction(one: Instruction, width: int) -> str:
    line = f"    {_MARKS.get(one.mark, ' ')} {one.address:>{width}}  {one.text}"
    return f"{line:{_COLUMN + width}}  {one.note}" if one.note else line


def _path(path: ArgumentPath, found: Explained) -> Iterator[str]:
    if path.problem:
        yield f"      {path.problem}"
    function = found.function
    for step in path.steps[-_MOST_STEPS:]:
        if step.function != function:
            yield f"      in {step.function or 'no function that is known'}"
            function = step.function
        yield f"      {_step(step)}"
    if path.cut or len(path.steps) > _MOST_STEPS:
        yield "      … and more ways, which are not shown"


def _step(one: PathStep) -> str:
    if not one.text:
        return f"{one.address}: {one.said}"
    value = f" = {one.value}" if one.value else ""
    said = f" ({one.said})" if one.said else ""
    return f"{one.address}: {one.text} -> {one.into}{value}{said}"


def _commands(finding: Row, shown: Shown, host: str) -> Iterator[str]:
    occurrence = shown.occurrence
    lines = list(extraction(shown))
    for found in shown.explained:
        lines += binutils.of_site(found, occurrence, host)
    lines += other_commands(finding, shown, host)
    if lines:
        yield ""
        yield "  To see it without archscan"
        yield from (f"    {line}" for line in dict.fromkeys(lines))
