from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from archscan.store.tables import SCRIPTS
from tests.reports.conftest import add_elf, add_package, insert


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    for script in SCRIPTS:
        connection.executescript(script)
    yield connection
    connection.close()


def file(connection: sqlite3.Connection, package: int, path: str, kind: str = "regular", **more: object) -> int:
    return insert(connection, "file", package_id=package, path=path, path_key=path, kind=kind, **more)


def service(connection: sqlite3.Connection, package: int, program: str, name: str = "x.service") -> tuple[int, int]:
    unit = file(connection, package, f"usr/lib/systemd/system/{name}", what="unit")
    number = insert(connection, "service", package_id=package, file_id=unit, name=name, kind="service", scope="system",
                    dynamic=0, line=0)  # fmt: skip
    insert(connection, "service_program", service_id=number, position=0, directive="ExecStart", path=program,
           arguments="", flags="")  # fmt: skip
    return unit, number


def started(connection: sqlite3.Connection) -> list[int | None]:
    return [row[0] for row in connection.execute("SELECT elf_id FROM started_file")]


@pytest.mark.parametrize(
    ("program", "path"),
    [
        ("/usr/sbin/xd", "usr/sbin/xd"),
        ("/sbin/xd", "usr/sbin/xd"),
        ("/usr/sbin/xd", "sbin/xd"),
    ],
)
def test_a_program_is_its_object_with_usr_merged_or_not(
    program: str, path: str, connection: sqlite3.Connection
) -> None:
    package = add_package(connection, "x")
    elf = add_elf(connection, package, path)
    service(connection, package, program)
    assert started(connection) == [elf]


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        ("symlink", "real"),
        ("symlink", "/usr/sbin/real"),
        ("symlink", "../sbin/real"),
        ("symlink", "../../usr/sbin/real"),
        ("symlink", "/sbin/real"),
        ("hardlink", "usr/sbin/real"),
    ],
)
def test_one_link_is_followed(kind: str, link: str, connection: sqlite3.Connection) -> None:
    package = add_package(connection, "x")
    elf = add_elf(connection, package, "usr/sbin/real")
    file(connection, package, "usr/sbin/xd", kind, link=link)
    service(connection, package, "/usr/sbin/xd")
    assert started(connection) == [elf]


def test_a_package_of_the_same_source_and_version_has_it_else(connection: sqlite3.Connection) -> None:
    package = add_package(connection, "x", architecture="all")
    other = add_package(connection, "x-bin", source="x")
    add_elf(connection, add_package(connection, "x-old", source="x", source_version="0.9"), "usr/sbin/xd")
    elf = add_elf(connection, other, "usr/sbin/xd")
    service(connection, package, "/usr/sbin/xd")
    assert started(connection) == [elf]


def test_a_program_of_another_source_is_not_known(connection: sqlite3.Connection) -> None:
    package = add_package(connection, "x")
    add_elf(connection, add_package(connection, "y"), "usr/sbin/xd")
    service(connection, package, "/usr/sbin/xd")
    assert started(connection) == [None]


def test_a_sandbox_is_what_unit_and_drop_ins_set_and_do_not_turn_off(connection: sqlite3.Connection) -> None:
    package = add_package(connection, "x")
    unit, _ = service(connection, package, "/usr/sbin/xd")
    drop_in = file(connection, package, "usr/lib/systemd/system/x.service.d/a.conf", what="unit")
    other = file(connection, package, "usr/lib/systemd/system/y.service.d/a.conf", what="unit")
    for number, name, value in (
        (unit, "ProtectSystem", "strict"), (unit, "PrivateTmp", "No"), (unit, "Restart", "always"),
        (drop_in, "ProtectHome", "yes"), (other, "LockPersonality", "yes"),
    ):  # fmt: skip
        insert(connection, "directive", file_id=number, position=len(name), line=1, section="Service", name=name,
               value=value)  # fmt: skip
    ((count, names),) = connection.execute("SELECT directives, names FROM sandboxed_service")
    assert (count, sorted(names.split(","))) == (2, ["ProtectHome", "ProtectSystem"])


@pytest.mark.parametrize(
    ("attachment", "paths"),
    [
        ("/usr/sbin/xd", {"usr/sbin/xd"}),
        ("/{usr/,}sbin/x{d,e}", {"usr/sbin/xd", "usr/sbin/xe"}),
        ("/usr/{sbin/x{d,e},bin/y}", {"usr/sbin/xd", "usr/sbin/xe"}),
        ("/usr/*/xd", {"usr/sbin/xd"}),
        ("/usr/lib/*", set()),
        ("/usr/lib/**", {"usr/lib/x/helper"}),
        ("/sbin/x?", {"usr/sbin/xd", "usr/sbin/xe"}),
        ("/usr/sbin/{xd", set()),
        ("/usr/sbin/xd}", set()),
        ("/usr/sbin/xd" + "{,a}" * 40, set()),
        ('/usr/sbin/{xd,"\\}', {"usr/sbin/xd"}),
    ],
)
def test_a_profile_is_for_the_files_that_its_attachment_means(
    attachment: str, paths: set[str], connection: sqlite3.Connection
) -> None:
    package = add_package(connection, "x")
    for path in ("usr/sbin/xd", "usr/sbin/xe", "usr/lib/x/helper"):
        file(connection, package, path)
    profile = file(connection, package, "etc/apparmor.d/x", what="apparmor")
    insert(connection, "profile", file_id=profile, position=0, kind="apparmor", name="x", attachment=attachment,
           mode="enforce", line=1)  # fmt: skip
    found = connection.execute("SELECT f.path, c.loaded FROM confined_file c JOIN file f ON f.id = c.file_id")
    assert set(found) == {(path, 1) for path in paths}
