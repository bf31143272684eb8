"""What polkit lets whom do: actions, and rules of the older form, polkit(8) and pklocalauthority(8)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archscan.files.forms.assignments import MOST_DIRECTIVES, assignments, directives
from archscan.files.forms.documents import elements
from archscan.files.forms.text import cut
from archscan.files.policies.polkit_rules import results
from archscan.files.services.dbus import BROKEN
from archscan.model import Directive, FileFacts

_ACTION = ("policyconfig", "action")
_DEFAULTS = ("allow_any", "allow_inactive", "allow_active")
_TOLD = ("description", "message", "vendor", "vendor_url", "icon_name")


def actions(path: str, data: bytes) -> FileFacts:
    """The actions as sections: ``allow_any``, ``allow_inactive``, ``allow_active``, and annotations by their keys.

    What is said to users (``description``, ``message``) is kept without translations. ``broken`` says where the
    document is no XML, or declares entities; polkit leaves out such a file as a whole.
    """
    said: list[Directive] = []
    action = ""

    def begun(names: tuple[str, ...], attributes: Mapping[str, str], _line: int) -> None:
        nonlocal action
        if names == _ACTION:
            action = attributes.get("id", "")

    def ended(names: tuple[str, ...], attributes: Mapping[str, str], text: str, line: int) -> None:
        if names[:2] != _ACTION or "xml:lang" in attributes or len(said) >= MOST_DIRECTIVES:
            return
        inside = names[2:]
        if inside in {("defaults", name) for name in _DEFAULTS} or inside in {(name,) for name in _TOLD}:
            said.append(Directive(line, cut(action), inside[-1], cut(text)))
        elif inside == ("annotate",) and attributes.get("key"):
            said.append(Directive(line, cut(action), cut(attributes["key"]), cut(text)))

    broken = elements(data, ended, begun)
    if broken is not None:
        said[MOST_DIRECTIVES - 1 :] = [Directive(broken, None, BROKEN, "no well-formed XML")]
    return FileFacts(path=path, what="polkit-action", directives=tuple(said))


def rules(path: str, data: bytes) -> FileFacts:
    """Each result that a rule returns: its section is the actions as far as the text shows them.

    The name is the result in lower case (``yes``, ``auth_admin_keep``, ``not_handled``), the value the conditions
    around it as written. What ``addAdminRule`` returns is named ``admin``, its value is the identities.
    """
    said = results(data.decode("utf-8", "surrogateescape"), MOST_DIRECTIVES)
    return FileFacts(path=path, what="polkit-rule", directives=tuple(said))


def local_authority(path: str, data: bytes) -> FileFacts:
    """What a ``.pkla`` file says: the sections with Identity, Action, ResultAny, ResultInactive, ResultActive."""
    return FileFacts(path=path, what="polkit-rule", directives=directives(assignments(data, continued=False)))


PLACES = (
    (re.compile(r"usr/(?:local/)?share/polkit-1/actions/[^/]+\.policy", re.DOTALL), actions),
    (re.compile(r"(?:usr/(?:local/)?share|etc|run)/polkit-1/rules\.d/[^/]+\.rules", re.DOTALL), rules),
    (re.compile(r"(?:etc|var/lib)/polkit-1/localauthority/[^/]+/[^/]+\.pkla", re.DOTALL), local_authority),
)
