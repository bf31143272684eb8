"""A finding with everything a reader needs to check it, as text or JSON: what `archscan explain` prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from archscan.model import AskedObject, AskedSite, Explained
from archscan.reports import binutils

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from archscan.reports.content import Row

_CODE = re.compile(r"^\| `([^`]+)` \| (.*?) \|$", re.MULTILINE)
_OF_FILE = (
    "The finding goes when the file no longer says so, or the package no longer has it; a decision may say that it is "
    "meant so."
)
_CATEGORY = {
    "crypto": "The finding goes when no place of the object or file uses or holds the algorithm for that any more, or "
    "it turns out to serve for something else; a decision may say that the use needs no strength.",
    "files": _OF_FILE,
    "hardening": "The finding goes when the object, built anew and read again, shows the protection, or that it needs "
    "none; debug symbols may confirm or contradict it (`archscan confirm`).",
}
_FEW = 4  # addresses that stand for all
_ANY_CATEGORY = "The finding goes when the rule's query no longer returns the object; `archscan rules show` prints it."


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence with what its package showed when it was opened again.

    ``file`` is the path of the package, None where it was not found; ``others`` are files of its name that are not it.
    ``problems`` are those of opening it. ``left_out``: places beyond those that were looked at.
    """

    occurrence: Any
    file: str | None = None
    others: tuple[str, ...] = ()
    explained: tuple[Explained, ...] = ()
    problems: tuple[str, ...] = ()
    left_out: int = 0


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """A finding, its occurrences, what would change the verdict, and what is decided, each as ``lines`` of text."""

    finding: Any
    shown: tuple[Shown, ...]
    changes: tuple[str, ...]
    decisions: tuple[Any, ...] = ()


def places(occurrence: Row) -> list[AskedSite]:
    """The places of the code that an occurrence is about, each once: calls, or what the reasons and rows name."""
    found: dict[str, AskedSite] = {}
    for use in occurrence["uses"]:
        if use["address"]:
            site = AskedSite(address=use["address"], symbol=use["symbol"], library=use["library"], role=use["role"],
                             algorithm=use["algorithm"])  # fmt: skip
            found.setdefault(site.address, site)
    if found:
        return list(found.values())
    reason = occurrence["reason"] or {}
    named = [site.get("address") for site in reason.get("sites", ())]
    named += [site.get("address") for site in occurrence["evidence"].get("sites", ()) if isinstance(site, dict)]
    return [AskedSite(address=address) for address in dict.fromkeys(named) if _is_place(address)]


def _is_place(address: object) -> bool:
    return isinstance(address, str) and bool(re.fullmatch(r"(?:[^+]+\+)?0x[0-9a-f]{1,16}", address))


def asked(occurrence: Row, most: int) -> AskedObject | None:
    """What the code is to be asked for an occurrence, at most so many places; None where it is about no object."""
    if occurrence["elf_sha256"] is None or occurrence["path"] is None:
        return None
    sites = tuple(places(occurrence)[:most])
    file_path = occurrence["file_path"] or occurrence["path"]
    return AskedObject(path=occurrence["path"], file_path=file_path, sha256=occurrence["elf_sha256"], sites=sites)


def chosen(finding: Row) -> list[Row]:
    """The occurrences of which the packages are opened: those of current packages, or the newest where none is."""
    occurrences = finding["occurrences"]
    return [one for one in occurrences if one["current"] and not one["unchecked"]] or occurrences[:1]


class Opened(Protocol):
    """A package that was opened again, as the flow gives it back."""

    @property
    def path(self) -> str | None:
        """The escaped path of the package, None where it was not found."""

    @property
    def others(self) -> tuple[str, ...]:
        """Files of its name that are not it."""

    @property
    def explained(self) -> tuple[Explained, ...]:
        """What its code showed."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong."""


def shown(occurrence: Row, opened: Opened | None) -> Shown:
    """An occurrence with what its package showed, None where there was no object to be looked at."""
    if opened is None:
        return Shown(occurrence=occurrence)
    left_out = max(0, len(places(occurrence)) - len(opened.explained))
    return Shown(occurrence=occurrence, file=opened.path, others=opened.others, explained=opened.explained,
                 problems=opened.problems, left_out=left_out if opened.path else 0)  # fmt: skip


def call_reasons(docs: Path) -> dict[str, str]:
    """What each reason of a call means whose outcome is unknown, by the table in ``reasons.md``; none without it."""
    try:
        text = (docs / "reasons.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return dict(_CODE.findall(text.partition("## Calls")[2]))


def changes(finding: Row, said: str, meanings: Mapping[str, str]) -> tuple[str, ...]:
    """What would change the verdict: what the rule says of it, what selects, and what archscan does not know."""
    found = [said or _CATEGORY.get(finding["category"], _ANY_CATEGORY)]
    occurrences = chosen(finding)
    uses = [use for one in occurrences for use in one["uses"]]
    for one in occurrences:
        where = f"{one['package'] or one['filename']} {one['architecture'] or ''}".strip()
        lead = f"{where}, {one['path']}: " if len(occurrences) > 1 else ""
        found += [
            lead + (text if lead else text[0].upper() + text[1:])
            for text in (*_selected(one["uses"]), *_not_known(one["uses"], meanings))
        ]
    if any(use["evidence"] == "import" for use in uses):
        found.append("Of some functions only the import is known: no call of them was seen, which would tell more.")
    for use in uses:
        if use.get("because"):
            found.append(
                f"That a use is for {use.get('protocol') or use['context']} is said by one sign: {use['because']}."
            )
    if uses and all(use["context"] == "unknown" for use in uses):
        found.append("What the algorithm serves for is not known: evidence of that would raise or lower the finding.")
    return tuple(dict.fromkeys(found))


def _selected(uses: Sequence[Row]) -> Iterator[str]:
    """Where other values would select something else."""
    alone = [use for use in uses if use["outcome"] == "value"]
    named = [use for use in alone if use["value"]]
    if named:
        values = ", ".join(dict.fromkeys(use["value"] for use in named))
        yield f"another value than {values} at {_places(named)}; nothing else can stand there."
    fixed = [use for use in alone if not use["value"]]
    if fixed:
        symbols = ", ".join(dict.fromkeys(use["symbol"] for use in fixed if use["symbol"]))
        yield f"another function than {symbols} at {_places(fixed)}; the name alone says what it is for."
    several = [use for use in uses if use["outcome"] == "set"]
    if several:
        yield f"at {_places(several)} it is one of several values, by the ways that the program takes."
    asked = [use for use in uses if use["outcome"] in ("runtime", "forwarded")]
    for reason in dict.fromkeys(use["reason"] for use in asked):
        same = [use for use in asked if use["reason"] == reason]
        yield f"who decides at {_places(same)} is {reason}; what that brings was not seen."


def _not_known(uses: Sequence[Row], meanings: Mapping[str, str]) -> Iterator[str]:
    """What archscan does not know of the calls, by reason."""
    unknown = [use for use in uses if use["outcome"] == "unknown"]
    for reason in dict.fromkeys(use["reason"] or "" for use in unknown):
        same = [use for use in unknown if (use["reason"] or "") == reason]
        meaning = meanings.get(reason, "")
        yield f"not known at {_places(same)}: {reason}{f' ({meaning})' if meaning else ''}."


def _places(uses: Sequence[Row]) -> str:
    addresses = list(dict.fromkeys(use["address"] for use in uses))
    more = f" and {len(addresses) - _FEW} more" if len(addresses) > _FEW else ""
    return ", ".join(addresses[:_FEW]) + more


def as_json(one: Explanation, host: str) -> str:
    """The whole as JSON."""
    whole = {
        "finding": {key: value for key, value in one.finding.items() if key != "occurrences"},
        "decisions": one.decisions,
        "changes": one.changes,
        "occurrences": [
            {
                **shown.occurrence,
                "package_file": shown.file,
                "problems": list(_problems(shown)),
                "left_out": shown.left_out,
                "extraction": list(extraction(shown)),
                "code": [
                    {**msgspec.to_builtins(found), "commands": list(binutils.of_site(found, shown.occurrence, host))}
                    for found in shown.explained
                ],
                "commands": list(other_commands(one.finding, shown, host)),
            }
            for shown in one.shown
        ],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def _problems(shown: Shown) -> Iterator[str]:
    """What kept the package from being opened, or from being read whole, and what to do."""
    name = shown.occurrence["filename"]
    if not _has_object(shown):
        return
    if shown.file is None and shown.others:
        yield (f"{', '.join(shown.others)}: not the package that was scanned, whose SHA-256 is "
               f"{shown.occurrence['sha256']}; give that with --package FILE")  # fmt: skip
    elif shown.file is None:
        yield f"the package {name} was not found, so its code is not shown; give it with --package FILE"
    yield from shown.problems


def _has_object(shown: Shown) -> bool:
    return shown.occurrence["elf_sha256"] is not None


def _file(shown: Shown) -> str:
    return shown.file or shown.occurrence["filename"]


def extraction(shown: Shown) -> Iterator[str]:
    """The commands that get the object out of its package; none where there is no object."""
    if _has_object(shown):
        member = shown.explained[0].member if shown.explained else ""
        yield from binutils.extraction(_file(shown), shown.occurrence, member)


def other_commands(finding: Row, shown: Shown, host: str) -> Iterator[str]:
    """The commands beside those of the places that were looked at: of headers, imports, files, and further places."""
    occurrence, seen = shown.occurrence, {one.address for one in shown.explained}
    if finding["category"] == "crypto":
        imports = {use["symbol"]: None for use in occurrence["uses"] if use["evidence"] == "import" and use["symbol"]}
        yield from binutils.of_import(imports, occurrence)
    elif _has_object(shown):
        yield from binutils.of_verdict(finding["subject"], occurrence, host)
    if _has_object(shown) and not shown.explained:
        yield from (binutils.of_address(site.address, occurrence, host)
                    for site in places(occurrence)[:4] if site.address not in seen)  # fmt: skip
    if not _has_object(shown) or occurrence["privilege"]:
        yield from binutils.of_file(_file(shown), occurrence)


def problems(shown: Shown) -> Sequence[str]:
    """What is to be said about an occurrence whose package could not be opened, or not read whole."""
    return tuple(_problems(shown))
