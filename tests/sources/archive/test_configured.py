"""Archives that a machine is configured for: apt itself reads the configuration, and its archives."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from archscan.errors import ArchscanError, UsageError
from archscan.model import Published
from archscan.sources.archive import packages, suites, with_proxies
from archscan.sources.archive.configured import _keys, archives
from archscan.sources.archive.keys import Keys
from archscan.sources.fetch import Fetcher
from tests.sources.archive.reading import NOW, Files, names, only, unexpected, wanted, why
from tests.sources.mirrors import Key, mirror, small_deb


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The /etc/apt of a machine that has nothing configured, and is of amd64."""
    place = tmp_path / "apt"
    for folder in ("sources.list.d", "trusted.gpg.d", "lists/partial", "cache/archives/partial", "apt.conf.d"):
        (place / folder).mkdir(parents=True)
    (place / "status").write_text("")
    (place / "apt.conf").write_text(
        f'Dir::Etc "{place}";\nDir::Etc::main "nothing";\nDir::Etc::parts "{place}/apt.conf.d";\n'
        f'Dir::State::lists "{place}/lists";\nDir::State::status "{place}/status";\nDir::Cache "{place}/cache";\n'
        'APT::Architecture "amd64";\nAPT::Architectures { "amd64"; };\nAPT::Sandbox::User "root";\n'
        "#clear Acquire::http::Proxy;\n"
    )
    monkeypatch.setenv("APT_CONFIG", str(place / "apt.conf"))
    return place


def sources(etc: Path, text: str) -> None:
    (etc / "sources.list.d/test.sources").write_text(text)


def stanza(folder: Path, suite: str = "bookworm", **options: str) -> str:
    stated = {"Types": "deb deb-src", "URIs": f"file:{folder}", "Suites": suite, "Components": "main", **options}
    return "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in stated.items())


def asked(*chosen: str, **options: object) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    found = archives(wanted(*chosen, **{"suites": chosen, "architectures": (), **options}))
    return [(one.suite, one.components, one.architectures) for one in found]


def test_what_apt_is_configured_for_is_what_is_read(etc: Path, tmp_path: Path, debs: list[Path], key: Key) -> None:
    (etc / "trusted.gpg.d/archive.asc").write_bytes(key.armored.read_bytes())
    mirror(tmp_path / "m", debs[:1], sign=key)
    mirror(tmp_path / "m", debs[1:], component="contrib", sign=key)
    mirror(tmp_path / "m", debs[1:2], suite="bookworm-updates", sign=key)
    sources(etc, stanza(tmp_path / "m", "bookworm bookworm-updates", Components="main contrib"))
    assert asked() == [
        ("bookworm", ("contrib", "main"), ("amd64",)),
        ("bookworm-updates", ("contrib", "main"), ("amd64",)),
    ]
    assert asked("bookworm", components=("contrib",)) == [("bookworm", ("contrib",), ("amd64",))]
    whole, updates = suites("apt:", wanted(suites=(), architectures=()), Files())
    assert names(whole) == ["one", "one-doc", "two"]
    assert whole.signed_by == key.fingerprint
    assert whole.indices[0].index.base == f"file://{tmp_path}/m"
    assert names(updates) == ["two"]
    assert updates.problems[0].message == "it has no component contrib, but main"


def test_foreign_architectures_and_those_of_a_source_are_apt_s(etc: Path, tmp_path: Path) -> None:
    (etc / "apt.conf.d/foreign").write_text('APT::Architectures { "amd64"; "i386"; };\n')
    sources(etc, stanza(tmp_path) + "\n" + stanza(tmp_path, "trixie", Architectures="amd64 armhf"))
    assert [one[2] for one in asked()] == [("amd64", "i386"), ("amd64", "armhf")]
    assert [one[2] for one in asked(architectures=("s390x",))] == [("s390x",), ("s390x",)]


def test_a_source_without_the_components_that_are_asked_for_is_not_read(etc: Path, tmp_path: Path) -> None:
    sources(etc, stanza(tmp_path) + "\n" + stanza(tmp_path, "other", Components="stable"))
    assert [one[0] for one in asked(components=("main",))] == ["bookworm"]
    with pytest.raises(UsageError, match="nothing is configured"):
        asked(components=("contrib",))


def test_a_source_that_is_switched_off_says_nothing_about_keys(etc: Path, tmp_path: Path, key: Key) -> None:
    (etc / "trusted.gpg.d/archive.asc").write_bytes(key.armored.read_bytes())
    sources(etc, stanza(tmp_path, Enabled="no", Trusted="yes") + "\n" + stanza(tmp_path))
    (found,) = archives(wanted(suites=(), architectures=()))
    assert found.keys is not None


def test_a_suite_that_is_not_configured_is_a_wrong_question(etc: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is not configured; this machine has no suite"):
        asked()
    sources(etc, "# only comments\n\n" + stanza(tmp_path) + "\n" + stanza(tmp_path, "off", Enabled="no"))
    assert len(asked()) == 1
    with pytest.raises(UsageError, match="trixie is not configured; this machine has bookworm"):
        asked("bookworm", "trixie")


def test_signed_by_says_which_keys_count(etc: Path, tmp_path: Path, debs: list[Path], key: Key, other_key: Key) -> None:
    """In all its forms: files, armored or not, fingerprints, a key in the source itself; and none at all."""
    (etc / "trusted.gpg.d/both.gpg").write_bytes(key.public.read_bytes() + other_key.public.read_bytes())
    mirror(tmp_path / "m", debs[:1], sign=key)
    block = "\n".join(f" {line or '.'}" for line in key.armored.read_text().splitlines())
    other_block = "\n".join(f" {line or '.'}" for line in other_key.armored.read_text().splitlines())
    for signers, good in (
        (str(key.public), True),
        (str(key.armored), True),
        (str(other_key.public), False),
        (f"{other_key.public}, {key.public}", True),
        (key.fingerprint, True),
        (key.fingerprint + "!", True),
        (other_key.fingerprint, False),
        (f"{key.public} {other_key.fingerprint}", False),
        (f"\n{block}", True),
        (f"\n{other_block}", False),
    ):
        before = stanza(tmp_path / "m", "other", Signed_By=str(other_key.public))
        sources(etc, f"# the first\n{before}\n{stanza(tmp_path / 'm', Signed_By=signers)}")
        suite = only("apt:", wanted("bookworm", architectures=()))
        if good:
            assert (names(suite), suite.signed_by) == (["one"], key.fingerprint)
        else:
            assert why(suite)[0] == "mismatch"
    (etc / "trusted.gpg.d/both.gpg").unlink()
    sources(etc, stanza(tmp_path / "m"))
    assert why(only("apt:", wanted(architectures=())))[0] == "mismatch"  # no keys, not: any key
    assert only("apt:", wanted(architectures=(), keyrings=(key.armored,))).signed_by == key.fingerprint


def test_where_apt_does_not_say_what_a_source_says_the_keys_of_all_sources_count(etc: Path, key: Key) -> None:
    ring = etc / "trusted.gpg.d/a.gpg"
    ring.write_bytes(key.public.read_bytes())
    assert _keys("", "file:/m", "bookworm") == Keys((ring.read_bytes(),))
    with pytest.raises(ArchscanError, match=r"nothing\.sources cannot be read"):
        _keys(f"{etc}/nothing.sources:1", "file:/m", "bookworm")


def test_sources_of_one_line_have_their_options(
    etc: Path, tmp_path: Path, debs: list[Path], key: Key, other_key: Key
) -> None:
    mirror(tmp_path / "m", debs[:1], sign=key)
    mirror(tmp_path / "m", debs[:1], suite="trusted", sign=key)
    (etc / "sources.list").write_text(
        f"# deb [signed-by={other_key.public}] file:{tmp_path}/m bookworm main\n"
        f"deb-src [signed-by={key.public}] file:{tmp_path}/m bookworm main\n"
        f"deb [ arch=amd64 signed-by={key.public} ] file:{tmp_path}/m bookworm main  # comment\n"
        f"deb [trusted=yes] file:{tmp_path}/m trusted main\n"
    )
    first, second = suites("apt:", wanted(suites=(), architectures=()), Files())
    assert (names(first), first.signed_by, first.notes) == (["one"], key.fingerprint, ())
    assert (names(second), second.signed_by, len(second.notes)) == (["one"], None, 1)


def test_what_only_apt_can_fetch_is_refused_and_the_rest_is_read(
    etc: Path, tmp_path: Path, debs: list[Path], key: Key
) -> None:
    mirror(tmp_path / "m", debs[:1], sign=key)
    sources(
        etc,
        f"Types: deb\nURIs: cdrom:[Disc]/\nSuites: bookworm\nComponents: main\nSigned-By: {key.public}\n\n"
        + stanza(tmp_path / "m", URIs=f"copy:{tmp_path}/m", Signed_By=str(key.public)),
    )
    found = list(suites("apt:", wanted(suites=(), architectures=()), Files()))
    assert sorted(suite.refused for suite in found) == [False, True]
    for suite in found:
        if suite.refused:
            assert why(suite) == ("unsupported", "archives by cdrom: are not read, only by http, https, file")
        else:
            assert names(suite) == ["one"]


def test_proxies_are_those_of_apt_where_the_environment_has_none(etc: Path) -> None:
    assert with_proxies({"HOME": "/x"}) == {"HOME": "/x"}
    (etc / "apt.conf.d/proxy").write_text(
        'Acquire::http::Proxy "http://cache:3142";\nAcquire::http::Proxy::local.example.org "DIRECT";\n'
    )
    assert with_proxies({}) == {
        "http_proxy": "http://cache:3142", "https_proxy": "http://cache:3142", "no_proxy": "local.example.org"
    }  # fmt: skip
    found = with_proxies({"http_proxy": "http://own", "no_proxy": "a"})
    assert (found["http_proxy"], found["no_proxy"]) == ("http://own", "a,local.example.org")
    (etc / "apt.conf.d/proxy").write_text('Acquire::http::Proxy "DIRECT";\n')
    assert with_proxies({}) == {}


def test_a_machine_without_apt_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ArchscanError, match="apt-get"):
        list(suites("apt:", wanted(suites=()), Files()))


def test_apt_reads_the_same_archive_the_same_way(etc: Path, tmp_path: Path, debs: list[Path], key: Key) -> None:
    more = [small_deb(tmp_path / "d", f"more{number}", f"{number}:1~rc1+b2") for number in range(20)]
    mirror(tmp_path / "m", [*debs, *more], sign=key, by_hash=True)
    sources(etc, stanza(tmp_path / "m", Types="deb", Signed_By=str(key.public)))
    done = subprocess.run(["apt-get", "update"], check=True, capture_output=True, text=True)
    assert "W:" not in done.stderr + done.stdout
    shown = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True, text=True).stdout
    theirs = {
        tuple(fields[name] for name in ("Package", "Version", "Architecture", "Filename", "Size", "SHA256"))
        for paragraph in shown.strip().split("\n\n")
        for fields in [dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line)]
    }
    (file,) = only("apt:", wanted(architectures=())).indices
    ours = {
        (one.name, one.version, one.architecture, one.filename, str(one.size), one.sha256)
        for one in packages(file, Files(), unexpected)
    }
    assert ours == theirs
    assert len(ours) == 23


@pytest.mark.full
def test_this_machine_s_own_archives_are_read() -> None:
    asked = wanted(suites=(), architectures=(), now=NOW)
    checked = 0
    with Fetcher() as fetcher:
        for suite in suites("apt:", asked, fetcher):
            assert not suite.refused, (suite.target, suite.problems)
            assert suite.signed_by
            problems: list[object] = []
            found: list[Published] = [
                package for file in suite.indices for package in packages(file, fetcher, problems.append)
            ]
            assert problems == []
            checked += len(found)
            assert len({package.sha256 for package in found}) == len(found)
    assert checked > 0
