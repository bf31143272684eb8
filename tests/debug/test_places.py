"""Lines of calls and names of functions, as a person gets them: from a scan, from ``archscan confirm``, in reports."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from archscan import debug
from archscan.debug import lines, places
from archscan.debug.lines import line_table, lines_of
from archscan.debug.names import names
from archscan.elf.reader import read
from archscan.model import Asked, Limits
from archscan.rules import confirmed as confirmations
from tests.debug.building import build_id, debug_path, package, run
from tests.debug.calling import SOURCE, calling, stripped
from tests.scan.scanning import archscan, assert_sound, dumped, rows, scan

LINES = SOURCE.splitlines()
FUNCTIONS = {"EVP_md5": "begun", "EVP_sha1": "begun", "EVP_DigestInit_ex": "begun", "MD5": "file_md5sum"}
_CALLS = """
SELECT c.symbol, c.function, w.function, w.line FROM call_site c JOIN call_place w ON w.call_site_id = c.id
WHERE c.symbol IN ('EVP_md5', 'EVP_sha1', 'EVP_DigestInit_ex', 'MD5') ORDER BY c.symbol
"""


class Made(NamedTuple):
    """A package with the stripped program, its debug package, and the program with everything."""

    deb: Path
    dbgsym: Path
    whole: Path


def made(folder: Path, whole: Path, compiler: str = "gcc", packed: str = "zlib") -> Made:
    bare, found = stripped(whole, compiler, packed)
    inside = {debug_path(build_id(whole)): found.read_bytes()}
    deb = package(folder / "calling.deb", "calling", {"usr/bin/calling": bare.read_bytes()})
    return Made(deb, package(folder / "calling-dbgsym.deb", "calling-dbgsym", inside), whole)


def check(db: Path, *, file: str = "calling.c") -> None:
    """Each call has the line that names its function in the source, and the name of the function around it."""
    found = rows(db, _CALLS)
    assert {symbol for symbol, *_ in found} == FUNCTIONS.keys()
    for symbol, _, function, line in found:
        path, _, number = str(line).rpartition(":")
        assert Path(path).name == file
        assert f"{symbol}(" in LINES[int(number) - 1], (symbol, line)
        # A part of a function that is seldom run is a symbol of its own.
        assert str(function).partition(".")[0] == FUNCTIONS[str(symbol)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("calling")
    return made(folder, calling(folder, "-O2"))


@pytest.fixture(scope="module")
def databases(built: Made, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The stripped package, scanned; and the same confirmed."""
    bare, found = (tmp_path_factory.mktemp("databases") / name for name in ("bare.db", "confirmed.db"))
    assert scan(bare, built.deb) == 0
    _copied(bare, found)
    done = archscan("confirm", "--db", found, built.dbgsym)
    assert done.returncode == 0
    ((calls,),) = rows(found, "SELECT count(*) FROM call_site")
    assert f"calls            {calls} of {calls} have a source line" in done.stdout
    return bare, found


def _copied(db: Path, copy: Path) -> Path:
    connection = sqlite3.connect(db)
    connection.execute("VACUUM INTO ?", (str(copy),))
    connection.close()
    return copy


@pytest.fixture
def bare(databases: tuple[Path, Path], tmp_path: Path) -> Path:
    """A database of the stripped package."""
    return _copied(databases[0], tmp_path / "bare.db")


@pytest.fixture
def confirmed(databases: tuple[Path, Path], tmp_path: Path) -> Path:
    """The same, confirmed."""
    return _copied(databases[1], tmp_path / "a.db")


_FULL = pytest.mark.full
VARIANTS = [
    ("gcc", ("-O2",), "zlib"),
    ("gcc", ("-O0", "-gdwarf-4"), "none"),
    pytest.param("gcc", ("-O2", "-gdwarf-3", "-gstrict-dwarf", "-ffunction-sections"), "zlib-gnu", marks=_FULL),
    pytest.param("gcc", ("-O2", "-flto"), "zlib", marks=_FULL),
    pytest.param("gcc", ("-O3", "-gdwarf-5", "-gdwarf64"), "zstd", marks=_FULL),
    pytest.param("gcc", ("-O2", "-gsplit-dwarf"), "zlib", marks=_FULL),
    pytest.param("clang", ("-O2",), "zlib", marks=_FULL),
    pytest.param("clang", ("-O2", "-ffunction-sections"), "zlib", marks=_FULL),
    pytest.param("clang", ("-O1", "-gdwarf-4"), "zlib", marks=_FULL),
    ("aarch64-linux-gnu-gcc", ("-O2",), "zlib"),
]


@pytest.mark.parametrize(("compiler", "flags", "packed"), VARIANTS)
def test_calls_have_their_lines_and_functions(
    compiler: str, flags: tuple[str, ...], packed: str, tmp_path: Path
) -> None:
    whole = calling(tmp_path / "it", *flags, compiler=compiler)
    one = made(tmp_path, whole, compiler, packed)
    db = tmp_path / "a.db"
    assert scan(db, one.deb) == 0
    assert rows(db, "SELECT count(*) FROM own_line") == [(0,)]
    assert {row[3] for row in rows(db, _CALLS)} == {None}
    assert archscan("confirm", "-q", "--db", db, one.dbgsym).returncode in (0, 11)  # 11: settings in .dwo files
    check(db)
    assert_sound(db)
    # The same from the object itself, without `confirm`.
    own = tmp_path / "own.db"
    scan(own, package(tmp_path / "own.deb", "own", {"usr/bin/own": whole.read_bytes()}))
    assert rows(own, "SELECT count(*) FROM source_line") == [(0,)]
    check(own)


@pytest.mark.full
def test_what_dwz_moved_elsewhere_takes_no_line_along(tmp_path: Path) -> None:
    one = made(tmp_path, calling(tmp_path / "it", "-O2"))
    paths = [tmp_path / "it" / name for name in ("one.debug", "other.debug")]
    run("objcopy", "--only-keep-debug", one.whole, paths[0], cwd=tmp_path)
    run("objcopy", "--only-keep-debug", calling(tmp_path / "other", "-O2"), paths[1], cwd=tmp_path)
    run("dwz", "-m", "shared.debug", "-M", "shared.debug", *(path.name for path in paths), cwd=tmp_path / "it")
    db = tmp_path / "a.db"
    scan(db, one.deb)
    assert archscan("confirm", "-q", "--db", db, paths[0]).returncode == 0
    check(db)


def test_the_lines_are_those_of_addr2line(built: Made, confirmed: Path) -> None:
    found = rows(confirmed, "SELECT address, file, line, name FROM source_line WHERE line IS NOT NULL ORDER BY address")
    assert len(found) > 5
    wanted = [str(address) for address, *_ in found]
    shown = run("addr2line", "-f", "-e", built.whole, *wanted, cwd=confirmed.parent).splitlines()
    symbols = run("nm", "-S", built.whole, cwd=confirmed.parent).splitlines()
    sized = [line.split() for line in symbols if len(line.split()) == 4]
    for (address, file, line, name), text in zip(found, shown[1::2], strict=True):
        assert text.partition(" (")[0].rpartition("/")[2] == f"{Path(str(file)).name}:{line}"
        at = int(str(address), 16)
        assert name in {word for low, size, _, word in sized if int(low, 16) <= at < int(low, 16) + int(size, 16)}


def test_what_was_scanned_stays_as_it_was(bare: Path, confirmed: Path) -> None:
    """The real name stands beside the label, which is what the object shows."""
    labels = [row[1] for row in rows(confirmed, _CALLS)]
    assert labels == [row[1] for row in rows(bare, _CALLS)]
    assert all(str(label).startswith("sub_") for label in labels)
    kinds = ("call_site", "crypto_use", "elf")
    facts = [[line for line in dumped(db) if json.loads(line)[0] in kinds] for db in (bare, confirmed)]
    assert facts[0] == facts[1]


def test_confirming_twice_changes_nothing(built: Made, confirmed: Path) -> None:
    before = dumped(confirmed)
    assert any(json.loads(line)[0] == "source_line" for line in before)
    assert archscan("confirm", "-q", "--db", confirmed, built.dbgsym, built.dbgsym).returncode == 0
    assert dumped(confirmed) == before


def test_a_name_that_only_debug_symbols_have_says_what_a_use_is_for(
    built: Made, confirmed: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.db"
    scan(bare, built.deb)
    sql = "SELECT context, because FROM weak_use WHERE symbol = 'MD5'"
    assert rows(bare, sql) == [("unknown", None)]
    ((context, because),) = rows(confirmed, sql)
    assert (context, str(because).endswith("file_md5sum")) == ("checksum", True)
    archscan("rules", "apply", "--db", confirmed)
    assert rows(confirmed, sql) == [(context, because)]


def test_a_function_that_is_called_like_a_label_keeps_its_name(built: Made, tmp_path: Path) -> None:
    """An object with symbols names its functions itself, whatever begins where a name like `sub_add` seems to lead."""
    db = tmp_path / "a.db"
    scan(db, package(tmp_path / "own.deb", "own", {"usr/bin/own": built.whole.read_bytes()}))
    ((address,),) = rows(db, "SELECT address FROM call_site WHERE symbol = 'MD5'")
    change(db, f"UPDATE call_site SET function = 'sub_{str(address)[2:]}'")
    assert archscan("confirm", "-q", "--db", db, built.dbgsym).returncode == 0
    assert {row[1] == row[2] for row in rows(db, _CALLS)} == {True}
    change(db, "UPDATE elf SET stripped = 1")
    assert {row[2] for row in rows(db, _CALLS)} <= {"file_md5sum", "main"}


# --- what is shown ---


def answer(db: Path, name: str, *more: str) -> list[dict[str, Any]]:
    done = archscan("query", name, *more, "--db", db, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def line_of(symbol: str) -> str:
    return f"calling.c:{next(n for n, line in enumerate(LINES, 1) if f' {symbol}(' in line and n > 10)}"


def test_questions_and_reports_show_lines(confirmed: Path, tmp_path: Path) -> None:
    expected = f"file_md5sum at 0x[0-9a-f]+ \\({line_of('MD5')}\\) calls MD5"
    assert any(_matches(expected, row["example"]) for row in answer(confirmed, "weak-crypto", "-p", "context=checksum"))
    row = next(row for row in answer(confirmed, "package-crypto", "-p", "package=calling") if row["symbol"] == "MD5")
    assert (row["function"], row["line"]) == ("file_md5sum", line_of("MD5"))
    page, data = tmp_path / "a.html", tmp_path / "a.json"
    assert archscan("report", "html", "--db", confirmed, "-o", page).returncode == 0
    assert f'"line":"{line_of("MD5")}"' in page.read_text()
    assert archscan("report", "json", "--db", confirmed, "-o", data).returncode == 0
    sites = [site for group in json.loads(data.read_text())["weak_crypto"] for site in group["sites"]]
    assert ("file_md5sum", line_of("MD5")) in {(site["function"], site["line"]) for site in sites}


def _matches(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def test_findings_and_explanations_show_lines(confirmed: Path) -> None:
    found = rows(confirmed, "SELECT finding_id, message, evidence FROM open_finding WHERE rule_id = 'weak-checksum'")
    ((number, message, evidence),) = found
    assert str(message).endswith(f"; {line_of('MD5')} in file_md5sum")
    (site,) = json.loads(str(evidence))["sites"]
    assert (site["line"], site["named"], site["function"][:4]) == (line_of("MD5"), "file_md5sum", "sub_")
    told = archscan("explain", str(number), "--db", confirmed).stdout
    assert f"{site['address']}  file_md5sum  MD5" in told
    assert f"{site['address']} in file_md5sum, {line_of('MD5')}: MD5" in told
    whole = json.loads(archscan("explain", str(number), "--db", confirmed, "--format", "json").stdout)
    (use,) = whole["occurrences"][0]["uses"]
    assert (use["function"], use["named"], use["line"]) == (site["function"], "file_md5sum", line_of("MD5"))


def test_places_that_a_verdict_names_are_shown_with_lines(confirmed: Path) -> None:
    sql = "SELECT finding_id FROM open_finding WHERE subject = 'stack_protector'"
    ((number,),) = rows(confirmed, sql)
    told = archscan("explain", str(number), "--db", confirmed).stdout
    assert "main calling.c:" in told
    assert " in main, calling.c:" in told
    ((occurrence,)) = json.loads(archscan("explain", str(number), "--db", confirmed, "--format", "json").stdout)[
        "occurrences"
    ]
    assert {place["name"] for place in occurrence["places"].values()} >= {"main"}


# --- a package that is read again ---


def change(db: Path, sql: str) -> None:
    with sqlite3.connect(db) as connection:
        connection.execute(sql)
    connection.close()


def test_lines_stay_right_when_a_package_is_read_again(built: Made, confirmed: Path) -> None:
    before = rows(confirmed, _CALLS)
    assert scan(confirmed, "--exports", "libraries", built.deb) == 0  # more facts, so the package is read again
    assert rows(confirmed, _CALLS) == before
    check(confirmed)


def test_what_is_found_later_has_no_line_of_something_else(built: Made, bare: Path) -> None:
    """An extractor that named other places: what it asked for is no line of what is named now."""
    db = bare
    change(db, "UPDATE call_site SET address = '0x' || format('%x', 4096 + id), function = 'sub_1'")
    change(db, "DELETE FROM crypto_use")
    assert archscan("confirm", "-q", "--db", db, built.dbgsym).returncode == 0
    assert scan(db, "--exports", "libraries", built.deb) == 0
    assert {(row[2] == row[1], row[3]) for row in rows(db, _CALLS)} == {(True, None)}
    assert rows(db, "SELECT count(*) FROM open_finding WHERE json_extract(evidence, '$.sites[0].line') IS NOT NULL "
                    "AND rule_id LIKE 'uses-%'") == [(0,)]  # fmt: skip
    assert [row["without_line"] for row in answer(db, "without-lines")] == [len(rows(db, "SELECT 1 FROM call_site"))]
    assert archscan("confirm", "-q", "--db", db, built.dbgsym).returncode == 0
    check(db)
    assert answer(db, "without-lines") == []


def test_what_an_object_says_itself_goes_with_its_row(built: Made, tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    deb = package(tmp_path / "own.deb", "own", {"usr/bin/own": built.whole.read_bytes()})
    scan(db, deb)
    before = rows(db, "SELECT address, file, line FROM own_line ORDER BY address")
    assert len(before) > 3
    change(db, "UPDATE own_line SET line = 7777")
    change(db, "INSERT INTO own_line SELECT elf_id, '0x1', 'gone.c', 1 FROM own_line LIMIT 1")
    assert scan(db, "--exports", "libraries", deb) == 0
    assert rows(db, "SELECT address, file, line FROM own_line ORDER BY address") == before
    with sqlite3.connect(db) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM package")
    connection.close()
    assert rows(db, "SELECT count(*) FROM own_line") == [(0,)]


def test_what_confirm_was_told_comes_before_what_the_object_says(built: Made, tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    scan(db, package(tmp_path / "own.deb", "own", {"usr/bin/own": built.whole.read_bytes()}))
    assert archscan("confirm", "-q", "--db", db, built.dbgsym).returncode == 0
    check(db)
    sql = "SELECT elf_id, address FROM source_place WHERE line IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1"
    assert rows(db, sql) == []


# --- hostile names ---

_HOSTILE = '"><script>alert(1)</script>\x1b[31m\u202e\x07.c'


def test_names_of_files_and_functions_break_out_of_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "it"
    calling(folder, "-O2")  # makes the library
    named = _HOSTILE.encode().replace(b'"', b'\\"') + b"\xff"
    (folder / "hostile.c").write_bytes(b'#line 1 "' + named + b'"\n' + SOURCE.encode())
    flags = ("-g", "-O2", "-fPIE", "-pie", "-Wl,--build-id=sha1", "-o", "whole")
    run("gcc", *flags, "hostile.c", "libcrypto.so.3", cwd=folder)
    run("objcopy", "--redefine-sym", f"file_md5sum=file_md5sum{_HOSTILE}", "whole", cwd=folder)
    one = made(tmp_path, folder / "whole")
    db, page = tmp_path / "a.db", tmp_path / "a.html"
    scan(db, one.deb)
    assert archscan("confirm", "-q", "--db", db, one.dbgsym).returncode == 0
    escaped = '"><script>alert(1)</script>\\x1b[31m\\xe2\\x80\\xae\\x07.c'
    assert rows(db, "SELECT DISTINCT file FROM source_line WHERE file LIKE '%script%'") == [(escaped + "\\xff",)]
    sql = "SELECT w.function FROM call_place w JOIN call_site c ON c.id = w.call_site_id WHERE c.symbol = 'MD5'"
    assert rows(db, sql) == [(f"file_md5sum{escaped}",)]
    archscan("report", "html", "--db", db, "-o", page)
    assert "script>alert(1)" not in page.read_text()
    ((number,),) = rows(db, "SELECT finding_id FROM open_finding WHERE rule_id = 'weak-checksum'")
    for form in ("text", "json"):
        told = archscan("explain", str(number), "--db", db, "--format", form).stdout
        assert told.count("alert(1)</script>") > 3
        assert not {"\x1b", "\u202e", "\x07"} & set(told)


# --- what it costs ---


def test_a_table_is_gone_through_once_for_all_addresses(built: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    image, count = read(built.whole.read_bytes()), 0
    text = next(part for part in image.sections if part.name == ".text")
    wanted = tuple(f"{address:#x}" for address in range(text.address, text.address + text.size))

    def counted(*values: Any) -> dict[int, tuple[int, int]]:
        nonlocal count
        count += 1
        return lines_of(*values)

    monkeypatch.setattr(places, "lines_of", counted)
    found = debug.read(image, "it", Asked(addresses=wanted), Limits())
    assert found is not None
    assert len([line for line in found.lines if line.line]) > 100
    assert count == 1


def test_lines_are_looked_up_by_their_keys(confirmed: Path) -> None:
    """Nothing is gone through for each of many thousands of calls, nor put together for them."""
    views = ["SELECT * FROM use_place", "SELECT * FROM call_place", "SELECT * FROM source_place WHERE elf_id = 1"]
    connection = sqlite3.connect(confirmed)
    connection.execute("CREATE TEMP TABLE hit (id INTEGER PRIMARY KEY, elf_id INTEGER, subject TEXT, evidence TEXT)")
    for sql in (*views, confirmations._LINES, confirmations._LINE, confirmations._NAMED):
        plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert not [line for line in plan if "AUTOMATIC" in line or re.match("SCAN (main.)?(s|x|d|own_line|o)$", line)]
        assert any(re.search("SEARCH s USING PRIMARY KEY", line) for line in plan)
    connection.close()


def test_more_tables_than_are_gone_through_are_said(built: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first table is read in any case; here it stands for the two units of an object."""
    monkeypatch.setattr(debug, "MOST_LINE_BYTES", -1)
    found = debug.read(read(built.whole.read_bytes()), "it", Asked(addresses=("0x1",)), Limits())
    assert found is not None
    assert found.problem is None  # nothing was wanted of it
    sites = rows_of_text(built.whole)
    found = debug.read(read(built.whole.read_bytes()), "it", Asked(addresses=sites), Limits())
    assert found is not None
    assert "no source line" in str(found.problem)
    assert all(line.line is None for line in found.lines)


def rows_of_text(path: Path) -> tuple[str, ...]:
    shown = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(f"{int(line.split()[0], 16):#x}" for line in shown if line.split()[-1] in ("main", "begun"))


def test_a_table_that_goes_back_and_forth_ends(built: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_MOST_SAID", 3)
    tables = debug.tables_of(read(built.whole.read_bytes()), Limits())
    table = line_table(tables, 0)
    assert len(lines_of(tables, table, range(0x1000, 0x2000))) < 0x200


# --- symbols ---


def test_the_symbol_that_holds_an_address(tmp_path: Path) -> None:
    (tmp_path / "a.s").write_text("""
    .text
    .type outer, @function
outer:
    nop
    .type inner, @function
inner:
    nop
    .size inner, 1
    nop
    .size outer, . - outer
    .globl alias
    .set alias, outer
    .type bare, @function
bare:
    nop
    nop
    .data
    .type table, @object
table:
    .quad 1
    .size table, 8
    .type odd, @object
    .size odd, 4
odd: .long 3
""")
    run("gcc", "-nostdlib", "-shared", "-o", "a.so", "a.s", cwd=tmp_path)
    shown = run("nm", "a.so", cwd=tmp_path).split("\n")
    at = {line.split()[-1]: int(line.split()[0], 16) for line in shown if line}
    image = read((tmp_path / "a.so").read_bytes())
    wanted = {
        at["outer"]: "alias",
        at["inner"]: "inner",
        at["inner"] + 1: "alias",
        at["bare"]: "bare",
        at["table"] + 7: "table",
        at["odd"]: "odd",
    }
    assert names(image, [*wanted, at["bare"] + 1, at["odd"] + 4, 0, 1 << 63, (1 << 64) - 1]) == wanted
    run("strip", "--strip-all", "a.so", cwd=tmp_path)
    assert names(read((tmp_path / "a.so").read_bytes()), wanted) == {}


def test_debug_files_without_symbols_still_tell_lines(built: Made, bare: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(built.whole, tmp_path / "whole"))
    run("objcopy", "--only-keep-debug", path, "debug", cwd=tmp_path)
    image = read((tmp_path / "debug").read_bytes())
    table = next(part for part in image.sections if part.name == ".symtab")
    data = bytearray(image.data)
    data[table.offset : table.offset + table.size] = bytes(table.size)
    (tmp_path / "debug").write_bytes(data)
    assert archscan("confirm", "-q", "--db", bare, tmp_path / "debug").returncode == 0
    found = rows(bare, _CALLS)
    assert {line for *_, line in found} >= {line_of("MD5")}
    assert all(function == label for _, label, function, _ in found)
