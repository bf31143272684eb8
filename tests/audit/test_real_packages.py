"""Audits of real packages, line by line against the unpacked package: dpkg-deb, readelf, patterns of paths."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from archscan import audit
from tests.audit.test_audit import FORMS, audited, read

pytestmark = pytest.mark.full
PACKAGES = "sudo cups-daemon openssh-server polkitd avahi-daemon tcpdump rsyslog bind9 postfix samba".split()
SYSTEMD = (
    r"(usr/)?lib/systemd/(system|user)/.*\.(service|socket|timer|path|mount|target|automount|slice|scope|swap|device)"
)
PATHS = {
    ("programs",): r"((usr/)?s?bin|usr/games)/.+",
    ("hidden",): r"(.*/)?\.[^./].*",
    ("init-scripts",): r"etc/init\.d/.+",
    ("pam",): r"(etc|usr/lib)/pam\.d/.+|usr/share/pam-configs/.+|.*/security/pam_.*\.so",
    ("polkit",): r"usr/share/polkit-1/(actions|rules\.d)/.+|etc/polkit-1/.*\.(rules|pkla)",
    ("bus-services",): r"usr/share/dbus-1/(system-)?services/.+",
    ("bus-policies",): r"(usr/share|etc)/dbus-1/(system|session)\.d/.+",
    ("udev",): r"(etc|(usr/)?lib)/udev/rules\.d/.+",
    ("made-at-boot",): r"usr/lib/(tmpfiles|sysusers)\.d/.+",
    ("kernel",): r"(etc|(usr/)?lib)/(sysctl|modprobe|modules-load|binfmt)\.d/.+",
    ("jobs",): r"etc/cron\.[a-z]+/[^.].*|.*\.timer|etc/crontab",
    ("nss",): r".*/libnss_.*\.so\.\d.*",
    ("desktop",): r"usr/share/applications/.*\.desktop",
    ("sbin",): r"(usr/)?sbin/.+",
}
"""Items whose evidence is a set of paths, and what such a path looks like."""


class Unpacked:
    """A package beside its listing, as dpkg-deb has both."""

    def __init__(self, deb: Path, folder: Path) -> None:
        subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(folder)], check=True)
        listing = subprocess.run(
            ["dpkg-deb", "--contents", str(deb)], capture_output=True, text=True, check=True
        ).stdout
        self.folder = folder
        self.members = [re.split(r"\s+", line, maxsplit=5) for line in listing.splitlines()]
        self.modes = {name.split(" -> ")[0].removeprefix("./").rstrip("/"): mode for mode, *_, name in self.members}
        self.owners = {
            name.split(" -> ")[0].removeprefix("./").rstrip("/"): owner for _, owner, *_, name in self.members
        }
        self.objects = [path for path in self.files() if self.head(path).startswith(b"\x7fELF")]

    def files(self) -> Iterable[str]:
        return [path for path, mode in self.modes.items() if mode.startswith("-")]

    def head(self, path: str) -> bytes:
        with (self.folder / path).open("rb") as data:
            return data.read(256)

    def control(self, name: str) -> str:
        path = self.folder / "DEBIAN" / name
        return path.read_text("utf-8", "replace") if path.exists() else ""


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the packages in the versions that this machine's archive has, and the packages unpacked."""
    folder = tmp_path_factory.mktemp("real")
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *PACKAGES]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    read(folder / "a.db", *folder.glob("*.deb"))
    return folder


@pytest.fixture(params=PACKAGES)
def case(
    request: pytest.FixtureRequest, pool: Path, tmp_path: Path
) -> tuple[Unpacked, dict[tuple[str, ...], Any], int]:
    """A package unpacked, the lines of all three documents about it, and the number of members that these name."""
    name = str(request.param)
    found: dict[tuple[str, ...], Any] = {}
    basis = ""
    for template in audit.TEMPLATES:
        document = json.loads(audited(name, "--db", pool / "a.db", "--template", template, "--format", "json"))
        basis = document["basis"]
        found |= {
            (tuple(line["items"])): line
            for section in document["sections"]
            for line in section["lines"]
            if line["items"]
        }
    members = re.search(r"([\d,]+) member", basis)
    assert members
    return Unpacked(next(pool.glob(f"{name}_*.deb")), tmp_path / "x"), found, int(members[1].replace(",", ""))


def column(line: dict[str, Any], name: str = "path") -> list[str]:
    tables = [table for table in line["tables"] if name in table["columns"]]
    return sorted({row[table["columns"].index(name)] for table in tables for row in table["rows"]})


def test_paths_modes_and_owners(case: tuple[Unpacked, dict[tuple[str, ...], Any], int]) -> None:
    package, found, members = case
    assert members == len(package.members)
    for items, pattern in PATHS.items():
        assert column(found[items]) == sorted(path for path in package.modes if re.fullmatch(pattern, path)), items
    units = {path for path in package.files() if re.fullmatch(SYSTEMD, path)}
    assert set(column(found["units",])) == units
    # Modes that a script gives are no part of the listing.
    given = set(re.findall(r"dpkg-statoverride\b.*\s0?[2467]\d{3}\s+(\S+)", package.control("postinst")))
    set_id = {path for path, mode in package.modes.items() if re.match(r"-..[sS]|-.{5}[sS]", mode)}
    assert set_id <= set(column(found["set-id",]))
    assert bool(set(column(found["set-id",])) - set_id) == bool(given)
    writable = {path for path, mode in package.modes.items() if mode[8] == "w" and mode[0] != "l"}
    assert set(column(found["writable",])) == writable
    assert set(column(found["other-owners",])) == {
        path for path, owner in package.owners.items() if owner != "root/root"
    }


def test_scripts(case: tuple[Unpacked, dict[tuple[str, ...], Any], int]) -> None:
    package, found, _ = case
    names = ("preinst", "postinst", "prerm", "postrm", "config")
    assert set(column(found["scripts",], "name")) == {name for name in names if package.control(name)}
    others = {
        path for path in package.files()
        if (package.head(path).startswith(b"#!") and not path.startswith("etc/init.d/"))
        or re.search(r"\.(py|pl|pm|rb|php|js|jar|tcl|lua)$", path)
    }  # fmt: skip
    assert set(column(found["other-scripts",])) == {path for path in others if not path.startswith("usr/share/doc/")}


def test_objects_as_readelf_has_them(case: tuple[Unpacked, dict[tuple[str, ...], Any], int]) -> None:
    package, found, _ = case
    (table,) = found["hardening",]["tables"]
    rows = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"] if "(" not in row[0]}
    assert set(rows) == set(package.objects)
    imported: dict[str, set[str]] = {}
    needed: set[str] = set()
    for path in package.objects:
        command = ["readelf", "-hldW", "--dyn-syms", str(package.folder / path)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        imported[path] = set(re.findall(r" UND (\S+?)(?:@\S+)?(?: \(\d+\))?$", text, re.MULTILINE))
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", text))
        now = "BIND_NOW" in text or "NOW" in text
        row = rows[path]
        assert row["relro"] == ("none" if "GNU_RELRO" not in text else "full" if now else "partial"), path
        assert row["bind now"] == ("yes" if now else "no"), path
        assert row["nx"] == ("no" if re.search(r"GNU_STACK.*RWE", text) else "yes"), path
        assert (row["textrel"] != "0") == ("TEXTREL" in text), path
        assert row["rpath, runpath"].split() == re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", text), path
        if "EXEC (" in text:
            assert row["pie"] == "no", path
        if "__stack_chk_fail" in imported[path]:
            assert row["canary"] in ("yes", "partial"), path
        if any(name.endswith("_chk") and name != "__fdelt_chk" for name in imported[path] - {"__stack_chk_fail"}):
            assert row["fortify"] in ("yes", "partial"), path
    assert needed == set(column(found["needed",], "soname"))
    for calls in FORMS.calls:
        line = next((line for items, line in found.items() if items[0] == calls.id), None)
        tables = [one for one in (line["tables"] if line else ()) if one["columns"] == ["path", "calls"]]
        shown = {row[0]: set(row[1].split()) for one in tables for row in one["rows"] if "(" not in row[0]}
        if line:
            names = {*calls.names()}
            assert shown == {path: called & names for path, called in imported.items() if called & names}, calls.id
