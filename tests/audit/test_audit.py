"""Documents of audits say what was read, and no more than that; verdicts are left to people."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archscan import audit
from archscan.audit import Answer, Result
from archscan.audit.beside import norm
from archscan.cli import run
from archscan.errors import RuleError
from archscan.scan import Options, scan
from corpus.debs import Entry, deb
from tests.deb.building import CONTROL
from tests.reports.scans import WORST

ROOT = Path(__file__).parents[2]
FORMS = audit.load(ROOT / "reports" / "audit")
RECIPES = """
    privileged privileged-postinst root-daemons root-jobs polkit-grants sudo-rules apparmor-modes script-careless
    settings-weak bus-policies no-pie uses-digests md5-inside overridden
    """.split()
NEVER = """
    nobody hidden odd-places udev nss autostart go rust static cargo-lock built-using endpoints keys python2 development
    desktop translations extensions nested kernel writable other-owners sound-crypto made-at-boot questions
    urgent-questions oneshots privileged-ports bus-services switches-user
    """.split()  # in none of these packages
HOSTILE = "<img src=x onerror=alert(1)>](javascript:alert(1)) `|` **b**"


def package(
    folder: Path, *entries: Entry, name: str = "thing", version: str = "1", fields: bytes = b"", postinst: bytes = b""
) -> Path:
    control = CONTROL.replace(b": thing", b": " + name.encode()).replace(b": 1", b": " + version.encode()) + fields
    files = [Entry(name=b"./control", data=control)]
    files += [Entry(name=b"./postinst", data=postinst, mode=0o755)] if postinst else []
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / f"{name}_{version}_amd64.deb"
    path.write_bytes(deb(files, entries, data_compression="zst"))
    return path


def read(db: Path, *paths: Path) -> Path:
    """A database in which the packages were read, without a process for it."""
    scan(list(map(str, paths)), Options(database=db, data=(ROOT / "rules",), command="", thorough=True), io.BytesIO())
    return db


def audited(*arguments: str | Path, code: int = 0) -> str:
    """What the command prints, in this process; it ends with ``code``."""
    stream, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(errors):
        done = run(["audit", *map(str, arguments)])
    assert done == code, errors.getvalue()
    return stream.getvalue() or errors.getvalue()


def lines(*arguments: str | Path, code: int = 0) -> dict[tuple[str, ...], dict[str, Any]]:
    """The lines of the document by the items that they ask."""
    document = json.loads(audited(*arguments, "--format", "json", code=code))
    return {
        tuple(line["items"]): line for section in document["sections"] for line in section["lines"] if line["items"]
    }


@pytest.fixture(scope="module")
def database(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Packages of every sort, in one database."""
    path = tmp_path_factory.mktemp("audit") / "a.db"
    read(path, *(corpus_debs[name] for name in RECIPES if name in corpus_debs))
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def results(database: sqlite3.Connection, filename: str) -> dict[str, Result]:
    ids = [row[0] for row in database.execute("SELECT id FROM package WHERE filename = ?", (filename,))]
    return audit.results(database, audit.chosen(database, ids), FORMS)


def packages(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT filename FROM package ORDER BY 1")]


# -- the data --------------------------------------------------------------------------------------------------------


def test_every_form_asks_what_there_is(database: sqlite3.Connection) -> None:
    known = {*results(database, packages(database)[0]), "dependencies", "previous", "norm"}
    for name, form in FORMS.forms.items():
        for section in form.section:
            for line in section.lines:
                asked = {*filter(None, (line.ask, line.show)), *line.also.split()}
                assert asked <= known, (name, section.name, asked - known)
                said = [line.ask, line.show, line.todo, line.text, line.alternatives or None]
                assert sum(one is not None for one in said) == 1, (name, section.name, line)
                assert line.ask is None or (line.none and line.yes), (name, line.ask)


def test_every_question_has_an_answer_somewhere(database: sqlite3.Connection) -> None:
    answered = {one.item for name in packages(database) for one in results(database, name).values() if one.table.total}
    never = {item.id for item in FORMS.items} - answered
    assert never <= {*NEVER}


@pytest.mark.parametrize("template", audit.TEMPLATES)
def test_a_verdict_is_never_written(database: sqlite3.Connection, template: str) -> None:
    for name in packages(database):
        ids = [row[0] for row in database.execute("SELECT id FROM package WHERE filename = ?", (name,))]
        subject = audit.chosen(database, ids)
        found = {**audit.results(database, subject, FORMS), "norm": norm(database)}
        nothing = next(iter(found.values()))
        found |= {"dependencies": nothing, "previous": nothing}
        for section in audit.document(template, FORMS, subject, found).sections:
            for line in section.lines:
                for part in line.text.split("\n"):
                    assert "ACK" not in part or re.match(r"TODO-[ABC]: ", part)


# -- what was read, held against other tools -------------------------------------------------------------------------


def test_members_and_privileges_are_those_of_the_tar(corpus_debs: dict[str, Path]) -> None:
    path = corpus_debs["privileged"]
    listing = subprocess.run(["dpkg-deb", "--contents", str(path)], capture_output=True, text=True, check=True).stdout
    privileged = {
        line.split()[5].removeprefix("./") for line in listing.splitlines() if re.match(r"-..[sS]|-.{5}[sS]", line)
    }
    found = lines(path)
    shown = {row[0] for table in found["set-id",]["tables"] for row in table["rows"]}
    assert privileged
    assert shown == privileged
    assert found["sudo-fragments",]["said"] == f"none shipped ({len(listing.splitlines())} members read)"


def test_calls_are_those_that_readelf_shows(
    corpus_objects: dict[str, dict[str, Path]], corpus_debs: dict[str, Path]
) -> None:
    found = lines(corpus_debs["uses-digests"])
    objects = corpus_objects["uses-digests"]
    imported: dict[str, set[str]] = {}
    for name, file in objects.items():
        text = subprocess.run(
            ["readelf", "--dyn-syms", "--wide", str(file)], capture_output=True, text=True, check=True
        ).stdout
        imported[name] = set(re.findall(r" UND (\w+)", text))
    for calls in FORMS.calls:
        line = next((line for items, line in found.items() if items[0] == calls.id), None)
        if line is None:
            continue
        shown = {
            row[0]: set(row[1].split())
            for table in line["tables"]
            for row in table["rows"]
            if table["columns"] == ["path", "calls"]
        }
        wanted = {name: names & {*calls.names()} for name, names in imported.items() if names & {*calls.names()}}
        assert shown == wanted, calls.id


# -- never more than was read ----------------------------------------------------------------------------------------


def test_what_was_not_read_whole_proves_nothing(tmp_path: Path, corpus_debs: dict[str, Path]) -> None:
    cut = tmp_path / "cut_1_amd64.deb"
    cut.write_bytes(corpus_debs["hardened"].read_bytes()[:-2_000])
    found = lines(cut, code=11)
    assert found["set-id",]["answer"] == "undecided"
    assert found["set-id",]["text"].startswith("TODO: ")
    assert "not read whole" in found["set-id",]["said"]
    assert "ATTENTION: " in audited(cut, code=11)


def test_without_what_files_say_nothing_is_said_of_them(tmp_path: Path) -> None:
    path, db = package(tmp_path, Entry(name=b"./usr/lib/x", data=b"x")), tmp_path / "a.db"
    options = Options(database=db, data=(ROOT / "rules",), command="", facts=("elf",), thorough=True)
    scan([str(path)], options, io.BytesIO())
    found = lines("thing", "--db", db)
    assert found["units",]["answer"] == found["scripts",]["answer"] == "undecided"
    assert found["built-using",]["answer"] == "none"


def test_a_script_leaves_it_open_what_is_called(tmp_path: Path, corpus_objects: dict[str, dict[str, Path]]) -> None:
    program = next(
        path for name, path in corpus_objects["hardened"].items() if name.startswith("usr/bin/")
    ).read_bytes()
    elf = Entry(name=b"./usr/bin/x", data=program, mode=0o755)
    alone = lines(package(tmp_path / "a", elf))
    assert alone["network",]["answer"] == "none"
    assert alone["network",]["said"] == "none seen in the imports of 1 object (0 use dlopen)"
    script = Entry(
        name=b"./usr/bin/y", data=b"#!/usr/bin/python3\nimport socket\nsocket.create_server(('', 80))\n", mode=0o755
    )
    beside = lines(package(tmp_path / "b", elf, script))
    assert beside["network",]["answer"] == "undecided"
    assert "1 script tells nothing so" in beside["network",]["said"]
    assert beside["unsafe",]["answer"] == "none"  # what only machine code does


@pytest.mark.parametrize("outcome", ["unknown", "runtime", "forwarded"])
def test_a_call_whose_algorithm_is_chosen_elsewhere_leaves_weak_ones_open(
    outcome: str, tmp_path: Path, corpus_objects: dict[str, dict[str, Path]]
) -> None:
    program = corpus_objects["hardened"]["usr/bin/hardened"].read_bytes()
    path = package(tmp_path, Entry(name=b"./usr/bin/hardened", data=program, mode=0o755))
    db = read(tmp_path / "a.db", path)
    assert lines("thing", "--db", db)[("weak-crypto",)]["answer"] == "none"
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "INSERT INTO call_site (elf_id, address, library, symbol, outcome) "
            "SELECT id, '0x1000', 'libnettle.so.8', 'nettle_get_hashes', ? FROM elf", (outcome,)
        )  # fmt: skip
    line = lines("thing", "--db", db)[("weak-crypto",)]
    assert line["answer"] == "undecided"
    assert "1 call may choose one, which nothing here shows (nettle_get_hashes)" in json.dumps(line)
    assert "- no use of deprecated" not in audited("thing", "--db", db, "--template", "mir-reporter").splitlines()


def test_a_doubt_is_about_a_question_before_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports/audit", tmp_path / "audit")
    path = tmp_path / "audit/items.toml"
    path.write_text(path.read_text().replace('doubt = "open-crypto"', 'doubt = "sound-crypto"'))
    with pytest.raises(RuleError, match="weak-crypto: doubt: no question 'sound-crypto' is before it"):
        audit.load(tmp_path / "audit")


def test_a_part_of_the_source_that_was_not_read_may_do_it(
    tmp_path: Path, corpus_objects: dict[str, dict[str, Path]]
) -> None:
    files = corpus_objects["hardened"]
    program = next(path for name, path in files.items() if name.startswith("usr/bin/")).read_bytes()
    elf = Entry(name=b"./usr/bin/x", data=program, mode=0o755)
    fields = b"Depends: libthing (= 1), libother (= 2), libthird (>= 1)\n"
    db = read(tmp_path / "a.db", package(tmp_path, elf, fields=fields))
    alone = lines("thing", "--db", db)["network",]
    assert alone["answer"] == "undecided"
    assert "; libthing of the same version may do it and was not read" in alone["said"]
    read(db, package(tmp_path, name="libthing", fields=b"Source: thing\n"))
    assert lines("thing", "--db", db, "--whole-source")["network",]["answer"] == "none"


def test_a_daemon_that_listens_is_a_problem_and_one_without_ports_is_not(tmp_path: Path) -> None:
    unit = Entry(name=b"./usr/lib/systemd/system/x.service", data=b"[Service]\nExecStart=/usr/bin/x\n")
    once = Entry(name=b"./usr/lib/systemd/system/y.service", data=b"[Service]\nType=oneshot\nExecStart=/usr/bin/y\n")
    socket = Entry(name=b"./usr/lib/systemd/system/x.socket", data=b"[Socket]\nListenStream=80\n")
    db = read(tmp_path / "a.db", package(tmp_path, unit, once, socket))
    found = lines("thing", "--db", db, "--template", "mir-reviewer")
    assert [row[1] for row in found["root-daemons",]["tables"][0]["rows"]] == ["x.service"]
    assert found["root-daemons",]["problem"]
    found = lines("thing", "--db", db, "--template", "mir-reporter")
    assert found["privileged-ports", "listen"]["tables"][0]["rows"][0][-1] == "80"


# -- which packages --------------------------------------------------------------------------------------------------


def test_only_what_is_promoted_is_spoken_of(tmp_path: Path) -> None:
    rights = Entry(name=b"./usr/bin/x", data=b"#!/bin/sh\n", mode=0o4755)
    package(tmp_path, name="one", fields=b"Source: both\n")
    package(tmp_path, rights, name="two", fields=b"Source: both\n")
    db = ("both", "--db", read(tmp_path / "a.db", *tmp_path.glob("*.deb")))
    assert lines(*db)["set-id",]["answer"] == "yes"
    assert lines(*db, "--promote", "one")["set-id",]["answer"] == "none"
    text = audited(*db, "--promote", "one", "--template", "mir-reviewer")
    assert "to be promoted to main: one\n" in text
    assert "NOT to be promoted to main: two\n" in text
    assert "--promote three: not among the binaries that were read: one, two" in audited(
        tmp_path, "--promote", "three", code=2
    )


def test_a_source_of_the_database_is_all_its_binaries(tmp_path: Path) -> None:
    db = tmp_path / "a.db"
    for version in ("1", "2"):
        for name in ("one", "two"):
            package(tmp_path / version, name=name, version=version, fields=b"Source: both\n")
        read(db, *(tmp_path / version).glob("*.deb"))
    text = audited("both", "--db", db)
    assert "both 2 as read from one_2_amd64.deb, two_2_amd64.deb" in text
    assert "both 2 as read from one_2_amd64.deb, two_2_amd64.deb" in audited("one", "--whole-source", "--db", db)
    assert "both 2 as read from one_2_amd64.deb, two_2_amd64.deb" in audited("source:both", "--db", db)
    assert "no package or source of that name" in audited("source:one", "--db", db, code=3)
    assert "no package or source of that name" in audited("neither", "--db", db, code=3)


# -- what else is known ----------------------------------------------------------------------------------------------


INDEX = """\
Package: libc6
Section: libs

Package: exim4
Provides: mail-transport-agent
Section: universe/mail

Package: postfix
Section: mail
"""


DEPENDENCIES: dict[str, list[list[str]]] = {
    "libc6 (>= 2.3)": [],
    "libc6, exim4": [["Depends", "exim4", "universe"]],
    "exim4 | postfix": [["Depends", "exim4 | postfix", "universe"]],  # the preferred one has to be in main
    "postfix | exim4": [],
    "mail-transport-agent": [["Depends", "mail-transport-agent", "universe"]],
    "no-such:any [amd64]": [["Depends", "no-such", "in no index"]],
    "thing6": [],
}


def test_dependencies_outside_main(tmp_path: Path) -> None:
    index, db = tmp_path / "Packages", tmp_path / "a.db"
    index.write_text(INDEX)
    paths = [package(tmp_path, name=f"thing{number}", fields=f"Depends: {depends}\n".encode())
             for number, depends in enumerate(DEPENDENCIES)]  # fmt: skip
    read(db, *paths)
    for number, (depends, outside) in enumerate(DEPENDENCIES.items()):
        line = lines(f"thing{number}", "--db", db, "--index", index)["dependencies",]
        assert [row for table in line["tables"] for row in table["rows"]] == outside, depends
        assert line["answer"] == ("yes" if outside else "none"), depends
    assert lines("thing0", "--db", db)["dependencies",]["answer"] == "undecided"


def test_what_was_lost_since_the_previous_version(tmp_path: Path, corpus_objects: dict[str, dict[str, Path]]) -> None:
    weak = corpus_objects["no-pie"]["usr/bin/no-pie"].read_bytes()
    strong = next(path for name, path in corpus_objects["hardened"].items() if name.startswith("usr/bin/")).read_bytes()
    old, new = (package(tmp_path / v, Entry(name=b"./usr/bin/x", data=data, mode=0o755), version=v)
                for v, data in (("1", strong), ("2", weak)))  # fmt: skip
    first = read(tmp_path / "a.db", old)
    assert lines("thing", "--db", first)["previous",]["answer"] == "undecided"
    lost = lines(new, "--previous", old)["previous",]
    assert ["thing", "hardening", "usr/bin/x", "pie", "yes", "no"] in lost["tables"][0]["rows"]
    second = read(tmp_path / "b.db", new)
    assert lines("thing", "--db", first, "--previous", second)["previous",]["answer"] == "none"
    read(second, old)
    assert lines("thing", "--db", second)["previous",]["said"] == "yes, since 1"


# -- hostile and broken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_names_of_packages_are_inert(tmp_path: Path, form: str) -> None:
    names = [
        name.replace("/", "_").encode("utf-8", "surrogateescape") for name in (HOSTILE, *WORST) if "\0" not in name
    ]
    entries = [Entry(name=b"./usr/bin/" + name[:4_000], mode=0o4755, data=b"x") for name in names]
    unit = Entry(name=b"./usr/lib/systemd/system/x.service", data=f"[Service]\nExecStart=/usr/bin/{HOSTILE}\n".encode())
    path = package(
        tmp_path, *entries, unit, fields=f"Homepage: {HOSTILE}\nMaintainer: {HOSTILE}\nSection: {HOSTILE}\n".encode()
    )
    db = read(tmp_path / "a.db", path)
    for template in audit.TEMPLATES:
        text = audited("thing", "--db", db, "--format", form, "--template", template)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
        if form == "html":
            assert "<img" not in text
            assert "<script" not in text
        if form == "markdown":
            said = [line for line in text.splitlines() if "onerror" in line and not line.startswith("      ")]
            assert not [line for line in said if "<img" in line or "](" in line]
            assert not [line for line in text.splitlines() if line.startswith(("<", "#", "![", "```"))]


def test_broken_data_names_its_file_and_key(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports" / "audit", tmp_path / "audit")
    (tmp_path / "audit" / "security.toml").write_text('title = "x"\n[[section]]\nname = "y"\nlines = [{ aks = "z" }]\n')
    with pytest.raises(Exception, match=r"security\.toml: .*aks"):
        audit.load(tmp_path / "audit")


# -- reviews that were stored ----------------------------------------------------------------------------------------


def _answers(text: str, words: Iterable[tuple[str, str]]) -> str:
    for old, new in words:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_second_review_shows_what_changed(tmp_path: Path) -> None:
    db, filled = tmp_path / "a.db", tmp_path / "filled.md"
    first = package(tmp_path / "1", Entry(name=b"./usr/bin/x", data=b"#!/bin/sh\n", mode=0o755), version="1")
    options = ("--db", db, "--template", "mir-reviewer")
    read(db, first)
    text = audited("thing", *options)
    history = "- history of CVEs does not look concerning"
    filled.write_text(
        _answers(text, [(f"TODO: {history}", f"{history}: two, both fixed in a day"), ("TODO-A: MIR team ACK\n", "")])
    )
    assert "needs --by" in audited("thing", *options, "--store", filled, code=2)
    audited("thing", *options, "--store", filled, "--by", "a reviewer")

    again = audited("thing", *options)
    assert "Only what changed since the review of 1 by a reviewer on " in again
    assert "does not use webkit" not in again or "TODO" in again
    assert f"TODO: {history}" not in again
    assert f"      {history}: two, both fixed in a day" in again
    assert "- no use of user nobody" not in again

    second = package(tmp_path / "2", Entry(name=b"./usr/bin/x", data=b"#!/bin/sh\n", mode=0o4755), version="2")
    read(db, second)
    changed = audited("thing", *options)
    assert "TODO: - use of setuid, but ok because TBD" in changed
    assert "      before: none shipped (" in changed
    assert "- no use of user nobody: none shipped" in audited("thing", *options, "--full")


def test_another_form_is_no_review(tmp_path: Path) -> None:
    db, filled = tmp_path / "a.db", tmp_path / "filled.md"
    read(db, package(tmp_path))
    filled.write_text(audited("thing", "--db", db, "--template", "security"))
    said = audited("thing", "--db", db, "--template", "mir-reviewer", "--store", filled, "--by", "x", code=1)
    assert "expected the document of --template mir-reviewer: no section [Duplication]" in said
    with sqlite3.connect(db) as connection:
        assert connection.execute("SELECT count(*) FROM review").fetchall() == [(0,)]
    connection.close()


def test_an_answer_is_one_of_five() -> None:
    assert {*Answer} == {"none", "yes", "undecided", "waits", "shown"}
