"""Units of systemd and their drop-ins: what they say, what they start, where they listen (systemd.unit(5))."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from archscan.files.forms.assignments import Assignment, assignments, directives
from archscan.files.forms.text import cut
from archscan.files.services.commands import MOST_PROGRAMS, unit_programs
from archscan.files.services.sockets import KINDS, listener
from archscan.model import FileFacts, Listener, Service, ServiceKind, Started

_ENDINGS = ("service", "socket", "timer", "path", "mount", "automount", "swap", "target", "slice", "device", "scope")
_FOLDER = r"(?:usr/(?:local/)?(?:lib|share)|lib|etc|run)/systemd/(?:system|user)(?:\.(?:control|attached))?"
_PATH = re.compile(rf"{_FOLDER}/(?:(?P<unit>[^/]+\.(?:{'|'.join(_ENDINGS)}))|(?P<of>[^/]+)\.d/[^/]+\.conf)", re.DOTALL)
_KINDS = {
    "service": ServiceKind.SERVICE,
    "socket": ServiceKind.SOCKET,
    "timer": ServiceKind.TIMER,
    "path": ServiceKind.PATH,
    "mount": ServiceKind.MOUNT,
}
# Sections that run programs as somebody, systemd.exec(5).
_RUNNING = {"service": "Service", "socket": "Socket", "mount": "Mount", "swap": "Swap"}
_EXEC = frozenset(
    """
    ExecCondition ExecStartPre ExecStart ExecStartPost ExecReload ExecReloadPost ExecStop ExecStopPre ExecStopPost
    """.split()
)
_TIMES = ("OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec", "OnCalendar")
_CHANGES = ("OnClockChange", "OnTimezoneChange")
_TRUE = frozenset({"1", "yes", "y", "true", "t", "on"})
_MOST_LISTENERS = 256


def unit(path: str, data: bytes) -> FileFacts:
    """What a unit or a drop-in says: every assignment, also empty ones, and what becomes of them.

    A drop-in (``X.service.d/name.conf``) is a service of the unit's name only if it says by itself what runs, as
    whom, when or where. Assignments outside of a section are kept, and count for nothing, as for systemd.
    """
    said = list(assignments(data, continued=True))
    facts = FileFacts(path=path, what="unit", directives=directives(said))
    match = _PATH.fullmatch(path)
    name = (match["unit"] or match["of"]) if match else path.rsplit("/", 1)[-1]
    ending = name.rpartition(".")[2]
    if ending not in _ENDINGS or "." not in name:
        return facts  # a drop-in for all units of a kind, such as service.d/
    service = _service(name, ending, "user" if "/systemd/user" in path else "system", said)
    if match and match["of"] and not _says_something(service, said):
        return facts
    return FileFacts(path=path, what="unit", directives=facts.directives, services=(service,))


def _says_something(service: Service, said: Sequence[Assignment]) -> bool:
    timed = any(one.section == "Timer" and one.name in (*_TIMES, *_CHANGES) for one in said)
    return bool(service.programs or service.listens or service.user or service.group or service.dynamic or timed)


def _service(name: str, ending: str, scope: str, said: Sequence[Assignment]) -> Service:
    section = _RUNNING.get(ending)
    own = [one for one in said if one.section == section]
    return Service(
        name=cut(name),
        kind=_KINDS.get(ending, ServiceKind.OTHER_UNIT),
        scope=scope,
        user=_last(own, "User"),
        group=_last(own, "Group"),
        dynamic=(_last(own, "DynamicUser") or "").lower() in _TRUE,
        schedule=_schedule(said) if ending == "timer" else None,
        activates=_activated(name, ending, said),
        programs=_programs(own),
        listens=_listeners(own) if ending == "socket" else (),
    )


def _last(own: Sequence[Assignment], name: str) -> str | None:
    """The last value of the directive; None where there is none, or an empty one takes it back."""
    value = next((one.value for one in reversed(own) if one.name == name), "")
    return cut(value) if value else None


def _collected(
    own: Sequence[Assignment], names: frozenset[str] | Sequence[str], group: Callable[[str], str]
) -> list[Assignment]:
    """The assignments of lists, where an empty one takes back those before it of the same ``group``."""
    kept: list[Assignment] = []
    for one in own:
        if one.name not in names:
            continue
        if one.value:
            kept.append(one)
        else:
            kept = [other for other in kept if group(other.name) != group(one.name)]
    return kept


def _programs(own: Sequence[Assignment]) -> tuple[Started, ...]:
    started: list[Started] = []
    for one in _collected(own, _EXEC, str):
        started += unit_programs(one.name, one.value)
    return tuple(started[:MOST_PROGRAMS])


def _listeners(own: Sequence[Assignment]) -> tuple[Listener, ...]:
    said = _collected(own, tuple(KINDS), lambda _: "all")
    found = (listener(one.name, one.value) for one in said)
    return tuple(one for one in found if one)[:_MOST_LISTENERS]


def _schedule(said: Sequence[Assignment]) -> str | None:
    own = [one for one in said if one.section == "Timer"]
    times = [f"{one.name}={one.value}" for one in _collected(own, _TIMES, lambda _: "all")]
    times += [f"{name}=yes" for name in _CHANGES if (_last(own, name) or "").lower() in _TRUE]
    return cut("; ".join(times)) if times else None


def _activated(name: str, ending: str, said: Sequence[Assignment]) -> str | None:
    """The unit that a socket, timer, path or automount starts: as it says, else the service of its own name."""
    stem = name.rpartition(".")[0]
    if ending == "automount":
        return cut(f"{stem}.mount")
    if ending == "socket":
        own = [one for one in said if one.section == "Socket"]
        if (_last(own, "Accept") or "").lower() in _TRUE:
            return cut(f"{stem}@.service") if not stem.endswith("@") else cut(f"{stem}.service")
        return _last(own, "Service") or cut(f"{stem}.service")
    if ending in ("timer", "path"):
        own = [one for one in said if one.section == ending.capitalize()]
        return _last(own, "Unit") or cut(f"{stem}.service")
    return None


PLACES = ((_PATH, unit),)
