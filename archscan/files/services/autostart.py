"""What starts with every session of a user: the desktop application autostart specification."""

from __future__ import annotations

import re

from archscan.files.forms.assignments import Assignment, assignments, directives
from archscan.files.forms.text import cut
from archscan.files.services.commands import MOST_PROGRAMS, unit_programs
from archscan.model import FileFacts, Service, ServiceKind, Started

_ENTRY = "Desktop Entry"
_FIELD = re.compile(r"(?:^|(?<=\s))%[fFuUdDnNickvm](?=\s|$)")  # placeholders of files and the like, without any here


def desktop_entry(path: str, data: bytes) -> FileFacts:
    """What the entry says, without translations, and the service, unless it is ``Hidden``."""
    said = [one for one in assignments(data, continued=False) if "[" not in one.name]
    own = {one.name: one for one in reversed(said) if one.section == _ENTRY}  # the first counts
    services: tuple[Service, ...] = ()
    if "Exec" in own and _value(own, "Hidden") != "true":
        service = Service(
            name=cut(path.rsplit("/", 1)[-1]),
            kind=ServiceKind.AUTOSTART,
            scope="user",
            line=own["Exec"].line,
            programs=_programs(own["Exec"].value),
        )
        services = (service,)
    return FileFacts(path=path, what="autostart", directives=directives(said), services=services)


def _value(own: dict[str, Assignment], name: str) -> str:
    return own[name].value if name in own else ""


def _programs(command: str) -> tuple[Started, ...]:
    # The quotation marks are those of a shell; no prefix, no ``;`` means anything.
    return tuple(unit_programs("Exec", _FIELD.sub("", command).strip(), unit=False))[:MOST_PROGRAMS]


PLACES = ((re.compile(r"etc/xdg/(?:[^/]+/)?autostart/[^/]+\.desktop", re.DOTALL), desktop_entry),)
