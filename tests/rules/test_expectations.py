"""What releases promise: the files are right by other people's tools, read strictly, and judged by the day."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import subprocess
from pathlib import Path

import msgspec
import pytest
import sqlite_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from archscan.elf.arch import is_debian, machine
from archscan.elf.language import Language
from archscan.errors import RuleError, UsageError
from archscan.rules.apply import apply
from archscan.rules.expectations import load_expectations
from archscan.rules.releases import named, recognised
from archscan.scan import Options, scan
from archscan.store import give_release
from tests.rules.facts import Object, Pack, database, judgement, put
from tests.rules.test_equal import SHIPPED, identity, packs, whole
from tests.scan.scanning import archscan

RULES = Path(__file__).parents[2] / "rules"
DEBIAN, UBUNTU = load_expectations([RULES])
TODAY = "2026-06-01"

# Features of dpkg-buildflags, and the columns that they fill; `branch` depends on the processor.
FLAGS = {
    "pie": "pie", "relro": "relro", "bindnow": "bind_now", "stackprotector": "stack_protector", "fortify": "fortify",
    "stackclash": "stack_clash",
}  # fmt: skip
BRANCH = {"amd64": ("ibt_compiled",), "arm64": ("bti_compiled", "pac_compiled")}
COMPILED = {*FLAGS.values(), *(column for columns in BRANCH.values() for column in columns)}


def promises(pack: Pack, release: str | None = None) -> dict[str, tuple[int, int, str | None, str | None, int | None]]:
    """Feature → in force, rebuild, where to fix, value, level, for the only object of a package."""
    connection = database()
    put(connection, pack)
    if release:
        (sha256,) = connection.execute("SELECT sha256 FROM package").fetchone()
        give_release(sqlite_utils.Database(connection), sha256, *release.split("/"))
    apply(connection, SHIPPED, 1, changed_only=True)
    query = "SELECT feature, in_force, rebuild, fix_where, value, level FROM promised"
    return {feature: rest for feature, *rest in map(tuple, connection.execute(query))}  # type: ignore[misc]


def pack(built: str | None, architecture: str = "amd64", version: str = "1.0-1", **columns: str) -> Pack:
    known = {**DEBIAN.machines, **UBUNTU.machines}
    processor = columns.pop("machine", known.get(architecture, "x86_64"))
    return Pack(
        version=version,
        architecture=architecture,
        built=built and f"{built}T00:00:00+00:00",
        objects=(Object(columns={"machine": processor, **columns}),),
    )


def in_force(built: str, architecture: str = "amd64", version: str = "1.0-1", **columns: str) -> set[str]:
    found = promises(pack(built, architecture, version, **columns))
    return {feature for feature, (now, *_) in found.items() if now}


# -- the files against tools that are not archscan ---------------------------------------------------------------------


def flags(command: list[str], vendor: Path, architecture: str) -> tuple[set[str], str]:
    """The hardening features that dpkg-buildflags turns on, as columns, and its preprocessor flags.

    ``vendor`` is a file of dpkg's folder of origins, such as a machine of that vendor has.
    """
    environment = {
        "PATH": "/usr/bin:/bin", "LC_ALL": "C", "DEB_HOST_ARCH": architecture,
        "DPKG_ORIGINS_DIR": str(vendor.parent), "DEB_VENDOR": vendor.name.capitalize(),
    }  # fmt: skip

    def asked(*words: str) -> str:
        done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    answer = [line.partition(": ")[::2] for line in asked("--query-features", "hardening").splitlines() if line]
    names = [value for key, value in answer if key == "Feature"]
    enabled = [value == "yes" for key, value in answer if key == "Enabled"]
    on = {name for name, yes in zip(names, enabled, strict=True) if yes}
    columns = {FLAGS[name] for name in on & FLAGS.keys()}
    columns |= set(BRANCH.get(architecture, ()) if "branch" in on else ())
    return columns, asked("--get", "CPPFLAGS")


@pytest.fixture
def vendors(tmp_path: Path) -> dict[str, Path]:
    """Debian and Ubuntu as dpkg's folder of origins describes them."""
    (tmp_path / "debian").write_text("Vendor: Debian\n")
    (tmp_path / "ubuntu").write_text("Vendor: Ubuntu\nParent: Debian\n")
    return {name: tmp_path / name for name in ("debian", "ubuntu")}


def installed_dpkg() -> tuple[int, int]:
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "dpkg-dev"], capture_output=True, text=True, check=True)
    major, minor, *_ = done.stdout.split(".")
    return int(major), int(minor)


# A day on which each dpkg was that of unstable, after its last change of the flags (its changelog says which).
DAYS = {(1, 21): "2023-06-01", (1, 22): "2025-06-01", (1, 23): TODAY}


@pytest.mark.parametrize("architecture", sorted(DEBIAN.machines))
def test_debian_promises_what_dpkg_buildflags_hands_out(vendors: dict[str, Path], architecture: str) -> None:
    version = installed_dpkg()
    expected, _ = flags(["dpkg-buildflags"], vendors["debian"], architecture)
    assert in_force(DAYS[version], architecture) & COMPILED == expected


@pytest.fixture(scope="module")
def newer_dpkg(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], list[str]]:
    """Version → the command of the dpkg-dev of trixie and of sid, unpacked beside this machine's own."""
    root = tmp_path_factory.mktemp("dpkg")
    (root / "lists/partial").mkdir(parents=True)
    (root / "archives/partial").mkdir(parents=True)
    policy = subprocess.run(["apt-cache", "policy"], capture_output=True, text=True, check=True).stdout
    hosts = [word for line in policy.splitlines() for word in line.split() if word.endswith("/debian")]
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    suites = {"trixie": (1, 22), "sid": (1, 23)}
    lines = [f"deb {signed} {hosts[0]} {suite} main\n" for suite in suites]
    (root / "sources.list").write_text("".join(lines))
    options = [
        f"Dir::Etc::sourcelist={root}/sources.list", "Dir::Etc::sourceparts=/dev/null", f"Dir::Cache={root}",
        "Dir::State::status=/dev/null", f"Dir::State::lists={root}/lists", "APT::Sandbox::User=root",
    ]  # fmt: skip
    apt = ["apt-get", "-q", *(word for option in options for word in ("-o", option))]
    subprocess.run([*apt, "update"], check=True, capture_output=True)
    commands = {}
    for suite, version in suites.items():
        place = root / suite
        place.mkdir()
        wanted = [f"{name}/{suite}" for name in ("dpkg-dev", "libdpkg-perl")]
        subprocess.run([*apt, "download", *wanted], cwd=place, check=True, capture_output=True)
        for file in place.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", file, place], check=True)
        commands[version] = ["perl", f"-I{place}/usr/share/perl5", f"{place}/usr/bin/dpkg-buildflags"]
    return commands


@pytest.mark.full
@pytest.mark.parametrize("architecture", sorted(DEBIAN.machines))
def test_debian_promises_what_newer_dpkgs_hand_out(
    newer_dpkg: dict[tuple[int, int], list[str]], vendors: dict[str, Path], architecture: str
) -> None:
    for version, command in newer_dpkg.items():
        expected, preprocessor = flags(command, vendors["debian"], architecture)
        assert in_force(DAYS[version], architecture) & COMPILED == expected, version
        level = promises(pack(DAYS[version], architecture))["fortify"][4]
        assert f"-D_FORTIFY_SOURCE={level}" in preprocessor


@pytest.mark.full
@pytest.mark.parametrize("architecture", ["amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"])
def test_ubuntu_promises_at_least_what_its_dpkg_hands_out(
    newer_dpkg: dict[tuple[int, int], list[str]], vendors: dict[str, Path], architecture: str
) -> None:
    expected, preprocessor = flags(newer_dpkg[1, 22], vendors["ubuntu"], architecture)
    built = pack("2025-06-01", architecture, "1.0-1ubuntu1")
    assert expected <= in_force("2025-06-01", architecture, "1.0-1ubuntu1")
    assert f"-D_FORTIFY_SOURCE={promises(built)['fortify'][4]}" in preprocessor


# -- a table of known truths -------------------------------------------------------------------------------------------

# (built, architecture, version, columns of the object) → features in force; those of the table, whatever else is there.
# From the changelogs of dpkg, gcc-4.1 to gcc-14 and glibc, and from Ubuntu's page on compiler flags.
TRUTHS: tuple[tuple[str, str, str, dict[str, str], str, str], ...] = (
    # a stack protector and FORTIFY in wheezy, but no PIE before gcc-6 6.2.0-7
    ("2011-09-22", "amd64", "1-1", {}, "nx", "stack_protector fortify relro pie"),
    ("2012-06-01", "amd64", "1-1", {}, "stack_protector fortify relro nx", "pie bind_now stack_clash"),
    ("2012-06-01", "mips", "1-1", {}, "fortify relro", "stack_protector nx pie"),
    ("2015-01-01", "mips", "1-1", {}, "fortify relro stack_protector", "nx pie"),
    ("2016-10-17", "amd64", "1-1", {}, "stack_protector", "pie"),
    ("2016-10-18", "amd64", "1-1", {}, "stack_protector pie", "bind_now ibt_compiled"),
    ("2017-01-01", "hppa", "1-1", {}, "fortify", "pie relro stack_protector nx"),
    ("2026-01-01", "alpha", "1-1", {}, "fortify relro", "pie stack_protector"),
    ("2017-01-01", "riscv64", "1-1", {}, "relro", "pie"),
    ("2019-01-01", "riscv64", "1-1", {}, "relro pie", "stack_clash"),
    # trixie
    ("2023-08-29", "amd64", "1-1", {}, "pie", "stack_clash ibt_compiled"),
    ("2023-09-01", "amd64", "1-1", {}, "pie stack_clash ibt_compiled", "ibt_marked shstk_marked bti_compiled"),
    ("2023-09-15", "armhf", "1-1", {}, "pie", "stack_clash"),
    ("2023-11-15", "armhf", "1-1", {}, "pie stack_clash", "ibt_compiled"),
    ("2023-09-15", "arm64", "1-1", {}, "stack_clash bti_compiled pac_compiled", "bti_marked pac_marked ibt_compiled"),
    ("2025-01-01", "arm64", "1-1", {}, "bti_compiled bti_marked pac_marked", "ibt_marked"),
    ("2025-01-01", "s390x", "1-1", {}, "pie relro", "stack_clash bind_now"),
    # a stable update is built with the stable compiler, whatever the day
    ("2025-01-01", "amd64", "1-1+deb12u3", {}, "pie fortify", "stack_clash ibt_compiled"),
    ("2025-01-01", "amd64", "2-1~deb12u1", {}, "pie fortify", "stack_clash ibt_compiled"),
    ("2025-01-01", "amd64", "2-1~bpo12+1", {}, "pie fortify", "stack_clash ibt_compiled"),
    ("2026-01-01", "amd64", "1-1+deb13u1", {}, "pie stack_clash", "bind_now"),
    # kinds and languages
    ("2026-01-01", "amd64", "1-1", {"kind": "shared-library"}, "relro stack_protector nx", "pie"),
    ("2026-01-01", "amd64", "1-1", {"kind": "static-executable"}, "stack_protector nx", "pie"),
    ("2026-01-01", "amd64", "1-1", {"kind": "relocatable"}, "", "nx stack_protector fortify relro"),
    ("2026-01-01", "amd64", "1-1", {"language": "rust"}, "pie relro bind_now nx", "stack_protector fortify"),
    ("2017-06-01", "amd64", "1-1", {"language": "rust"}, "nx", "pie relro bind_now"),
    ("2026-01-01", "amd64", "1-1", {"language": "go"}, "nx", "pie relro bind_now stack_protector"),
    ("2026-01-01", "amd64", "1-1", {"language": "haskell"}, "nx", "pie bind_now"),
    ("2026-01-01", "amd64", "1-1", {"language": "fortran"}, "pie stack_protector stack_clash", "fortify"),
    ("2026-01-01", "arm64", "1-1", {"language": "fortran"}, "pie stack_protector stack_clash", "fortify"),
    ("2014-08-01", "arm64", "1-1", {"language": "fortran"}, "relro", "stack_protector"),
    # another processor than the package's: nothing was promised
    ("2026-01-01", "amd64", "1-1", {"machine": "mips"}, "", "nx pie relro fortify"),
    ("2026-01-01", "all", "1-1", {}, "", "nx pie relro fortify"),
    # Ubuntu
    ("2015-01-01", "amd64", "1-1ubuntu1", {}, "stack_protector fortify relro", "pie bind_now"),
    ("2017-01-01", "amd64", "1-1ubuntu1", {}, "pie bind_now", "stack_clash"),
    ("2017-01-01", "arm64", "1-1ubuntu1", {}, "fortify", "pie bind_now"),
    ("2018-01-01", "arm64", "1-1ubuntu1", {}, "pie bind_now", "stack_clash"),
    ("2020-01-01", "ppc64el", "1-1build2", {}, "pie bind_now stack_clash", "ibt_compiled"),
    ("2020-01-01", "amd64", "1-1ubuntu1", {}, "stack_clash ibt_compiled", ""),
    ("2020-01-01", "amd64", "1-1ubuntu1", {"kind": "plugin"}, "stack_clash relro", "bind_now pie"),
    ("2020-01-01", "amd64", "1-1ubuntu0.18.04.3", {}, "pie bind_now", "stack_clash ibt_compiled"),
    ("2025-01-01", "arm64", "1-1ubuntu1", {}, "bti_compiled pac_compiled stack_clash", ""),
)


@pytest.mark.parametrize(("built", "architecture", "version", "columns", "promised", "not_promised"), TRUTHS)
def test_what_was_promised_on_a_day(
    built: str, architecture: str, version: str, columns: dict[str, str], promised: str, not_promised: str
) -> None:
    found = in_force(built, architecture, version, **columns)
    assert found >= set(promised.split())
    assert not found & set(not_promised.split())


def test_a_level_rises_with_a_release() -> None:
    levels = {built: promises(pack(built, version="1-1ubuntu1"))["fortify"] for built in ("2023-01-01", "2025-01-01")}
    assert [value[4] for value in levels.values()] == [2, 3]


@pytest.mark.parametrize(
    ("built", "release", "feature", "rebuild"),
    [
        ("2016-01-01", None, "pie", True),
        ("2016-01-01", "debian/stretch", "pie", True),
        ("2016-01-01", "debian/jessie", "pie", False),
        ("2022-01-01", "debian/bookworm", "stack_clash", False),
        ("2022-01-01", "debian/trixie", "stack_clash", True),
        ("2022-01-01", "debian/sid", "stack_clash", True),
        ("2024-01-01", "debian/trixie", "stack_clash", False),  # in force already
        ("2024-01-01", "debian/bookworm", "stack_clash", False),  # a late update of bookworm: never in force
        (None, None, "pie", False),  # nobody knows when
    ],
)
def test_a_rebuild_helps_where_the_release_has_what_the_package_missed(
    built: str | None, release: str | None, feature: str, rebuild: bool
) -> None:
    found = promises(pack(built), release)[feature]
    assert bool(found[1]) == rebuild
    assert (found[2] == "rebuild") == rebuild


def test_nothing_is_in_force_on_an_unknown_day() -> None:
    assert {feature for feature, found in promises(pack(None)).items() if found[0]} == set()


@pytest.mark.parametrize(
    ("architecture", "columns", "feature", "where"),
    [
        ("amd64", {}, "ibt_marked", "toolchain"),
        ("amd64", {}, "bind_now", "build-flag"),
        ("amd64", {}, "nx", "assembler"),
        ("mipsel", {}, "nx", "toolchain"),
        ("amd64", {"language": "go"}, "pie", "toolchain"),
        ("amd64", {}, "pie", None),
        ("arm64", {}, "bti_marked", "assembler"),
    ],
)
def test_where_a_fault_is_mended(architecture: str, columns: dict[str, str], feature: str, where: str | None) -> None:
    assert promises(pack("2025-01-01", architecture, **columns))[feature][2] == where


# -- recognising -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "maintainer", "suites", "expected"),
    [
        ("1.0-1", "A <a@debian.org>", (), ("debian", None, "default")),
        ("1.0-1+deb12u1", "A <a@debian.org>", (), ("debian", "bookworm", "version")),
        ("1.0-1~deb11u2", "A <a@debian.org>", (), ("debian", "bullseye", "version")),
        ("1.0-1+deb99u1", "A <a@debian.org>", (), ("debian", None, "default")),
        ("1.0-1~bpo13+1", "A <a@debian.org>", (), ("debian", "trixie", "version")),
        ("1.0-1ubuntu3", "A <a@x.org>", (), ("ubuntu", None, "version")),
        ("1.0-1ubuntu0.22.04.2", "A <a@x.org>", (), ("ubuntu", "jammy", "version")),
        ("1.0-1build1", "A <a@x.org>", (), ("ubuntu", None, "version")),
        ("1.0-1", "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>", (), ("ubuntu", None, "field")),
        ("1.0-1", "A <a@debian.org>", ("noble-updates",), ("ubuntu", "noble", "publication")),
        ("1.0-1", "A <a@debian.org>", ("trixie", "bookworm"), ("debian", "trixie", "publication")),
        ("1.0-1", "A <a@debian.org>", ("trixielike",), ("debian", None, "default")),
    ],
)
def test_a_package_tells_its_release(
    version: str, maintainer: str, suites: tuple[str, ...], expected: tuple[str | None, str | None, str]
) -> None:
    found = recognised((DEBIAN, UBUNTU), version, {"Maintainer": maintainer, "Origin": None}, json.dumps(suites))
    assert found == expected


def test_a_release_must_be_known() -> None:
    assert named((DEBIAN, UBUNTU), "ubuntu/noble") == ("ubuntu", "noble")
    for text in ("trixie", "debian/", "debian/noble", "fedora/42"):
        with pytest.raises(UsageError, match="expected one of debian/wheezy"):
            named((DEBIAN, UBUNTU), text)


def test_every_expanded_word_is_one_of_the_facts() -> None:
    known = {str(language) for language in Language}
    machines = {machine(number).name for number in range(1 << 16) if is_debian(number)}
    for distribution in (DEBIAN, UBUNTU):
        assert {word for one in distribution.promises for word in one.languages} <= known
        assert {word for one in distribution.lacks for word in one.languages} <= known
        assert set(distribution.machines.values()) <= machines


# -- judging -----------------------------------------------------------------------------------------------------------


@given(st.lists(packs(), max_size=6, unique_by=identity), st.data())
@settings(max_examples=30, deadline=None)
def test_releases_may_be_given_at_any_time(arrived: list[Pack], data: st.DataObject) -> None:
    connection = database()
    given_names: dict[str, str] = {}
    for number, one in enumerate(arrived, 1):
        put(connection, one)
        (sha256,) = connection.execute("SELECT sha256 FROM package ORDER BY id DESC LIMIT 1").fetchone()
        release = data.draw(st.sampled_from((None, "bookworm", "trixie", "wheezy")))
        if data.draw(st.booleans()):
            apply(connection, SHIPPED, number, changed_only=True)
        if release:
            give_release(sqlite_utils.Database(connection), sha256, "debian", release)
            given_names[sha256] = release
    apply(connection, SHIPPED, 20, changed_only=True)
    other = database()
    for one in arrived:
        put(other, one)
    for sha256, release in given_names.items():
        give_release(sqlite_utils.Database(other), sha256, "debian", release)
    apply(other, SHIPPED, 1, changed_only=False)
    assert judgement(connection) == judgement(other)


def test_other_expectations_judge_everything_again() -> None:
    connection = database()
    lazy = Pack(objects=(Object(columns={"kind": "executable", "pie": "no"}),))
    put(connection, lazy)
    apply(connection, SHIPPED, 1, changed_only=True)
    assert connection.execute("SELECT severity FROM finding").fetchall() == [("medium",)]
    silent = msgspec.structs.replace(SHIPPED, distributions=(), promises="")
    apply(connection, silent, 2, changed_only=True)
    assert connection.execute("SELECT severity FROM finding").fetchall() == [("negligible",)]
    assert judgement(connection) == judgement(whole(silent, [lazy]))


def test_applying_with_a_release_judges_its_distribution_again() -> None:
    connection = database()
    ours = pack("2016-01-01", kind="executable", pie="no")
    put(connection, ours)
    put(connection, msgspec.structs.replace(ours, name="u", version="1-1ubuntu1"))
    apply(connection, SHIPPED, 1, changed_only=True)
    fixes = "SELECT source, fix_where FROM finding ORDER BY source"
    assert connection.execute(fixes).fetchall() == [("tool", "rebuild"), ("u", "rebuild")]
    apply(connection, SHIPPED, 2, changed_only=False, release=("debian", "jessie"))
    assert connection.execute(fixes).fetchall() == [("tool", "build-flag"), ("u", "rebuild")]


@pytest.fixture(scope="module")
def scanned(corpus_debs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("promises") / "corpus.db"
    _scan(path, corpus_debs)
    return path


def _scan(path: Path, debs: dict[str, Path], release: str | None = None) -> None:
    targets = [str(debs[name]) for name in ("no-pie", "older-than-promise", "ubuntu-promise", "no-immediate-binding")]
    scan(targets, Options(database=path, data=(RULES,), command="scan", release=release), io.BytesIO())


def _found(path: Path) -> set[tuple[str, str, str, str]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT source, subject, severity, fix_where FROM open_finding WHERE rule_id LIKE 'no-%' "
            "AND rule_id <> 'no-stack-protector'"
        ).fetchall()
    connection.close()
    return set(rows)


def test_a_fault_weighs_what_was_promised(scanned: Path) -> None:
    found = _found(scanned)
    assert ("no-pie", "pie", "medium", "build-flag") in found
    assert ("older-than-promise", "pie", "negligible", "rebuild") in found
    assert ("no-immediate-binding", "bind_now", "negligible", "build-flag") in found
    ubuntu = {row[2:] for row in found if row[0] == "ubuntu-promise"}
    assert ubuntu == {("low", "build-flag"), ("negligible", "build-flag")}  # the program, the library


def test_a_release_given_later_judges_known_packages_again(
    scanned: Path, corpus_debs: dict[str, Path], tmp_path: Path
) -> None:
    again = Path(shutil.copy(scanned, tmp_path / "again.db"))
    _scan(again, corpus_debs, "debian/jessie")
    assert ("older-than-promise", "pie", "negligible", "build-flag") in _found(again)
    fresh = tmp_path / "fresh.db"
    _scan(fresh, corpus_debs, "debian/jessie")
    assert _found(again) == _found(fresh)


def test_the_commands_take_a_release_or_say_which_there_are(
    scanned: Path, corpus_debs: dict[str, Path], tmp_path: Path
) -> None:
    db = shutil.copy(scanned, tmp_path / "asked.db")
    for words in (("scan", corpus_debs["no-pie"]), ("rules", "apply")):
        done = archscan(*words, "--db", db, "--release", "debian/potato")
        assert done.returncode == 2
        assert "--release debian/potato: expected one of debian/wheezy" in done.stderr
    done = archscan("query", "rebuilds", "--db", db, "--format", "csv")
    assert "debian,(newest),older-than-promise,1.0-1" in done.stdout
    assert archscan("rules", "apply", "--db", db, "--release", "debian/jessie").returncode == 0
    assert "older-than-promise" not in archscan("query", "rebuilds", "--db", db, "--format", "csv").stdout
    done = archscan("query", "package-promises", "-p", "package=ubuntu-promise", "--db", db, "--format", "csv")
    assert "bind_now,no,yes,2016-10-13,yakkety" in done.stdout


def test_advice_is_the_text_for_the_place(scanned: Path) -> None:
    connection = sqlite3.connect(scanned)
    rows = dict(connection.execute("SELECT p.source, a.fix FROM advice a JOIN occurrence o ON o.id = a.occurrence_id "
                                   "JOIN package p ON p.id = o.package_id WHERE a.rule_id = 'no-pie'"))  # fmt: skip
    connection.close()
    assert "A rebuild is enough" in rows["older-than-promise"]
    assert rows["no-pie"].startswith("Let the default flags through")


# What the text of a place says in the rules that may name it; a place without a text of its own has the rule's.
TEXTS = {
    "rebuild": "Nothing in the source is at fault",
    "toolchain": "",
    "assembler": ".note.GNU-stack",
    "linker-script": "linker script",
}
LACKING = {
    **dict.fromkeys(("pie", "bind_now", "stack_protector", "fortify", "stack_clash", "nx"), "no"),
    **dict.fromkeys(("ibt_compiled", "bti_compiled", "pac_compiled"), "no"),
    "relro": "none", "wx_segments": 1, "textrel": 1, "runpath": "/tmp", "sanitizers": "address",
}  # fmt: skip


@pytest.mark.parametrize("privilege", [None, "setuid"])
def test_every_place_that_is_named_has_a_text_that_fits(privilege: str | None) -> None:
    """For objects that lack everything, of all days, processors and languages."""
    connection = database()
    for built in ("2005-01-01", "2012-01-01", "2019-01-01", "2025-01-01", None):
        for architecture in ("amd64", "arm64", "mipsel"):
            for language in ("c", "go", "haskell", "pascal", "rust", "unknown"):
                columns = {**LACKING, "kind": "executable", "machine": DEBIAN.machines[architecture]}
                item = Object(columns={**columns, "language": language}, privilege=privilege)
                name = f"tool-{built}-{architecture}-{language}"
                stamp = built and f"{built}T00:00:00+00:00"
                put(connection, Pack(name=name, source=name, built=stamp, architecture=architecture, objects=(item,)))
    apply(connection, SHIPPED, 1, changed_only=True)
    rows = connection.execute("SELECT DISTINCT a.rule_id, f.subject, a.fix_where, a.fix, r.fix FROM advice a "
                              "JOIN finding f ON f.id = a.finding_id JOIN rule r ON r.id = a.rule_id "
                              "WHERE r.category = 'hardening'").fetchall()  # fmt: skip
    assert {where for _, _, where, _, _ in rows} == {"build-flag", *TEXTS}
    for rule, subject, where, text, general in rows:
        assert TEXTS.get(where, "") in text, (rule, where)
        assert where == "build-flag" or "DEB_BUILD_MAINT_OPTIONS" not in text, (rule, where)
        assert where not in ("rebuild", "toolchain") or text != general, (rule, where)
        assert (subject, where) != ("nx", "rebuild")


# -- reading -----------------------------------------------------------------------------------------------------------

GOOD = """
distribution = "some"

[recognise]
releases = ['u(\\d)']

[architectures]
amd64 = "x86_64"

[[release]]
name = "one"
version = "1"
closed = 2020-01-01

[[release]]
name = "two"

[[promise]]
features = ["pie"]
architectures = ["amd64"]
languages = ["c"]
kinds = ["program"]
since = 2021-01-01
release = "two"
source = "its changelog"

[[lack]]
features = ["nx"]
architectures = ["all"]
languages = ["c"]
kinds = ["program"]
fix_where = "toolchain"
source = "seen"
"""


def _written(root: Path, text: str, name: str = "some.toml") -> Path:
    path = root / "expectations" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_distribution_is_read(tmp_path: Path) -> None:
    _written(tmp_path, GOOD)
    (found,) = load_expectations([tmp_path])
    assert [release.name for release in found.releases] == ["one", "two"]
    assert [promise.release for promise in found.promises] == ["two"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('distribution = "some"', 'distribution = "other"', "distribution: expected 'some', the name of its file"),
        ('distribution = "some"', "", "distribution: missing key"),
        ('distribution = "some"', 'distribution = "some"\ncolour = 1', "colour: unknown key, expected one of distrib"),
        ("releases = ['u(\\d)']", "releases = ['u\\d']", "recognise.releases: expected one group"),
        ("releases = ['u(\\d)']", "releases = ['u(']", "recognise.releases: expected a regular expression"),
        ("releases = ['u(\\d)']", "words = []", "recognise: words: unknown key"),
        ("closed = 2020-01-01", 'closed = "soon"', "release 1: closed: "),
        ('name = "two"', 'name = "two"\nclosed = 2019-01-01', "release: expected the releases in their order"),
        ('name = "two"', 'name = "one"', "release: name: expected each name once"),
        ('source = "its changelog"', "", "promise 1: source: missing key"),
        ('source = "its changelog"', 'source = " "', "promise 1: source: "),
        ('features = ["pie"]', 'features = ["pies"]', "promise 1: features: expected some of pie, .*, not 'pies'"),
        ('features = ["pie"]', "features = []", "promise 1: features: "),
        ('kinds = ["program"]\nsince', 'kinds = ["plug"]\nsince', "promise 1: kinds: expected some of program, stat"),
        ('architectures = ["amd64"]', 'architectures = ["vax"]', "promise 1: architectures: expected some of all"),
        ('architectures = ["amd64"]', 'architectures = ["all", "amd64"]', "promise 1: architectures: expected some of"),
        ('architectures = ["amd64"]', 'architectures = ["amd64", "amd64"]', "promise 1: architectures: expected each"),
        ("since = 2021-01-01", 'since = "2021"', "promise 1: since: "),
        ('release = "two"', 'release = "one"', "promise 1: release: expected 'two', the first one published"),
        ("since = 2021-01-01", "since = 2019-01-01", "promise 1: release: expected 'one'"),
        ('release = "two"', 'release = "two"\nvalue = "no"', "promise 1: value: "),
        ('fix_where = "toolchain"', 'fix_where = "moon"', "lack 1: fix_where: expected one of rebuild, build-flag"),
        ('features = ["nx"]', 'features = ["nx", "nx"]', "lack 1: features: expected each word once"),
        ("[architectures]", "[architectures", "expected TOML: .*line"),
    ],
)
def test_what_is_not_exactly_an_expectation_is_named_with_its_file(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert GOOD.count(old) == 1
    path = _written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(RuleError, match=expected) as caught:
        load_expectations([tmp_path])
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_two_promises_may_not_begin_on_one_day(tmp_path: Path) -> None:
    promise = GOOD[GOOD.index("[[promise]]") : GOOD.index("[[lack]]")]
    _written(tmp_path, GOOD + promise)
    with pytest.raises(RuleError, match="promise: expected one entry for pie, amd64, c, program, 2021-01-01"):
        load_expectations([tmp_path])


def test_a_distribution_is_described_once(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        _written(tmp_path / folder, GOOD)
    with pytest.raises(RuleError, match="already described by another file"):
        load_expectations([tmp_path / "a", tmp_path / "b"])
