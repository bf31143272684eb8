"""What packages list of themselves, and where facts cannot be."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from archscan.deb.candidates import Candidates, Kind, digest_of, load_kinds, wanted
from archscan.deb.listing import listing
from archscan.errors import RuleError, UsageError
from archscan.rules.load import load
from corpus.recipes import ROOT

RULES = ROOT.parent / "rules"
ELF = wanted(load_kinds([RULES]), ["elf"])
SUM = b"d41d8cd98f00b204e9800998ecf8427e  "


def _listed(*paths: bytes, conffiles: bytes = b"", kibibytes: int = 100) -> frozenset[str] | None:
    files = {"md5sums": b"".join(SUM + path + b"\n" for path in paths), "conffiles": conffiles}
    found = listing(files, kibibytes, ELF)
    return None if found is None else found.candidates


@pytest.mark.parametrize(
    "path",
    """
    usr/bin/tool usr/bin/tool.py bin/tool.txt usr/share/foo/bin/tool.html usr/libexec/x.sh
    usr/lib/x86_64-linux-gnu/libx.so.1 usr/lib/tool/helper usr/lib/guile/3.0/site-ccache/x.go
    usr/lib/modules/6.1/x.ko.xz usr/share/doc/tool/examples/demo usr/share/doc/tool/examples/libx.so.1
    usr/share/doc/tool/libx.so usr/share/doc/tool/test/a.out usr/share/qemu/openbios-ppc usr/share/qemu/rom.bin
    usr/share/tool/tool-1.2 usr/share/tool/x.elf usr/share/java/x.jar opt/tool/data etc/tool usr/games/x.png
    usr/share/java/x/lib/native.so usr/lib/tool/index usr/share/docs usr/share/doc-tool/x
    """.split(),
)
def test_what_may_be_an_object_is_a_candidate(path: str) -> None:
    assert ELF.has(path)


@pytest.mark.parametrize(
    "path",
    """
    usr/share/doc/tool/copyright usr/share/doc/tool/changelog.Debian.gz usr/share/man/man1/tool.1.gz
    usr/share/doc/tool/HTML/x usr/share/info/dir usr/share/locale/de/LC_MESSAGES/tool.mo
    usr/share/doc/tool/examples/x.c usr/share/doc/tool/examples/README
    usr/lib/python3/dist-packages/tool/__init__.py usr/lib/python3/dist-packages/tool.egg-info/PKG-INFO
    usr/include/tool.h usr/share/games/tool/level.PNG usr/share/games/tool/world.pk3 usr/share/fonts/x
    usr/lib/tool/x.html
    """.split(),
)
def test_what_is_for_people_or_for_another_program_is_none(path: str) -> None:
    assert not ELF.has(path)


def test_a_path_is_passed_over_only_where_no_wanted_kind_can_be() -> None:
    scripts = Kind(name="files", shared=("usr/share/",), folders=("usr/share/doc/",))
    both = Candidates((*ELF.kinds, scripts))
    assert not ELF.has("usr/lib/tool/x.py")
    assert both.has("usr/lib/tool/x.py")
    assert not both.has("usr/share/doc/tool/x.py")
    assert Candidates().has("usr/share/doc/tool/x.py")


def test_lists_are_read_as_debhelper_and_md5sum_write_them() -> None:
    assert _listed(b"usr/share/doc/a/copyright", b"./usr/share/man/man1/a b.1.gz") == frozenset()
    assert _listed(b"usr/bin/a", b"usr/bin/\xff") == frozenset(("usr/bin/a", "usr/bin/\\xff"))
    assert _listed(conffiles=b"/etc/a\n/etc/b.conf\nremove-on-upgrade /etc/gone\n\n") == frozenset(("etc/a",))
    assert _listed() == frozenset()


@pytest.mark.parametrize(
    "path",
    [b"/usr/share/doc/a", b"usr/share/doc/../../bin/a", b"usr//share/doc/a", b"usr/share/doc/a/", b"usr/share/doc/./a",
     b"..", b"usr/share/doc/dev-x\\x2d.txt", b"usr/share/doc/" + b"a" * 5000, b"usr/share/doc/a\nusr/bin/b"],
)  # fmt: skip
def test_a_list_with_a_path_that_makes_no_sense_counts_for_nothing(path: bytes) -> None:
    assert _listed(b"usr/share/doc/a/copyright", path) is None


@pytest.mark.parametrize(
    "text",
    [b"?", b"\n", SUM + b"usr/share/doc/a", SUM[:-1] + b"usr/share/doc/a\n", SUM.upper() + b"usr/share/doc/a\n",
     b"\\" + SUM + b"usr/share/doc/a\n", SUM + b"usr/share/doc/a\n\n", SUM + b"\n", SUM[1:] + b"usr/share/doc/a\n",
     b"\0" * 1000],
)  # fmt: skip
def test_a_list_that_makes_no_sense_counts_for_nothing(text: bytes) -> None:
    assert listing({"md5sums": text}, 0, ELF) is None


@pytest.mark.parametrize("text", [b"etc/a\n", b"weird /etc/a\n", b"/\n", b"remove-on-upgrade /etc/a x\n"])
def test_configuration_files_that_make_no_sense_make_the_list_count_for_nothing(text: bytes) -> None:
    assert _listed(b"usr/share/doc/a/copyright", conffiles=text) is None


def test_without_md5sums_or_a_wanted_kind_nothing_is_said() -> None:
    assert listing({"conffiles": b"/etc/a\n"}, 0, ELF) is None
    assert listing({"md5sums": b""}, 0, Candidates()) is None


def test_far_more_than_the_listed_files_can_take_is_not_believed() -> None:
    about = [b"usr/share/doc/a/copyright", b"usr/share/doc/a/changelog.Debian.gz"]
    assert _listed(*about, kibibytes=9 << 10) == frozenset()
    assert _listed(*about, kibibytes=11 << 10) is None
    assert _listed(*about, b"usr/share/games/a/one.pak", kibibytes=200 << 10) == frozenset()


def test_a_list_of_sixteen_megabytes_is_read_in_time() -> None:
    lines = 15_900_000 // 40
    started = time.process_time()
    assert listing({"md5sums": b"".join(SUM + b"%05x\n" % n for n in range(lines))}, 0, ELF) is not None
    assert listing({"md5sums": SUM + b"a/" * 8_000_000 + b"\n"}, 0, ELF) is None
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [("kind = 'scripts'", "kind: expected one of elf, files"), ("kind = 'elf'\nfolder = 'x'", "folder"),
     ("kind = 1", "kind"),
     ("x", "expected TOML"),
     ("kind = 'elf'\nfolders = '/usr'", "folders: expected words such as 'usr/share/man', got '/usr'"),
     ("kind = 'elf'\nfolders = 'usr/../bin'", "folders"), ("kind = 'elf'\nendings = 'html'", "endings"),
     ("kind = 'elf'\nendings = '.HTML'", "endings"), ("kind = 'elf'\nbut = 'bin bin'", "but: 'bin' is there twice")],
)  # fmt: skip
def test_a_data_file_that_is_none_is_refused(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    name = "scripts" if "scripts" in text else "elf"
    (tmp_path / "facts" / f"{name}.toml").write_text(text)
    with pytest.raises(RuleError, match=expected) as caught:
        load_kinds([tmp_path])
    assert f"{name}.toml" in str(caught.value)


def test_a_folder_of_ones_own_replaces_what_is_said_of_a_kind(tmp_path: Path) -> None:
    (tmp_path / "facts").mkdir()
    (tmp_path / "facts" / "elf.toml").write_text("kind = 'elf'\nshared = 'srv'\nfolders = 'srv/data'\n")
    own = load_kinds([RULES, tmp_path])
    assert wanted(own, ["elf"]).has("usr/share/doc/a")
    assert not wanted(own, ["elf"]).has("srv/data/a")
    assert load([RULES, tmp_path]).digest == load([RULES]).digest  # no rule


def test_whatever_changes_the_candidates_changes_the_digest() -> None:
    kinds = load_kinds([RULES])
    changed = [msgspec.structs.replace(kinds["elf"], **{key: ()}) for key in Kind.__struct_fields__ if key != "name"]
    digests = {digest_of(kinds), digest_of({}), *(digest_of({"elf": kind}) for kind in changed)}
    assert len(digests) == 2 + len(changed)


def test_kinds_that_do_not_exist_are_refused() -> None:
    kinds = load_kinds([RULES])
    for names in (["scripts"], ["elf", "scripts"], [""], []):
        with pytest.raises(UsageError, match="expected one of elf, files"):
            wanted(kinds, names)
    with pytest.raises(UsageError, match="expected elf,files"):
        wanted(kinds, ["files"])
    assert wanted({}, ["elf"]).has("usr/share/doc/a")  # nothing is said of it
