"""Where in a source a maintainer can act on a finding: a function, a line, a symbol, or an object as a whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from archscan.reports.content import Row

_UNNAMED = re.compile(r"sub_[0-9a-f]+")
# Of these compilers decide for each function, so that a maintainer has to know which …
BY_FUNCTION = frozenset({"stack_protector", "fortify", "stack_clash", "ibt_compiled", "bti_compiled", "pac_compiled"})
# … unless none has it, for these reasons: then, and of all that linkers decide, the object itself is the place.
THROUGHOUT = frozenset({"no-canary", "none-checked", "unprobed", "no-landing-pads", "unsigned"})


class Place(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A place as the evidence names it: absolute ``path``, and what else is known, empty where it is not.

    ``package`` and ``architecture`` are those of the package in which it was seen.
    """

    path: str
    package: str = ""
    architecture: str = ""
    function: str = ""
    line: str = ""
    symbol: str = ""
    what: str = ""
    address: str = ""

    def tells(self) -> bool:
        """Whether a maintainer finds by it what has to be changed."""
        return bool(self.function or self.line or self.symbol)


def places(finding: Row, occurrence: Row) -> tuple[Place, ...]:
    """The places of an occurrence that a maintainer can act on, each once; none where nothing names any."""
    path = f"/{occurrence['path']}" if occurrence["path"] else ""
    if not path:
        return ()
    found = [place for place in _named(path, occurrence) if place.tells()]
    if not found and _is_whole(finding, occurrence):
        found = [Place(path=path, what=finding["subject"])]
    seen = {"package": occurrence["package"] or "", "architecture": occurrence["architecture"] or ""}
    return tuple(dict.fromkeys(msgspec.structs.replace(place, **seen) for place in found))


def _is_whole(finding: Row, occurrence: Row) -> bool:
    """Whether the object, or the file, is the place itself."""
    if finding["category"] == "crypto":
        return False
    if occurrence["elf_sha256"] is None or finding["subject"] not in BY_FUNCTION:
        return True
    return (occurrence["reason"] or {}).get("code") in THROUGHOUT


def _named(path: str, occurrence: Row) -> Iterator[Place]:
    for use in occurrence["uses"]:
        yield Place(path=path, function=_function(use["named"] or use["function"]), line=use["line"] or "",
                    symbol=use["symbol"] or "", what=_purpose(use), address=use["address"] or "")  # fmt: skip
    if occurrence["uses"]:
        return
    known = occurrence["places"]
    reason = (occurrence["reason"] or {}).get("sites", ())
    for site in (*reason, *occurrence["evidence"].get("sites", ())):
        if isinstance(site, dict):
            yield _of_site(path, site, known)


def _of_site(path: str, site: Row, known: Mapping[str, Row]) -> Place:
    address = _text(site.get("address"))
    told = known.get(address, {})
    line = _text(site.get("line")) or told.get("line") or ""
    if line.isdigit():  # of the file itself, as of a script
        line = f"{path}:{line}"
    name = _text(site.get("named")) or _text(site.get("function")) or _text(site.get("name")) or told.get("name") or ""
    return Place(path=path, function=_function(name), line=line, symbol=_text(site.get("symbol")), address=address,
                 what=_text(site.get("argument")) or _text(site.get("what")) or _text(site.get("value")))  # fmt: skip


def _function(name: str | None) -> str:
    """A function by a name that a source has; none for our own names of functions without one."""
    return "" if not name or _UNNAMED.fullmatch(name) else name


def _purpose(use: Row) -> str:
    value = use["value"] or use["argument"] or ""
    known = [use["algorithm"], use["role"], "" if use["context"] == "unknown" else f"for {use['context']}"]
    return " ".join(filter(None, (*known, f"({value})" if value and value != use["algorithm"] else "")))


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, (dict, list, bool)) else str(value)


def is_mandated(occurrence: Row) -> bool:
    """Whether a protocol demands what the occurrence is about, by the purpose of a use or by the rule's rows."""
    sites = [site for site in occurrence["evidence"].get("sites", ()) if isinstance(site, dict)]
    by_use = any(use["context"] == "protocol-mandated" for use in occurrence["uses"])
    return by_use or any(site.get("context") == "protocol-mandated" or site.get("protocol") for site in sites)
