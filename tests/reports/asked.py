"""Rows for the saved questions that the hostile database has none for: suites, scripts, keys, settings, modules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.reports.conftest import add_elf, add_finding, add_package, insert, sha256

if TYPE_CHECKING:
    import sqlite3


def add_asked(connection: sqlite3.Connection) -> None:
    """A package in sid and bookworm with a finding in both, another that nobody read, and files of each kind."""
    package = add_package(connection, "asked", maintainer="A Team <team@example.org>", facts="elf,files")
    _publish(connection, package)
    elf = add_elf(connection, package, "usr/sbin/asked", pie="no", privilege="setuid", bind_now="no")
    add_finding(connection, "no-pie", package, elf)
    add_finding(connection, "not-fortified", package, elf, subject="md5")
    use = insert(
        connection, "crypto_use", elf_id=elf, algorithm="md5", strength="weak", role="sign", symbol="EVP_md5",
        evidence="call", confidence="certain",
    )  # fmt: skip
    insert(connection, "crypto_context", use_id=use, context="signature", confidence="likely")
    for ecosystem, name, version in (
        ("go", "example.org/module", "v1.9.0"), ("go", "example.org/module", "v1.10.0"), ("embedded", "sudo", "1.2.11"),
    ):  # fmt: skip
        insert(connection, "component", elf_id=elf, ecosystem=ecosystem, name=name, version=version, evidence="text")
    symbol = insert(connection, "symbol", name="seccomp_load")
    insert(connection, "import", elf_id=elf, symbol_id=symbol, library="libseccomp.so.2")
    insert(connection, "relation", package_id=package, kind="built-using", name="sudo", op="=", version="1.0-1")
    _add_files(connection, package)
    _add_service(connection, package)


def _publish(connection: sqlite3.Connection, package: int) -> None:
    for suite in ("sid", "bookworm"):
        index = insert(
            connection, "archive_index", origin="Debian", suite=suite, component="main", architecture="amd64",
            base="https://mirror.example.org", sha256=sha256(suite), first_scan=1, last_scan=2,
        )  # fmt: skip
        for name, number in (("asked", package), ("unread", None)):
            insert(
                connection, "publication", suite=suite, component="main", name=name, version="1.0-1",
                architecture="amd64", sha256=sha256(name), filename=f"pool/{name}.deb", package_id=number,
                first_scan=1, last_scan=2, index_id=index,
            )  # fmt: skip


def _file(connection: sqlite3.Connection, package: int, path: str, what: str | None, **more: object) -> int:
    values = {"kind": "regular", "mode": 0o644, "owner": "root", "grp": "root", **more}
    return insert(connection, "file", package_id=package, path=path, path_key=path, what=what, **values)


def _add_files(connection: sqlite3.Connection, package: int) -> None:
    _file(connection, package, "var/lib/asked", None, mode=0o666, owner="daemon")
    script = _file(connection, package, "DEBIAN/postinst", "maintainer-script")
    insert(
        connection, "maintainer_script", file_id=script, package_id=package, name="postinst", lines=9, own_lines=4,
        tools=json.dumps([]), sha256=sha256("postinst"), own_sha256=sha256("own"), own="chmod 777 /srv",
    )  # fmt: skip
    insert(connection, "script_call", file_id=script, position=0, line=4, what="world-writable", name="chmod",
           text="chmod 777 /srv")  # fmt: skip
    python = _file(connection, package, "usr/bin/tool", "python", interpreter="python3")
    insert(connection, "endpoint", file_id=python, position=0, line=2, url="http://mirror.example.org/list")
    insert(connection, "key_material", file_id=python, position=0, line=9, kind="private-key", detail="RSA")
    for algorithm, strength, line in (("md5", "weak", 5), ("sha256", "ok", 6), ("sha1", "weak", 7)):
        use = insert(
            connection, "crypto_use", file_id=python, algorithm=algorithm, strength=strength, role="hash",
            symbol=f"hashlib.{algorithm}", evidence="script", confidence="certain", line=line,
        )  # fmt: skip
        insert(connection, "crypto_context", use_id=use, context="signature", confidence="likely")
    sysctl = _file(connection, package, "usr/lib/sysctl.d/asked.conf", "sysctl")
    insert(connection, "directive", file_id=sysctl, position=0, line=1, name="kernel.sysrq", value="1")


def _add_service(connection: sqlite3.Connection, package: int) -> None:
    unit = _file(connection, package, "lib/systemd/system/asked.service", "unit")
    told = {"package_id": package, "scope": "system", "dynamic": 0, "line": 0}
    service = insert(connection, "service", file_id=unit, name="asked.service", kind="service", **told)
    insert(connection, "service_program", service_id=service, position=0, directive="ExecStart", path="/sbin/asked",
           arguments="", flags="")  # fmt: skip
    for position, (name, value) in enumerate(
        (("ProtectSystem", "strict"), ("SystemCallFilter", "@system-service"), ("PrivateTmp", "no"))
    ):
        insert(connection, "directive", file_id=unit, position=position, line=position + 5, section="Service",
               name=name, value=value)  # fmt: skip
    _file(connection, package, "usr/sbin/askd", None, kind="symlink", link="../sbin/asked")
    timer = _file(connection, package, "lib/systemd/system/asked.timer", "unit")
    insert(connection, "service", file_id=timer, name="asked.timer", kind="timer", schedule="daily",
           activates="asked.service", **told)  # fmt: skip
    socket = insert(connection, "service", file_id=unit, name="asked.socket", kind="socket",
                    activates="asked.service", **told)  # fmt: skip
    insert(connection, "listener", service_id=socket, position=0, kind="stream", family="inet", port=99)
