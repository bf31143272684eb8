"""Real source packages, built here: what ``archscan confirm`` says is what their compilers were told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archscan import debug
from archscan.debug.flags import language, settings
from archscan.elf.reader import read
from archscan.model import Asked, DebugInfo, Limits
from tests.debug import truth
from tests.debug.building import run
from tests.debug.source_packages import CALLING, RECIPES, Recipe, debs, folder
from tests.debug.test_units import by_readelf
from tests.scan.scanning import archscan, assert_sound, rows, scan

pytestmark = pytest.mark.full
_BY_NAME = {recipe.name: recipe for recipe in RECIPES}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[truth.Pair]]:
    """Recipe → its objects with their debug files."""
    root = tmp_path_factory.mktemp("unpacked")
    return {recipe.name: truth.objects(debs(recipe, folder()), root / recipe.name) for recipe in RECIPES}


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recipe → a database of its packages, confirmed."""
    found = {}
    for recipe in RECIPES:
        db = tmp_path_factory.mktemp("confirmed") / f"{recipe.name}.db"
        files = debs(recipe, folder())
        scan(db, *files)
        done = archscan("confirm", "--db", db, *(path for path in files if "-dbgsym_" in path.name))
        assert done.returncode == 0, done.stderr
        assert_sound(db)
        found[recipe.name] = db
    return found


def said(path: Path, wanted: tuple[str, ...] = ()) -> DebugInfo:
    found = debug.read(read(path.read_bytes()), path.name, Asked(addresses=wanted), Limits())
    assert found is not None
    return debug.finished(found, {})


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_units_and_lines_are_those_of_binutils(recipe: Recipe, pairs: dict[str, list[truth.Pair]]) -> None:
    assert pairs[recipe.name]
    for pair in pairs[recipe.name]:
        wanted = [f"{one.low:#x}" for one in truth.functions(pair.debug)][:200]
        info = said(pair.debug, tuple(wanted))
        assert [(unit.name, unit.comp_dir, unit.producer) for unit in info.units] == by_readelf(pair.debug)
        shown = run("addr2line", "-e", pair.debug, *wanted, cwd=pair.debug.parent).splitlines()
        known = {address: text.partition(" ")[0] for address, text in zip(wanted, shown, strict=True) if text[0] != "?"}
        ours = {line.address: line for line in info.lines}
        differing = [
            address
            for address, text in known.items()
            if not text.endswith(":?") and (address not in ours or int(text.rpartition(":")[2]) != ours[address].line)
        ]
        assert len(differing) <= len(known) // 20, differing  # two rows of one address: either may be shown


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_verdict_is_that_of_the_flags(recipe: Recipe, confirmed: dict[str, Path]) -> None:
    sql = "SELECT DISTINCT built FROM confirmed WHERE feature = 'stack_protector' AND built <> 'n/a'"
    expected = "no" if "DEB_CFLAGS_STRIP" in recipe.environment else "yes"
    assert rows(confirmed[recipe.name], sql) == [(expected,)]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_names_are_those_of_the_symbol_table(recipe: Recipe, pairs: dict[str, list[truth.Pair]]) -> None:
    for pair in pairs[recipe.name]:
        every = truth.functions(pair.debug)
        ours = {line.address: line.name for line in said(pair.debug, tuple(f"{one.low:#x}" for one in every)).lines}
        for one in every:
            # Some places have several names.
            assert ours[f"{one.low:#x}"] in {other.name for other in every if other.low == one.low}


def test_calls_of_a_package_have_the_lines_and_functions_of_binutils(tmp_path: Path) -> None:
    files = debs(CALLING, folder())
    db = tmp_path / "a.db"
    scan(db, *files)
    assert archscan("confirm", "-q", "--db", db, *(path for path in files if "-dbgsym_" in path.name)).returncode == 0
    (pair,) = (one for one in truth.objects(files, tmp_path / "unpacked") if one.path == "usr/bin/stunnel4")
    sql = """SELECT c.address, c.function, w.function, w.line FROM call_site c
             JOIN call_place w ON w.call_site_id = c.id JOIN elf e ON e.id = c.elf_id
             WHERE e.path = 'usr/bin/stunnel4' ORDER BY c.address"""
    found = rows(db, sql)
    assert len(found) > 40
    assert all(str(label).startswith("sub_") for _, label, _, _ in found)
    shown = run("addr2line", "-e", pair.debug, *(str(row[0]) for row in found), cwd=tmp_path).splitlines()
    assert [line for *_, line in found] == [text.partition(" ")[0].rpartition("/")[2] for text in shown]
    symbols = run("nm", "-S", pair.debug, cwd=tmp_path).splitlines()
    sized = [(int(words[0], 16), int(words[1], 16), words[3]) for line in symbols if len(words := line.split()) == 4]
    for address, _, name, _ in found:
        at = int(str(address), 16)
        assert name in {known for low, size, known in sized if low <= at < low + size}


def test_every_function_of_a_package_without_protector_is_in_a_unit_without(pairs: dict[str, list[truth.Pair]]) -> None:
    (bare,), (plain,) = pairs["hello-bare"], pairs["hello"]
    flag = "-fstack-protector-strong"
    assert {flag in one.flags for one in truth.functions(bare.debug)} == {False}
    assert {flag in one.flags for one in truth.functions(plain.debug)} == {True}
    assert len(truth.functions(plain.debug)) > 50


def test_fortify_is_shown_where_it_was_asked_for(confirmed: dict[str, Path]) -> None:
    sql = "SELECT units_with, units_without FROM confirmed WHERE feature = 'fortify' AND path = 'usr/bin/hello'"
    ((having, without),) = rows(confirmed["hello"], sql)
    assert (int(str(having)) > 0, without) == (True, 0)
    assert rows(confirmed["hello-plain"], sql) == [(0, 1)]
    sql = "SELECT standing, unit, flag FROM confirmed WHERE feature = 'fortify'"
    assert rows(confirmed["hello-plain"], sql) == [("confirmed", "src/hello.c", "-D_FORTIFY_SOURCE=2")]


def test_assembler_and_data_do_not_count(confirmed: dict[str, Path]) -> None:
    sql = "SELECT count(*) FROM compile_unit WHERE language = 'assembler'"
    assert int(str(rows(confirmed["libffi"], sql)[0][0])) > 0
    assert rows(confirmed["libffi"], "SELECT DISTINCT language FROM compile_unit ORDER BY 1") == [
        ("assembler",),
        ("c",),
    ]


def test_link_time_optimisation_is_told_from_the_units_that_were_compiled(confirmed: dict[str, Path]) -> None:
    sql = "SELECT language, count(*), sum(lto), sum(stack_protector IS NULL) FROM compile_unit GROUP BY language"
    found = {str(row[0]): row[1:] for row in rows(confirmed["hello-lto"], sql)}
    assert found["c"][0] == found["c"][1]
    assert found["lto"][0] == found["lto"][2]


def test_strings_that_dwz_shares(tmp_path: Path, pairs: dict[str, list[truth.Pair]]) -> None:
    """What `dwz -m` makes of two debug files, against the files before."""
    files = []
    for name in ("hello", "dash", "tree"):
        (pair, *_) = pairs[name]
        files.append(Path(shutil.copy(pair.debug, tmp_path / f"{name}.debug")))
        run("objcopy", "--decompress-debug-sections", files[-1], cwd=tmp_path)
    before = [said(path) for path in files]
    run("dwz", "-m", "shared.debug", "-M", "shared.debug", *(path.name for path in files), cwd=tmp_path)
    strings = debug.alternate_strings(read((tmp_path / "shared.debug").read_bytes()), Limits())
    assert strings is not None
    linked = []
    for path, info in zip(files, before, strict=True):
        found = debug.read(read(path.read_bytes()), path.name, Asked(), Limits())
        assert found is not None
        if found.alternate is not None:
            assert found.alternate == strings[0]
            linked += [path.name] if debug.finished(found, {}).units != info.units else []
        assert debug.finished(found, dict([strings])).units == info.units
    assert linked  # of some units at least a name lies in the other file now


def test_the_truth_has_the_same_flags_as_we(pairs: dict[str, list[truth.Pair]]) -> None:
    """The units of pyelftools with the flags in them, beside ours."""
    for pair in (one for some in pairs.values() for one in some):
        ours = said(pair.debug).units
        theirs = truth.units(pair.debug)
        assert [(unit.name, unit.stack_protector) for unit in ours] == [
            (unit.name, settings(unit.producer).stack_protector) for unit in theirs
        ]
        assert [unit.language for unit in ours if unit.language != "unknown"] == [
            language(unit.producer, None) for unit in theirs
        ]
