"""`archscan explain`: what it prints is held against objdump, readelf and what the scan had found."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from archscan.cli import archscan as command
from archscan.reports.finding import finding
from archscan.store import open_readonly
from corpus.build import Built, build
from corpus.catalogue import stubs_of
from corpus.debs import Entry, deb
from corpus.recipes import ROOT
from tests.scan.scanning import archscan, rows, scan

RECIPES = ("selected", "md5-import", "stack-clash", "archives", "names", "privileged-postinst",
           "partial-stack-protector", "not-fortified", "relocatable", "no-pie", "writable-code",
           "linked-in")  # fmt: skip

ALGORITHMS = ("md5", "sha1", "ripemd160")


class Scanned(msgspec.Struct, frozen=True):
    """A database, and the packages in it by the names of their recipes."""

    db: Path
    debs: dict[str, Path]


@pytest.fixture(scope="module")
def scanned(corpus_builds: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    folder = tmp_path_factory.mktemp("explained")
    (folder / "pool").mkdir()
    debs = {
        name: Path(shutil.copy(corpus_builds[name].deb, folder / "pool")) for name in RECIPES if name in corpus_builds
    }
    assert scan(folder / "a.db", folder / "pool") == 0
    return Scanned(folder / "a.db", debs)


def number(db: Path, rule: str, path: str, subject: str = "%") -> str:
    """The number of the first finding of a rule about an object."""
    (row, *_) = rows(
        db,
        "SELECT f.id FROM finding f JOIN occurrence o ON o.finding_id = f.id WHERE f.rule_id = ? AND o.path LIKE ? "
        "AND f.subject LIKE ? ORDER BY f.id",
        (rule, path, subject),
    )
    return str(row[0])


def about(db: Path, algorithm: str, path: str, function: str = "") -> list[str]:
    """The numbers of the findings about an algorithm in an object, by whichever rules, or about a function of it."""
    found = rows(
        db,
        "SELECT DISTINCT f.id FROM finding f JOIN occurrence o ON o.finding_id = f.id JOIN rule r ON r.id = f.rule_id "
        "WHERE r.category = 'crypto' AND f.subject = ? AND o.path = ? ORDER BY f.id",
        (algorithm, path),
    )
    numbers = [str(row[0]) for row in found]
    with open_readonly(db) as connection:
        kept = [
            name
            for name in numbers
            if not function or any(use["function"] == function for use in _uses(finding(connection, name)))
        ]
    assert kept
    return kept


def _uses(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [use for one in found["occurrences"] for use in one["uses"]]


def text(db: Path, *arguments: str | Path) -> str:
    """What is printed; in this process, as half of the time of another one goes into imports."""
    done = CliRunner().invoke(command, ["explain", "--db", str(db), *map(str, arguments)], env={"COLUMNS": None})
    assert (done.exit_code, done.stderr, done.exception) == (0, "", None), done.output
    return done.stdout


def as_json(db: Path, *arguments: str | Path) -> dict[str, Any]:
    found = json.loads(text(db, *arguments, "--format", "json"))
    assert isinstance(found, dict)
    return found


def pasted(printed: str, folder: Path) -> str:
    """What the printed commands print when somebody pastes them into bash; each must end well."""
    block = printed.partition("  To see it without archscan\n")[2]
    lines = [line[4:] for line in block.split("\n\n")[0].splitlines()]
    assert lines
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TMPDIR": str(folder)}
    done = subprocess.run(["bash", "-e", "-o", "pipefail"], input="\n".join(lines).encode(), capture_output=True,
                          env=environment, check=False, cwd="/")  # fmt: skip
    assert done.returncode == 0, (lines, done.stderr.decode(errors="replace"))
    return done.stdout.decode(errors="replace")


def calls(disassembly: str) -> dict[str, str]:
    """Where calls stand in the output of objdump, and what they call."""
    found = re.findall(
        r"^ *([0-9a-f]+):\s+(?:call|bl)\s+[0-9a-f]+ <([^>@]+)(?:@plt|@@Base)?>", disassembly, re.MULTILINE
    )
    return {f"0x{address}": name for address, name in found}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("path", ["usr/bin/selector", "usr/lib/selected/plain"])
def test_the_commands_show_the_same_calls(scanned: Scanned, tmp_path: Path, algorithm: str, path: str) -> None:
    for name in about(scanned.db, algorithm, path):
        printed, found = text(scanned.db, name, "--sites", "64"), as_json(scanned.db, name, "--sites", "64")
        seen = calls(pasted(printed, tmp_path))
        (occurrence,) = found["occurrences"]
        shown = {one["address"]: one["target"] for one in occurrence["code"]}
        assert shown == {use["address"]: use["symbol"] for use in occurrence["uses"]}
        assert shown.items() <= seen.items()
        assert all(f"> {address}  " in printed for address in shown)


@pytest.mark.parametrize("path", ["usr/bin/static-md5", "usr/bin/exported-md5"])
def test_a_function_that_is_linked_in_is_named_as_an_imported_one(scanned: Scanned, tmp_path: Path, path: str) -> None:
    for name in about(scanned.db, "md5", path, "main"):
        printed, found = text(scanned.db, name, "--sites", "64"), as_json(scanned.db, name, "--sites", "64")
        (occurrence,) = found["occurrences"]
        shown = {one["address"]: one["target"] for one in occurrence["code"]}
        assert set(shown.values()) == {"EVP_md5", "EVP_Digest"}
        assert shown.items() <= calls(pasted(printed, tmp_path)).items()
        assert "<EVP_Digest>" in printed
        assert "@plt" not in printed.partition("  To see it")[0]
        assert "(result of EVP_md5, whose name says what it is)" in printed


def test_the_commands_show_the_same_instructions(scanned: Scanned, tmp_path: Path) -> None:
    found = as_json(scanned.db, about(scanned.db, "md5", "usr/bin/selector")[0])
    assert found["occurrences"][0]["code"]
    for one in found["occurrences"][0]["code"]:
        dump = pasted(f"  To see it without archscan\n    {_extraction(found)}\n    {one['commands'][0]}\n", tmp_path)
        addresses = [f"0x{address}" for address in re.findall(r"^ +([0-9a-f]+):", dump, re.MULTILINE)]
        assert addresses == [line["address"] for line in one["instructions"]]


def _extraction(found: dict[str, Any]) -> str:
    return "\n    ".join(found["occurrences"][0]["extraction"])


# What the source says (corpus/selected/selector.c): the numbers and names that reach each call of a function.
SELECTED = {
    ("constant", "gcry_md_open"): {"2 (GCRY_MD_SHA1)"},
    ("opened", "gcry_md_open"): {"1 (GCRY_MD_MD5)", "2 (GCRY_MD_SHA1)"},
    ("by_name", "EVP_get_digestbyname"): {'"MD5" (md5)'},
    ("by_name", "EVP_DigestInit_ex"): {'"MD5" (md5)'},
}


def check_paths(db: Path, path: str, architecture: str) -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    steps: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name in (name for algorithm in ALGORITHMS for name in about(db, algorithm, path)):
        found = as_json(db, name, "--sites", "64")
        (occurrence,) = [one for one in found["occurrences"] if one["architecture"] == architecture]
        for one in occurrence["code"]:
            key = one["function"], one["target"]
            for way in one["paths"]:
                assert not way["cut"]
                assert not way["problem"]
                steps[key] = way["steps"]
                seen[key] = {step["value"] for step in way["steps"] if step["into"].startswith("argument")} - {""}
    assert SELECTED.items() <= seen.items()
    # Each path ends with what puts the argument into its register, or with how the function got it.
    assert all(way[-1]["into"].endswith(f" of {target}") for (_, target), way in steps.items())
    # Callers, and a function that returns the value, are named with their places.
    assert {"calls_with_md5", "calls_with_sha1", "opened"} <= {
        step["function"] for step in steps["opened", "gcry_md_open"]
    }
    assert {"chosen", "returned"} <= {step["function"] for step in steps["returned", "gcry_md_open"]}
    both = steps["branched", "EVP_DigestInit_ex"]
    assert any("result of EVP_sha1" in step["said"] for step in both)


@pytest.mark.parametrize("path", ["usr/bin/selector", "usr/lib/selected/plain"])
def test_the_path_of_a_value_is_that_of_the_source(scanned: Scanned, path: str) -> None:
    check_paths(scanned.db, path, "amd64")


@pytest.mark.full
@pytest.mark.parametrize("path", ["usr/bin/selector", "usr/lib/selected/plain"])
def test_on_another_processor(tmp_path: Path, path: str) -> None:
    root = tmp_path / "recipes"
    shutil.copytree(ROOT / "selected", root / "selected")
    recipe = root / "selected/recipe.toml"
    recipe.write_text(recipe.read_text().replace("[build]", '[build]\ncompiler = "aarch64-linux-gnu-gcc"'))
    (tmp_path / "work").mkdir()
    built = build("selected", tmp_path, tmp_path / "work", stubs_of(ROOT.parent / "rules"), root)
    assert scan(tmp_path / "a.db", built.deb) == 0
    name = about(tmp_path / "a.db", "sha1", path)[0]
    printed = text(tmp_path / "a.db", name, "--sites", "64")
    assert "aarch64-linux-gnu-objdump" in printed
    found = as_json(tmp_path / "a.db", name, "--sites", "64")
    shown = {one["address"]: one["target"] for one in found["occurrences"][0]["code"]}
    assert shown.items() <= calls(pasted(printed, tmp_path)).items()
    if path == "usr/lib/selected/plain":
        check_paths(tmp_path / "a.db", path, "arm64")


def test_instructions_that_select_are_marked(scanned: Scanned) -> None:
    printed = text(scanned.db, about(scanned.db, "sha1", "usr/bin/selector", "constant")[0], "--sites", "64")
    constant = printed.partition(" in constant: gcry_md_open")[2].partition("how argument")[0]
    marked = [line for line in constant.splitlines() if line.startswith("    * ")]
    assert len(marked) == 1
    assert "mov esi, 2" in marked[0]
    assert "<gcry_md_open@plt>" in constant


def test_texts_are_shown_at_the_instructions_that_point_to_them(scanned: Scanned, tmp_path: Path) -> None:
    printed = text(scanned.db, about(scanned.db, "md5", "usr/bin/selector", "by_name")[0])
    assert re.search(r'\* 0x[0-9a-f]+  lea rdi, .*"MD5"$', printed, re.MULTILINE)
    assert re.search(r"^ *\[ *[0-9a-f]+\]  MD5$", pasted(printed, tmp_path), re.MULTILINE)


def test_a_function_for_one_algorithm_needs_no_argument(scanned: Scanned) -> None:
    printed = "".join(text(scanned.db, name) for name in about(scanned.db, "md5", "usr/bin/md5"))
    assert len(set(re.findall(r"^  (0x\w+) in \w+: MD5_\w+$", printed, re.MULTILINE))) == 3
    assert printed.count("no argument selects") >= 3


def test_constants_are_shown_with_who_names_them(moved: tuple[Path, str, Path], tmp_path: Path) -> None:
    """A table of an algorithm stands in data; here it is the name of a digest."""
    db, _, package = moved
    name = about(db, "md5", "usr/bin/selector", "by_name")[0]
    (text_at,) = {
        passage["address"]
        for one in as_json(db, name, "--package", package)["occurrences"][0]["code"]
        for passage in one["passages"]
    }
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "UPDATE crypto_use SET address = ?, evidence = 'constant', symbol = NULL, library = NULL, "
            "call_site_id = NULL WHERE function = 'by_name' AND algorithm = 'md5'",
            (text_at,),
        )
        connection.execute("UPDATE occurrence SET evidence = '{}'")
    printed = text(db, name, "--package", package)
    assert re.search(rf"^  {text_at}, used by by_name\n    data stands there: 4d443500 ", printed, re.MULTILINE)
    assert re.search(r'> 0x[0-9a-f]+  lea rdi, .*"MD5"$', printed, re.MULTILINE)
    assert re.search(r"^ [0-9a-f]+ 4d443500 ", pasted(printed, tmp_path), re.MULTILINE)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("no-stack-clash-protection", "usr/bin/%"),
        ("partial-stack-protector", "usr/bin/%"),
        ("not-fortified", "%"),
        ("no-pie", "%"),
        ("writable-code", "%"),
        ("no-relro", "%"),
        ("privileged-unprotected", "usr/bin/by-chmod"),
        ("not-fortified", "/absolute/program"),
        ("no-landing-pads", "../climbing"),
        ("no-landing-pads", "usr/share/names/%line"),
        ("no-landing-pads", "usr/share/names/right%"),
    ],
)
def test_other_findings_are_shown_with_commands_that_work(
    scanned: Scanned, tmp_path: Path, rule: str, path: str
) -> None:
    name = number(scanned.db, rule, path)
    printed = text(scanned.db, name)
    assert "What would change the verdict" in printed
    pasted(printed, tmp_path)


def test_an_object_without_sections(corpus_objects: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    data = bytearray(corpus_objects["selected"]["usr/bin/selector"].read_bytes())
    data[0x28:0x30], data[0x3C:0x40] = bytes(8), bytes(4)  # e_shoff; e_shnum and e_shstrndx
    entries = [Entry(name=b"./usr/bin/selector", data=bytes(data), mode=0o755)]
    control = [Entry(name=b"./control", data=b"Package: bare\nVersion: 1\nArchitecture: amd64\n")]
    (tmp_path / "bare.deb").write_bytes(deb(control, entries))
    assert scan(tmp_path / "a.db", tmp_path / "bare.deb") == 0
    name = about(tmp_path / "a.db", "sha1", "usr/bin/selector")[0]
    printed, found = text(tmp_path / "a.db", name), as_json(tmp_path / "a.db", name)
    dump = pasted(printed, tmp_path)
    for one in found["occurrences"][0]["code"]:
        assert re.search(rf"^ *{one['address'][2:]}:\s+call ", dump, re.MULTILINE)
        assert one["target"] in dump


def test_the_places_that_a_verdict_names_are_shown(scanned: Scanned, tmp_path: Path) -> None:
    name = number(scanned.db, "no-stack-clash-protection", "usr/bin/unprobed")
    printed, found = text(scanned.db, name), as_json(scanned.db, name)
    (occurrence,) = found["occurrences"]
    sites = [site["address"] for site in occurrence["reason"]["sites"]]
    assert sites
    assert [one["address"] for one in occurrence["code"]] == sites[:4]
    dump = pasted(printed, tmp_path)
    assert all(f" {site[2:]}:" in dump for site in sites[:4])


def test_a_finding_of_each_rule_about_each_package_can_be_printed(scanned: Scanned, tmp_path: Path) -> None:
    found = rows(
        scanned.db,
        "SELECT max(f.id) FROM finding f JOIN occurrence o ON o.finding_id = f.id GROUP BY f.rule_id, o.package_id",
    )
    assert len(found) > 15
    for (name,) in found:
        printed = text(scanned.db, str(name), "--sites", "1")
        assert "internal" not in printed
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", printed)
        pasted(printed, tmp_path)


def test_a_fingerprint_may_be_cut_short(scanned: Scanned) -> None:
    name = about(scanned.db, "md5", "usr/bin/selector")[0]
    ((whole,),) = rows(scanned.db, "SELECT fingerprint FROM finding WHERE id = ?", (int(name),))
    assert isinstance(whole, str)
    for prefix in (whole, whole[:12].upper()):
        assert as_json(scanned.db, prefix)["finding"]["id"] == int(name)


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("999999999", 3, "no finding 999999999, and none whose"),
        ("fffffffffff0", 3, "no finding whose fingerprint begins with fffffffffff0"),
        ("abc", 2, "expected the number of a finding, or 6 and more hexadecimal digits"),
        ("imports-md5", 2, "expected the number of a finding"),
        ("", 2, "expected the number of a finding"),
        ("²", 2, "expected the number of a finding"),
        ("-1", 2, "No such option"),
        ("9" * 30, 3, "no finding whose fingerprint begins with 9999"),
        ("0" * 65, 2, "expected the number"),
    ],
)
def test_what_is_no_finding_is_said(scanned: Scanned, name: str, code: int, message: str) -> None:
    done = archscan("explain", "--db", scanned.db, name)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count("Traceback") == 0


def test_a_prefix_of_several_fingerprints_is_said(scanned: Scanned, tmp_path: Path) -> None:
    db = tmp_path / "b.db"
    shutil.copy(scanned.db, db)
    with closing(sqlite3.connect(db)) as connection, connection:
        for row, ending in zip(connection.execute("SELECT id FROM finding LIMIT 2").fetchall(), "ab", strict=True):
            connection.execute("UPDATE finding SET fingerprint = ? WHERE id = ?", ("abcdef" + ending * 58, row[0]))
    done = archscan("explain", "--db", db, "abcdef")
    assert done.returncode == 2
    assert "begins several fingerprints" in done.stderr
    assert "abcdefaaaaaaaaaa (" in done.stderr


def test_without_the_database_there_is_nothing(tmp_path: Path) -> None:
    done = archscan("explain", "--db", tmp_path / "none.db", "1")
    assert done.returncode == 1
    assert "none.db" in done.stderr


@pytest.fixture
def moved(scanned: Scanned, tmp_path: Path) -> tuple[Path, str, Path]:
    """A database, the number of a finding in it, and where its package lies now; the scan found it elsewhere."""
    shutil.copy(scanned.db, tmp_path / "a.db")
    (tmp_path / "pool").mkdir()
    (tmp_path / "else").mkdir()
    package = Path(shutil.copy(scanned.debs["selected"], tmp_path / "else/renamed.deb"))
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("UPDATE scan SET command = ?", (f"archscan scan --db a.db {tmp_path / 'pool'} 'odd",))
    return tmp_path / "a.db", about(tmp_path / "a.db", "sha1", "usr/bin/selector", "constant")[0], package


def test_what_the_database_knows_is_printed_without_the_package(moved: tuple[Path, str, Path]) -> None:
    db, name, _ = moved
    printed = text(db, name)
    assert "was not found, so its code is not shown; give it with --package FILE" in " ".join(printed.split())
    assert "value: GCRY_MD_SHA1" in printed
    assert "objdump -d --no-show-raw-insn --start-address=0x" in printed
    assert "how argument" not in printed


def test_the_package_is_found_where_it_is_said_to_be(moved: tuple[Path, str, Path]) -> None:
    db, name, package = moved
    assert "how argument 1 got its value" in text(db, name, "--package", package)
    package.rename(package.with_name("selected_1.0-1_amd64.deb"))
    assert "how argument 1 got its value" in text(db, name, "--package", package.parent)


def test_another_package_of_the_name_is_not_taken(moved: tuple[Path, str, Path], corpus_debs: dict[str, Path]) -> None:
    db, name, package = moved
    other = db.parent / "pool" / corpus_debs["selected"].name
    for content in (corpus_debs["md5-import"].read_bytes(), package.read_bytes()[:-20], b"", os.urandom(5000)):
        other.write_bytes(content)
        printed = " ".join(text(db, name).split())
        assert "not the package that was scanned, whose SHA-256 is" in printed
        assert "how argument" not in printed
    other.unlink()
    os.mkfifo(other)
    assert "was not found" in " ".join(text(db, name).split())


def test_an_object_that_is_not_there_is_said(moved: tuple[Path, str, Path]) -> None:
    db, name, package = moved
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE elf SET sha256 = ?", ("0" * 64,))
    assert "the package has no such object" in text(db, name, "--package", package)


def test_places_that_are_none_are_said(moved: tuple[Path, str, Path]) -> None:
    db, name, package = moved
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE crypto_use SET address = '0xffffffffffff0000' WHERE function = 'constant'")
        connection.execute("UPDATE crypto_use SET address = '0x10' WHERE function = 'opened'")
        connection.execute("UPDATE crypto_use SET address = '.text+0x10' WHERE function = 'branched'")
        connection.execute("UPDATE occurrence SET evidence = '{}'")
    printed = text(db, name, "--package", package, "--sites", "64")
    assert printed.count("neither code nor data stands there") == 1
    assert " data stands there: " in printed  # the headers of the file


def test_evidence_without_a_call_is_shown_too(moved: tuple[Path, str, Path]) -> None:
    """Constants and instructions of an algorithm stand in a function, and no call belongs to them."""
    db, name, package = moved
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "UPDATE crypto_use SET evidence = 'constant', symbol = NULL, library = NULL, call_site_id = NULL, "
            "argument = NULL WHERE function = 'constant'"
        )
        connection.execute('UPDATE occurrence SET evidence = \'{"sites": [{"function": "constant"}]}\'')
    (occurrence,) = as_json(db, name, "--package", package)["occurrences"]
    assert [(use["evidence"], use["function"]) for use in occurrence["uses"]] == [("constant", "constant")]
    (one,) = occurrence["code"]
    assert any(line["mark"] == "here" for line in one["instructions"])
    assert one["paths"] == []
