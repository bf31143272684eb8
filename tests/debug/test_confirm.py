"""``archscan confirm`` as a person runs it: what it finds, what it adds to findings, what it refuses."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.debug import truth
from tests.debug.building import build_id, debug_path, package, program, run, split
from tests.scan.scanning import archscan, assert_sound, dumped, rows, scan

Flags = dict[str, tuple[str, ...]]
BARE: Flags = dict.fromkeys(("main.c", "used.c", "plain.c"), ("-O2", "-fno-stack-protector", "-fPIE"))
MIXED: Flags = {"used.c": ("-O2", "-fno-stack-protector", "-fPIE")}


class Built(NamedTuple):
    """A package with one stripped program, its debug package, and the files they were made of."""

    deb: Path
    dbgsym: Path
    whole: Path
    debug: Path


def _built(folder: Path, name: str, flags: Flags, *more: str) -> Built:
    whole = program(folder, flags, *more)
    stripped, debug = split(whole)
    deb = package(folder / f"{name}.deb", name, {f"usr/bin/{name}": stripped.read_bytes()})
    inside = {debug_path(build_id(whole)): debug.read_bytes()}
    return Built(deb, package(folder / f"{name}-dbgsym.deb", f"{name}-dbgsym", inside), whole, debug)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    folder = tmp_path_factory.mktemp("built")
    variants: dict[str, Flags] = {"good": {}, "bare": BARE, "mixed": MIXED}
    return {name: _built(folder / name, name, flags) for name, flags in variants.items()}


@pytest.fixture(scope="module")
def scanned(built: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of the packages and their debug packages, from one scan."""
    db = tmp_path_factory.mktemp("scanned") / "a.db"
    assert scan(db, *(one.deb for one in built.values()), *(one.dbgsym for one in built.values())) == 0
    return db


@pytest.fixture
def db(scanned: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "a.db"
    connection = sqlite3.connect(scanned)
    connection.execute("VACUUM INTO ?", (str(copy),))
    connection.close()
    return copy


def change(db: Path, sql: str, values: tuple[object, ...] = ()) -> None:
    with sqlite3.connect(db) as connection:
        connection.execute(sql, values)
    connection.close()


def finding(db: Path, path: str, subject: str) -> tuple[str, str, dict[str, Any]]:
    """Confidence, message and first site of the open finding of an object."""
    found = rows(
        db, "SELECT confidence, message, evidence FROM open_finding WHERE path = ? AND subject = ?", (path, subject)
    )
    ((confidence, message, evidence),) = found
    return str(confidence), str(message), json.loads(str(evidence))["sites"][0]


def test_the_unit_and_the_missing_flag_are_named(built: dict[str, Built], db: Path) -> None:
    done = archscan("confirm", "--db", db, *(one.dbgsym for one in built.values()))
    assert (done.returncode, done.stderr) == (0, "")
    assert "mixed 1.0-1 amd64: usr/bin/mixed, 3 units in mixed-dbgsym.deb" in done.stdout
    assert "1 of 3 units without -fstack-protector-strong, such as used.c" in done.stdout
    sql = "SELECT path, built, units_with, units_without, unit FROM confirmed WHERE feature = ? ORDER BY path"
    assert rows(db, sql, ("stack_protector",)) == [
        ("usr/bin/bare", "no", 0, 3, "main.c"),
        ("usr/bin/good", "yes", 3, 0, None),
        ("usr/bin/mixed", "partial", 2, 1, "used.c"),
    ]
    assert rows(db, sql, ("fortify",))[1] == ("usr/bin/good", "yes", 2, 0, None)
    assert_sound(db)


def test_a_finding_is_confirmed(built: dict[str, Built], db: Path) -> None:
    change(db, "UPDATE elf SET stack_protector = 'no' WHERE path = 'usr/bin/bare'")
    assert archscan("confirm", "-q", "--db", db, built["bare"].dbgsym).returncode == 0
    confidence, message, site = finding(db, "usr/bin/bare", "stack_protector")
    assert confidence == "certain"
    assert message.endswith(
        "; debug symbols confirm: 3 of 3 units were compiled without -fstack-protector-strong, such as main.c"
    )
    assert site["confirmation"]["standing"] == "confirmed"
    assert site["confirmation"]["units"] == ["main.c", "plain.c", "used.c"]
    assert site["confirmation"]["debug_file"] == "bare-dbgsym.deb"


def test_a_finding_is_contradicted_and_stays(built: dict[str, Built], db: Path) -> None:
    change(db, "UPDATE elf SET stack_protector = 'no' WHERE path = 'usr/bin/good'")
    archscan("rules", "apply", "--db", db)
    assert finding(db, "usr/bin/good", "stack_protector")[0] == "certain"
    assert archscan("confirm", "-q", "--db", db, built["good"].dbgsym).returncode == 0
    confidence, message, site = finding(db, "usr/bin/good", "stack_protector")
    assert confidence == "possible"
    assert message.endswith("; debug symbols contradict: all 3 units were compiled with -fstack-protector-strong")
    assert site["confirmation"]["standing"] == "contradicted"
    shown = archscan("query", "confirmed", "-p", "standing=contradicted", "--db", db, "--format", "json")
    assert [row["feature"] for row in json.loads(shown.stdout)] == ["stack_protector"]


def test_what_lies_elsewhere_is_not_confirmed(built: dict[str, Built], db: Path) -> None:
    change(db, "UPDATE elf SET stack_protector = 'no' WHERE path = 'usr/bin/bare'")
    assert archscan("confirm", "-q", "--db", db, built["bare"].dbgsym).returncode == 0
    sql = "SELECT standing FROM confirmed WHERE feature = 'stack_protector' AND path = 'usr/bin/bare'"
    assert rows(db, sql) == [("confirmed",)]
    change(db, "UPDATE confirmation SET elsewhere = 1")
    assert rows(db, sql) == [("open",)]


def test_headers_contradict_nothing(built: dict[str, Built], db: Path) -> None:
    change(db, "UPDATE elf SET fortify = 'no' WHERE path = 'usr/bin/good'")
    assert archscan("confirm", "-q", "--db", db, built["good"].dbgsym).returncode == 0
    sql = "SELECT built, standing FROM confirmed WHERE feature = 'fortify' AND path = 'usr/bin/good'"
    assert rows(db, sql) == [("yes", "open")]


# What is compiled how, and what debug symbols then say of the finding: standing, units that lack the flag, confidence.
_CALLS = {
    "main.c": "int other(int);\nint main(int c, char **v) { char b[9]; strcpy(b, *v); return printf(b) + other(c); }\n",
    "other.c": 'int other(int a) { return printf("%d\\n", a); }\n',
}
_TWO, _ONE = "-D_FORTIFY_SOURCE=2", "-D_FORTIFY_SOURCE=1"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ((("gcc", _TWO), ("gcc", "-DNONE")), ("confirmed", 1, "other.c", "certain")),
        # Of each function the first call is known.
        ((("gcc", "-DNONE"), ("gcc", "-DNONE")), ("confirmed", 1, "main.c", "certain")),
        # Headers of level 1 are those of level 2, so they contradict nothing.
        ((("gcc", _ONE), ("gcc", _ONE)), ("open", 0, "other.c", None)),
        # Clang lists no header for what is only declared.
        pytest.param((("gcc", _TWO), ("clang", "-DNONE")), ("open", 0, "other.c", "likely"), marks=pytest.mark.full),
    ],
    ids=["mixed", "none", "level-1", "clang"],
)
def test_an_unchecked_call_tells_of_its_unit(
    how: tuple[tuple[str, str], ...], expected: tuple[str, int, str | None, str | None], tmp_path: Path
) -> None:
    for (name, text), (compiler, flag) in zip(_CALLS.items(), how, strict=True):
        (tmp_path / name).write_text(f"#include <stdio.h>\n#include <string.h>\n{text}")
        run(compiler, "-g", "-O2", "-fPIE", "-U_FORTIFY_SOURCE", flag, "-c", name, cwd=tmp_path)
    run("gcc", "-pie", "-Wl,--build-id", "-o", "it", "main.o", "other.o", cwd=tmp_path)
    db, whole = tmp_path / "a.db", tmp_path / "it"
    scan(db, package(tmp_path / "it.deb", "it", {"usr/bin/it": whole.read_bytes()}))
    assert archscan("confirm", "-q", "--db", db, whole).returncode == 0
    standing, without, unit, confidence = expected
    ((found, *values),) = rows(
        db, "SELECT found, standing, units_without, unit FROM confirmed WHERE feature = 'fortify'"
    )
    assert (found in ("no", "partial"), values) == (True, [standing, without, unit])
    ((sure, message),) = rows(db, "SELECT confidence, message FROM open_finding WHERE subject = 'fortify'")
    assert confidence in (None, sure)
    assert (f"such as {unit}" in str(message)) is (standing == "confirmed")
    assert "contradict" not in str(message)


def test_the_weaker_protector_is_what_the_finding_is_about(tmp_path: Path) -> None:
    """`-fstack-protector` behind the distribution's flags guards arrays of characters only."""
    (tmp_path / "a.c").write_text('void f(int *); void f(int *p) { asm("" :: "r"(p)); }\n')
    (tmp_path / "main.c").write_text("void f(int *);\nint main(void) { int all[40]; f(all); return all[3]; }\n")
    weak = ("-O2", "-fPIE", "-g", "-fstack-protector-strong", "-fstack-protector")
    run("gcc", *weak, "-pie", "-Wl,--build-id", "-o", "it", "main.c", "a.c", cwd=tmp_path)
    db = tmp_path / "a.db"
    scan(db, package(tmp_path / "it.deb", "it", {"usr/bin/it": (tmp_path / "it").read_bytes()}))
    assert archscan("confirm", "-q", "--db", db, tmp_path / "it").returncode == 0
    ((confidence, message),) = rows(
        db, "SELECT confidence, message FROM open_finding WHERE subject = 'stack_protector'"
    )
    assert confidence == "certain"
    assert "confirm: 2 of 2 units were compiled without -fstack-protector-strong, such as main.c" in str(message)


def test_lines_are_attached_to_the_sites_of_a_verdict(built: dict[str, Built], db: Path) -> None:
    one = next(row for row in truth.functions(built["mixed"].whole) if row.name == "used")
    site = {"address": f"{one.low:#x}", "name": "used"}
    reasons = {"stack_protector": {"code": "not-measured", "text": "", "sites": [site, {"address": ".text+0x4"}]}}
    change(
        db,
        "UPDATE elf SET stack_protector = 'no', reasons = ? WHERE path = 'usr/bin/mixed'",
        (json.dumps(reasons),),
    )
    archscan("rules", "apply", "--db", db)
    assert archscan("confirm", "-q", "--db", db, built["mixed"].dbgsym).returncode == 0
    _, _, evidence = finding(db, "usr/bin/mixed", "stack_protector")
    assert evidence["lines"] == [{"address": site["address"], "file": "used.c", "line": 4}]
    assert evidence["confirmation"]["units"][0] == "used.c"
    shown = run("addr2line", "-e", built["mixed"].whole, site["address"], cwd=db.parent)
    assert shown.strip().endswith("used.c:4")


@pytest.mark.parametrize("what", ["whole", "debug"])
def test_plain_files_serve_as_well(what: str, built: dict[str, Built], db: Path, tmp_path: Path) -> None:
    path = getattr(built["mixed"], what)
    assert archscan("confirm", "-q", "--db", db, path).returncode == 0
    other = tmp_path / "b.db"
    shutil.copy(db, other)
    archscan("confirm", "-q", "--db", other, built["mixed"].dbgsym)
    sql = "SELECT feature, verdict, units FROM confirmation ORDER BY feature"
    assert rows(db, sql) == rows(other, sql)
    assert rows(db, "SELECT position, name, producer_id FROM compile_unit") == rows(
        other, "SELECT position, name, producer_id FROM compile_unit"
    )


def test_a_package_that_was_not_stripped_confirms_itself(built: dict[str, Built], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    deb = package(tmp_path / "a.deb", "a", {"usr/bin/a": built["mixed"].whole.read_bytes(), "usr/bin/b": b"\x7fELF"})
    scan(db, deb)
    assert archscan("confirm", "-q", "--db", db, tmp_path).returncode == 11  # usr/bin/b cannot be read
    assert rows(db, "SELECT path, built FROM confirmed WHERE feature = 'stack_protector'") == [("usr/bin/a", "partial")]


def test_the_order_and_the_number_of_workers_change_nothing(built: dict[str, Built], db: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.db"
    shutil.copy(db, other)
    files = [*(one.dbgsym for one in built.values()), built["mixed"].whole, built["good"].debug]
    for path in files:
        archscan("confirm", "-q", "--db", db, path)
    archscan("confirm", "-q", "--jobs", "3", "--db", other, *reversed(files))
    assert dumped(db) == dumped(other)
    archscan("confirm", "-q", "--db", db, *files)
    assert dumped(db) == dumped(other)
    archscan("rules", "apply", "--db", db)  # everything anew, not only what was confirmed
    assert dumped(db) == dumped(other)


def test_an_object_that_is_read_again_keeps_its_confirmation(built: dict[str, Built], db: Path) -> None:
    archscan("confirm", "-q", "--db", db, built["bare"].dbgsym)
    before = finding(db, "usr/bin/bare", "stack_protector")
    assert scan(db, "--exports", "libraries", built["bare"].deb) == 0  # more facts, so the package is read again
    assert finding(db, "usr/bin/bare", "stack_protector") == before


def test_the_folder_that_was_scanned_confirms_itself(built: dict[str, Built], db: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    for one in built.values():
        shutil.copy(one.deb, folder)
        shutil.copy(one.dbgsym, folder / one.dbgsym.with_suffix(".ddeb").name)
    assert archscan("confirm", "-q", "--db", db, folder).returncode == 0
    assert rows(db, "SELECT count(*) FROM built_object") == [(3,)]


def test_what_is_about_no_object_is_said(built: dict[str, Built], tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    scan(db, built["good"].deb)
    done = archscan("confirm", "--db", db, built["bare"].dbgsym)
    assert done.returncode == 3
    assert "scan the packages first" in done.stderr
    assert rows(db, "SELECT count(*) FROM compile_unit") == [(0,)]
    done = archscan("confirm", "--db", db, tmp_path / "nowhere.deb")
    assert (done.returncode, "no such file" in done.stderr) == (3, True)


def test_split_units_are_said_to_be_unknown_and_why(tmp_path: Path) -> None:
    whole = program(tmp_path / "split", {}, "-gsplit-dwarf")
    db = tmp_path / "a.db"
    scan(db, package(tmp_path / "it.deb", "it", {"usr/bin/it": whole.read_bytes()}))
    done = archscan("confirm", "--db", db, whole)
    assert (done.returncode, "3 units keep their settings in .dwo files" in done.stderr) == (11, True)
    assert {row[0] for row in rows(db, "SELECT built FROM confirmed")} <= {"unknown", "n/a"}


@pytest.mark.parametrize("command", ["confirm", "apply"])
def test_no_database_is_made_where_nothing_was_scanned(command: str, built: dict[str, Built], tmp_path: Path) -> None:
    db = tmp_path / "none.db"
    done = archscan(*(("confirm", built["bare"].dbgsym) if command == "confirm" else ("rules", "apply")), "--db", db)
    assert (done.returncode, "there is no such database" in done.stderr, db.exists()) == (1, True, False)


def test_what_is_neither_package_nor_object(built: dict[str, Built], db: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a package, and no object either")
    done = archscan("confirm", "--db", db, tmp_path / "text", built["good"].dbgsym)
    assert done.returncode == 11
    assert f"{tmp_path}/text: " in done.stderr
    assert rows(db, "SELECT kind FROM problem") == [("not-a-deb",)]


def test_a_build_id_of_another_processor_is_no_match(built: dict[str, Built], db: Path) -> None:
    change(db, "UPDATE elf SET machine = 'aarch64' WHERE path = 'usr/bin/bare'")
    assert archscan("confirm", "-q", "--db", db, built["bare"].dbgsym).returncode == 3


# --- what dwz moved to another file ---

_ALTERNATE = """
    .section .debug_str,"MS",@progbits,1
    .asciz "nothing"
producer: .asciz "GNU C17 12.2.0 -O2 -fstack-protector-strong"
"""
_OBJECT = """
    .text
    .globl f
f:  nop
    ret
end:
    .section .debug_abbrev,"",@progbits
    .uleb128 1, 0x11
    .byte 0
    .uleb128 0x25, 0x1f21, 0x13, 0x0b, 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0, 0
    .section .debug_info,"",@progbits
    .long last - first
first:
    .short 4
    .long 0
    .byte 8
    .uleb128 1
    .long 8
    .byte 12
    .asciz "shared.c"
    .quad f, end - f
last:
    .section .gnu_debugaltlink,"",@progbits
    .asciz "ALTERNATE"
"""


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("plain", [True, False])
def test_strings_that_dwz_moved(there: bool, plain: bool, tmp_path: Path) -> None:
    def linked(name: str, text: str) -> Path:
        (tmp_path / "one.s").write_text(text)
        run("gcc", "-shared", "-nostdlib", "-Wl,--build-id", "-o", name, "one.s", cwd=tmp_path)
        return tmp_path / name

    alternate = linked("alternate.debug", _ALTERNATE)
    identity = build_id(alternate)
    link = "alternate.debug" if plain else "../../.dwz/x86_64-linux-gnu/thing.debug"
    data = ", ".join(f"0x{identity[at : at + 2]}" for at in range(0, len(identity), 2))
    text = _OBJECT.replace("ALTERNATE", link) + f"    .byte {data}\n"
    whole = linked("libthing.so", text)
    scan(tmp_path / "a.db", package(tmp_path / "thing.deb", "thing", {"usr/lib/libthing.so": whole.read_bytes()}))
    target = whole
    members = {debug_path(build_id(whole)): whole.read_bytes()}
    if there:
        members["usr/lib/debug/.dwz/x86_64-linux-gnu/thing.debug"] = alternate.read_bytes()
    else:
        alternate.unlink()
    if not plain:
        target = package(tmp_path / "thing-dbgsym.deb", "thing-dbgsym", members)
    done = archscan("confirm", "-q", "--db", tmp_path / "a.db", target)
    assert done.returncode == (0 if there else 11), done.stderr
    assert ("dwz" in done.stderr) is not there
    assert rows(tmp_path / "a.db", "SELECT name, language, stack_protector FROM compile_unit") == [
        ("shared.c", "c", "strong" if there else None)
    ]
    built = "yes" if there else "unknown"
    assert rows(tmp_path / "a.db", "SELECT built FROM confirmed WHERE feature = 'stack_protector'") == [(built,)]
