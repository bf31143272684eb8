"""modprobe.d(5) and modules-load.d(5)."""

from __future__ import annotations

from archscan.files.settings import modules
from archscan.model import Directive
from tests.files.hostile import survives


def test_commands_of_modprobe_with_what_they_are_about() -> None:
    text = b"""# options a b
blacklist  firewire-core
options snd_hda  power_save=1 \\
    power_save_controller=Y
install usb-storage /bin/true
alias net-pf-10 off
softdep a pre: b
nonsense x
install
"""
    assert modules.modprobe("etc/modprobe.d/a.conf", text).directives == (
        Directive(2, "blacklist", "firewire-core", ""),
        Directive(3, "options", "snd_hda", "power_save=1 power_save_controller=Y"),
        Directive(5, "install", "usb-storage", "/bin/true"),
        Directive(6, "alias", "net-pf-10", "off"),
        Directive(7, "softdep", "a", "pre: b"),
    )


def test_modules_that_are_loaded() -> None:
    facts = modules.modules_load("etc/modules-load.d/a.conf", b"# x\n;y\n tun\nloop max_loop=8\n\n")
    assert facts.directives == (Directive(3, None, "tun", ""), Directive(4, None, "loop", "max_loop=8"))
    assert facts.what == "modules-load"


def test_hostile_bytes() -> None:
    survives(modules.modprobe, "etc/modprobe.d/a.conf")
    survives(modules.modules_load, "etc/modules")
