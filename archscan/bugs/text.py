"""The words of a bug: templates of ``reports/bugs`` with prose that is wrapped and evidence that never is."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import msgspec

from archscan.bugs import evidence
from archscan.bugs.checks import MOST_BYTES
from archscan.bugs.evidence import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from jinja2 import Environment

    from archscan.bugs.campaign import Campaign
    from archscan.bugs.material import Matter

_WIDTH = 72
_LONGEST_VALUE = 400  # characters of a value that packages chose
_MOST_PACKAGES = 300  # that a mail to a team names; its table has all
_MOST_ATTACHED = 1 << 20  # bytes
_IMPORTANCE = {"wishlist": "wishlist", "minor": "low", "normal": "medium"}


class Block(str):
    """Lines of our own making, which templates print as they are."""

    __slots__ = ()


class Written(msgspec.Struct, frozen=True):
    """A text as it is sent, subject first, and the evidence that found no room in it."""

    text: str
    attached: str = ""


def templates(directory: Path) -> Environment:
    """The templates of a folder. Whatever a value is, it is printed as one line without control characters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(directory), autoescape=False, undefined=StrictUndefined, trim_blocks=True,  # noqa: S701 - plain text
        lstrip_blocks=True, keep_trailing_newline=True, finalize=_plain,
    )  # fmt: skip
    found.filters["wrap"] = wrapped
    return found


def _plain(value: object) -> object:
    return value if isinstance(value, Block) else cut(value, _LONGEST_VALUE)


def wrapped(value: str, width: int = _WIDTH) -> Block:
    """Prose in lines of at most ``width`` characters; no line begins with a blank, and no word is broken."""
    parts = [cut(" ".join(part.split()), 8 * _LONGEST_VALUE) for part in value.strip().split("\n\n")]
    wrap = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    return Block("\n\n".join("\n".join(_not_control(line) for line in wrap.wrap(part)) for part in parts if part))


def _not_control(line: str) -> str:
    """The line so that no server takes it for the end of a message, a signature or a quotation."""
    return f"- {line}" if line in (".", "--") or line.startswith("From ") else line


def lines(rows: Iterable[str]) -> Block:
    """Lines that are printed as they are."""
    return Block("\n".join(rows))


def fitted(render: Callable[[int], str], rows: int, full: str) -> Written:
    """The text with as many rows as it has room for; where that is not all, the full table beside it."""
    whole = render(rows)
    if _fits(whole):
        return Written(whole)
    low, high = 0, rows
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(render(middle)) else (low, middle)
    attached = full.encode()[:_MOST_ATTACHED].decode("utf-8", "ignore")
    return Written(render(low), attached)


def _fits(text: str) -> bool:
    return len(text.encode()) <= MOST_BYTES


def report(environment: Environment, campaign: Campaign, matter: Matter, fingerprint: str) -> Written:
    """The bug of a source package, for the tracker that it goes to."""
    heading, rows = evidence.table(matter.found)
    values = {**_values(campaign, matter), "fingerprint": fingerprint}
    template = environment.get_template(f"{matter.target}.j2")

    def render(shown: int) -> str:
        table = {"evidence": lines([heading, *rows[:shown]]), "left_out": len(rows) - shown, "rows": len(rows)}
        return template.render(values | table)

    return fitted(render, len(rows), "\n".join([heading, *rows, ""]))


def _values(campaign: Campaign, matter: Matter) -> dict[str, Any]:
    first = worst(matter).finding
    where = next((one["fix_where"] for found in matter.found for one in found.occurrences), None)
    fixes = dict.fromkeys(one.finding["fix_for"].get(where, one.finding["fix"]) for one in matter.found)
    subjects = sorted({one.finding["subject"] for one in matter.found}) if first["category"] == "crypto" else []
    return {
        "campaign": campaign,
        "matter": matter,
        "title": title(matter),
        "subjects": ", ".join(subjects),
        "findings": len(matter.fingerprints),
        "sources": sorted({one.finding["source"] for one in matter.found}),
        "why": "\n\n".join(dict.fromkeys(one.finding["why"] for one in matter.found)),
        "fix": "\n\n".join(fixes),
        "references": list(dict.fromkeys(text for one in matter.found for text in one.finding["references"])),
        "commands": lines(evidence.commands(matter.found)),
        "importance": _IMPORTANCE[matter.severity],
    }


def worst(matter: Matter) -> Any:
    """The finding that gives a bug its title: the most severe, of equal ones the first."""
    order = ("negligible", "low", "medium", "high", "critical")
    return max(matter.found, key=lambda one: order.index(one.finding["severity"]))


def title(matter: Matter) -> str:
    """What a bug says of its source package, as a subject has it."""
    text = str(worst(matter).finding["title"])
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def team(
    environment: Environment, campaign: Campaign, matters: Sequence[Matter], fingerprint: str, maintainer: str
) -> Written:
    """The mail to a team that has many packages with the same fault: one list, and evidence of each."""
    names = [f"{one.source} {one.version or ''}".rstrip() for one in matters]
    parts = []
    for matter in matters:
        heading, rows = evidence.table(matter.found)
        parts.append((matter, heading, rows))
    every = [(matter, heading, row) for matter, heading, rows in parts for row in rows]
    values = {**_values(campaign, matters[0]), "matters": matters, "fingerprint": fingerprint, "maintainer": maintainer,
              "packages": lines(names[:_MOST_PACKAGES]), "unnamed": len(names[_MOST_PACKAGES:])}  # fmt: skip
    values["commands"] = lines(evidence.commands([one for matter in matters for one in matter.found]))
    template = environment.get_template("team.j2")

    def render(shown: int) -> str:
        table = {"evidence": lines(_by_source(every[:shown])), "left_out": len(every) - shown, "rows": len(every)}
        return template.render(values | table)

    return fitted(render, len(every), "\n".join([*_by_source(every), ""]))


def _by_source(rows: Sequence[tuple[Matter, str, str]]) -> Iterable[str]:
    last = None
    for matter, heading, row in rows:
        if matter.source != last:
            yield from (["", matter.source] if last else [matter.source])
            yield heading
            last = matter.source
        yield row


def filled(environment: Environment, name: str, values: Mapping[str, Any]) -> str:
    """The text of a template that needs no fitting."""
    return environment.get_template(name).render(values)
