"""Names on the buses: what is started for them, and who may own them and send to them (dbus-daemon(1))."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archscan.files.forms.assignments import MOST_DIRECTIVES, assignments, directives
from archscan.files.forms.documents import elements
from archscan.files.forms.text import cut
from archscan.files.services.commands import MOST_PROGRAMS, unit_programs
from archscan.model import Directive, FileFacts, Service, ServiceKind

_SERVICE = "D-BUS Service"
BROKEN = "broken"  # the directive of a document that breaks off: the bus refuses such a file as a whole
_RULES = (("busconfig", "policy", "allow"), ("busconfig", "policy", "deny"))
_SETTINGS = frozenset(
    "type user listen auth include includedir servicedir standard_session_servicedirs standard_system_servicedirs"
    " fork keep_umask syslog pidfile limit allow_anonymous apparmor".split()
)


def bus_service(path: str, data: bytes) -> FileFacts:
    """The name that the file gives a program: ``activates`` is the unit of systemd that is started instead."""
    said = list(assignments(data, continued=False))
    own = {one.name: one for one in said if one.section == _SERVICE and one.value}
    services: tuple[Service, ...] = ()
    if "Name" in own:
        command = own["Exec"].value if "Exec" in own else ""
        service = Service(
            name=cut(own["Name"].value),
            kind=ServiceKind.DBUS,
            scope="system" if "/system-services/" in path else "user",
            user=cut(own["User"].value) if "User" in own else None,
            activates=cut(own["SystemdService"].value) if "SystemdService" in own else None,
            line=own["Name"].line,
            programs=tuple(unit_programs("Exec", command, unit=False))[:MOST_PROGRAMS],
        )
        services = (service,)
    return FileFacts(path=path, what="dbus-service", directives=directives(said), services=services)


def bus_policy(path: str, data: bytes) -> FileFacts:
    """Each ``allow`` and ``deny`` as a directive of the section of its policy, and what else the bus is told.

    Sections are ``default``, ``mandatory``, ``user=root``, ``group=x``, ``at_console=true``; the value is the
    attributes, sorted: ``send_destination="org.example" send_type="method_call"``. ``broken`` says where the
    document is no XML, or declares entities.
    """
    said: list[Directive] = []
    policy = ""

    def begun(names: tuple[str, ...], attributes: Mapping[str, str], line: int) -> None:
        nonlocal policy
        if names == ("busconfig", "policy"):
            policy = _context(attributes)
        elif names in _RULES and len(said) < MOST_DIRECTIVES:
            said.append(Directive(line, cut(policy), names[2], cut(_written(attributes))))

    def ended(names: tuple[str, ...], attributes: Mapping[str, str], text: str, line: int) -> None:
        if len(names) == 2 and names[0] == "busconfig" and names[1] in _SETTINGS and len(said) < MOST_DIRECTIVES:
            said.append(Directive(line, None, names[1], cut(" ".join(filter(None, (_written(attributes), text))))))

    broken = elements(data, ended, begun)
    if broken is not None:
        said[MOST_DIRECTIVES - 1 :] = [Directive(broken, None, BROKEN, "no well-formed XML")]
    return FileFacts(path=path, what="dbus-policy", directives=tuple(said))


def _context(attributes: Mapping[str, str]) -> str:
    """Whom the policy is for; the bus knows one attribute, and no other order of them."""
    if "context" in attributes:
        return attributes["context"]
    return " ".join(f"{name}={attributes[name]}" for name in sorted(attributes)) or "default"


def _written(attributes: Mapping[str, str]) -> str:
    return " ".join(f'{name}="{value}"' for name, value in sorted(attributes.items()))


PLACES = (
    (re.compile(r"usr/(?:local/)?share/dbus-1/(?:system-services|services)/[^/]+\.service", re.DOTALL), bus_service),
    (
        re.compile(
            r"(?:usr/(?:local/)?share|etc)/dbus-1/(?:(?:system|session)(?:-local)?\.conf|(?:system|session)\.d/[^/]+\.conf)",
            re.DOTALL,
        ),
        bus_policy,
    ),
)
