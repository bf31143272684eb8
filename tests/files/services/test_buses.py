"""Names on the buses, their policies, and what starts with a session."""

from __future__ import annotations

import pytest

from archscan.files.services.autostart import desktop_entry
from archscan.files.services.dbus import bus_policy, bus_service


def said(text: str) -> list[tuple[str | None, str, str]]:
    facts = bus_policy("usr/share/dbus-1/system.d/x.conf", text.encode())
    return [(one.section, one.name, one.value) for one in facts.directives]


def test_service() -> None:
    text = '[D-BUS Service]\nName=org.x\nExec="/opt/a b" --c\nUser=u\nSystemdService=x.service\n[Other]\nName=y\n'
    (service,) = bus_service("usr/share/dbus-1/system-services/org.x.service", text.encode()).services
    assert (service.name, service.user, service.scope, service.activates) == ("org.x", "u", "system", "x.service")
    assert [(one.path, one.arguments) for one in service.programs] == [("/opt/a b", "--c")]
    (service,) = bus_service("usr/share/dbus-1/services/x.service", b"[D-BUS Service]\nName=org.x\n").services
    assert (service.scope, service.user, service.programs) == ("user", None, ())
    assert bus_service("usr/share/dbus-1/services/x.service", b"[Desktop Entry]\nName=x\n").services == ()


@pytest.mark.parametrize(
    ("policy", "section"),
    [
        ('context="default"', "default"),
        ('context="mandatory"', "mandatory"),
        ('user="root"', "user=root"),
        ("group='x y'", "group=x y"),
        ('at_console="true"', "at_console=true"),
        ("", "default"),
    ],
)
def test_policy(policy: str, section: str) -> None:
    text = f'<!DOCTYPE busconfig PUBLIC "-//x" "http://x/y.dtd"><busconfig><!-- <allow/> --><policy {policy}><allow'
    text += ' send_type="a" own="x&quot;&lt;"/><deny/></policy><policy user="z"></policy></busconfig>'
    assert said(text) == [(section, "allow", 'own="x"<" send_type="a"'), (section, "deny", "")]


def test_what_else_the_bus_is_told() -> None:
    text = "<busconfig><listen>unix:path=/run/x</listen><limit name='a'>5</limit><x><listen>no</listen></x></busconfig>"
    assert said(text) == [(None, "listen", "unix:path=/run/x"), (None, "limit", 'name="a" 5')]


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("<busconfig><policy user='a'><allow own='b'/>", 1),
        ("<busconfig><policy user='a'><allow own='b'/></busconfig>", 1),
        ("", 0),
        ("no xml", 0),
        ('<!DOCTYPE x [<!ENTITY a "b">]><busconfig><policy><allow own="&a;"/></policy></busconfig>', 0),
        ("<!DOCTYPE x [<!ENTITY % a SYSTEM '/etc/passwd'> %a;]><busconfig/>", 0),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "/etc/passwd">]><busconfig><listen>&a;</listen></busconfig>', 0),
        ('<?xml version="1.0" encoding="no-such"?><busconfig/>', 0),
        ("<busconfig>" + "<x>" * 100 + "</x>" * 100 + "</busconfig>", 0),
    ],
)
def test_documents_that_break_off(text: str, before: int) -> None:
    found = said(text)
    assert len(found) == before + 1
    assert found[-1] == (None, "broken", "no well-formed XML")


def test_entities_are_not_expanded() -> None:
    bomb = "<!DOCTYPE l [<!ENTITY a 'xxxxxxxxxx'>" + "".join(
        f"<!ENTITY {chr(98 + at)} '{f'&{chr(97 + at)};' * 10}'>" for at in range(12)
    )
    assert said(f"{bomb}]><busconfig><listen>&m;</listen></busconfig>") == [(None, "broken", "no well-formed XML")]


def test_autostart() -> None:
    text = '[Desktop Entry]\nName=X\nName[de]=Y\nExec=/usr/bin/x "a b" %U -c\n[Desktop Action n]\nExec=other\n'
    facts = desktop_entry("etc/xdg/autostart/x.desktop", text.encode())
    (service,) = facts.services
    assert (service.name, service.scope, service.line) == ("x.desktop", "user", 4)
    assert [(one.path, one.arguments) for one in service.programs] == [("/usr/bin/x", '"a b"  -c')]
    assert [one.name for one in facts.directives] == ["Name", "Exec", "Exec"]
    assert desktop_entry("etc/xdg/autostart/x.desktop", text.encode() + b"").services
    hidden = text.replace("Name=X", "Hidden=true")
    assert desktop_entry("etc/xdg/autostart/x.desktop", hidden.encode()).services == ()
