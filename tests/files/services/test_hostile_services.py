"""What starts programs and gives rights, with files that nobody honest wrote: quick, bounded, never a traceback."""

from __future__ import annotations

import random
import time

import msgspec
import pytest

from archscan.files.policies import apparmor, polkit, selinux, sudoers
from archscan.files.services import autostart, cron, dbus, inetd, init, units
from archscan.model import FileFacts

PARSERS = {
    "lib/systemd/system/x.service": units.unit,
    "lib/systemd/system/x.socket": units.unit,
    "etc/init.d/x": init.init_script,
    "etc/cron.d/x": cron.crontab,
    "etc/cron.daily/x": cron.periodic,
    "etc/inetd.conf": inetd.inetd_conf,
    "etc/xinetd.d/x": inetd.xinetd_conf,
    "etc/xdg/autostart/x.desktop": autostart.desktop_entry,
    "usr/share/dbus-1/services/x.service": dbus.bus_service,
    "usr/share/dbus-1/system.d/x.conf": dbus.bus_policy,
    "usr/share/polkit-1/actions/x.policy": polkit.actions,
    "etc/polkit-1/rules.d/x.rules": polkit.rules,
    "etc/sudoers.d/x": sudoers.sudoers,
    "etc/apparmor.d/x": apparmor.profiles,
    "usr/share/selinux/x.pp": selinux.module,
}
LONG = 1 << 20
LARGE = 1 << 18
PARTS = {
    "nothing": b"",
    "NULs": b"\0" * LONG,
    "a long line": b"[Service]\nExecStart=" + b"a" * LONG,
    "long words": b"[Service]\nExecStart=/bin/sh -c '" + b"a " * (LARGE // 2) + b"'",
    "quotes": b"#!/bin/sh\n[Service]\nExecStart=" + b"\"'" * (LONG // 2),
    "escaped quotes": b"#!/bin/sh\n" + b'"$(")' * (LARGE // 5),
    "substitutions": b"#!/bin/sh\n" + b'"$(a)`b`' * (LARGE // 8),
    "open substitutions": b"#!/bin/sh\n" + b"$((" * (LARGE // 3),
    "backslashes": b"[Service]\nExecStart=a" + b"\\" * LONG,
    "continued": b"[Service]\nA=b\\\n" * (LARGE // 16),
    "continued for ever": b"a\\\n" * (LARGE // 3),
    "braces": b"/a {\n" * (LARGE // 5),
    "alternations": b"/a" + b"{a," * (LARGE // 3),
    "brackets": b"polkit.addRule(function() { if (" + b"(" * (LARGE // 2),
    "slashes": b"polkit.addRule(" + b"=/[" * (LARGE // 3),
    "conditions": b"polkit.addRule(f) {" + b"if (action.id == 'a') return polkit.Result.YES;" * 5_000,
    "sudo": b"a ALL=" + b" ^" * (LARGE // 2),
    "commas": b"a ALL=(b) " + b"c," * (LARGE // 2),
    "colons": b"Cmnd_Alias A=" + b":" * LARGE,
    "aliases": b"Cmnd_Alias A=A,A\nu ALL=A\n" * 1_000,
    "stars": b"*" * LARGE,
    "times": b"* * * * * root a\n" * (LARGE // 17),
    "directives": b"[Service]\n" + b"ExecStart=a\n" * (LARGE // 12),
    "elements": b"<busconfig><policy>" + b"<allow own='a'/>" * (LARGE // 16),
    "attributes": b"<busconfig " + b" ".join(b"a%d='b'" % at for at in range(5_000)) + b"/>",
    "deep": b"<a>" * (LARGE // 3),
    "bidi": "[Service]\nExecStart=/bin/\u202ea\u2066 \ufeff\nUser=\u200f\n* * * * * \u202e a\n".encode() * 100,
    "undecodable": b"[Service]\nExecStart=/\xff\xfe\xc3\n\xff ALL=\xff\n/\xff {\n" * 100,
    "here-documents": b"#!/bin/sh\n" + b"cat <<E\n" * (LARGE // 8),
    "variables": b"#!/bin/sh\n" + b"".join(b"A%d=$A%d$A%d\n" % (at, at + 1, at + 1) for at in range(5_000)),
}
WORDS = b"""[Service] ExecStart= /a { } ( ) " ' \\ ^ ~ = , : # <a> </a> <! $ ` ALL flags=( profile if return * @ << %
    start-stop-daemon -S -x service~x polkit.Result.YES @{X} /bin/sh~-c +="""


def checked(path: str, data: bytes) -> FileFacts:
    facts = PARSERS[path](path, data)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(facts), type=FileFacts)  # every bound and every type
    assert again == facts
    assert len(facts.directives) <= 5_000
    assert len(facts.services) <= 1_000
    assert len(facts.profiles) <= 1_000
    for one in facts.directives:
        assert all(len(text) <= 4_096 for text in (one.section or "", one.name, one.value))
    return facts


@pytest.mark.parametrize("part", PARTS)
def test_bounds(part: str) -> None:
    for path in PARSERS:
        start = time.process_time()
        checked(path, PARTS[part])
        assert time.process_time() - start < 5, path


def test_texts_are_harmless() -> None:
    for path in PARSERS:
        text = repr(msgspec.to_builtins(checked(path, PARTS["bidi"])))
        assert not set(text) & set("\u202e\u2066\ufeff\u200f\0"), path


def test_noise() -> None:
    words = [word.replace(b"~", b" ").replace(b"^", b"\n") for word in WORDS.split()] + [b"\0", b"\xff"]
    chance = random.Random(6)
    for _ in range(150):
        data = b"".join(chance.choices(words, k=chance.randrange(200)))
        for path in PARSERS:
            checked(path, data)
