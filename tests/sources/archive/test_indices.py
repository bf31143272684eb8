"""Indices that are not what Release says, and paragraphs that are not what they should be."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.errors import SourceError
from archscan.model import Problem, Published, unescape
from archscan.sources.archive import Suite, source_entries
from archscan.sources.archive.packages import PACKAGE_FIELDS, SOURCE_FIELDS, published, source_entry
from archscan.sources.archive.paragraphs import Paragraph, paragraphs
from archscan.sources.archive.release import parsed
from archscan.sources.archive.signature import clear_text
from archscan.sources.archive.unpacked import unpacked
from tests.sources.archive.reading import Files, only, read, unexpected, wanted, why
from tests.sources.mirrors import Key, Mirror, mirror, release, source_package

GOOD = b"Package: good\nVersion: 1\nArchitecture: amd64\nFilename: pool/good.deb\nSize: 1\nSHA256: " + b"a" * 64 + b"\n"
FIELDS = {"Suite": "bookworm", "Codename": "bookworm", "Components": "main", "Architectures": "amd64"}


def with_packages(folder: Path, text: bytes) -> Suite:
    """A suite whose only index, properly listed, has this text."""
    dists = folder / "m/dists/bookworm"
    place = dists / "main/binary-amd64/Packages"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text)
    release(dists, FIELDS)
    return only(folder / "m", wanted())


def told(folder: Path, text: bytes) -> tuple[list[Published], list[tuple[str, str]]]:
    """The packages of an index, and what was said of the others: kind and message."""
    problems: list[Problem] = []
    (file,) = with_packages(folder, text).indices
    found = read(file, problems)
    assert all(problem.stage == "source" and problem.path == "main/binary-amd64/Packages" for problem in problems)
    return found, [(str(problem.kind), problem.message) for problem in problems]


# --- the file ---------------------------------------------------------------------------------------------------------


def _another(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def _shorter(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _longer(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"\nmore")


def _none(file: Path) -> None:
    file.unlink()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (_another, {"mismatch"}),
        (_shorter, {"truncated", "mismatch"}),
        (_longer, {"mismatch", "limit"}),
        (_none, {"missing"}),
        (_pipe, {"unreadable"}),
    ],
)
def test_an_index_that_is_not_the_one_of_release_gives_nothing(
    tmp_path: Path, debs: list[Path], change: Callable[[Path], None], kinds: set[str]
) -> None:
    made = mirror(tmp_path / "m", debs)
    for suffix in ("", ".xz", ".gz"):
        change(made.packages[0].with_suffix(suffix))
    (file,) = only(tmp_path / "m", wanted()).indices
    with pytest.raises(SourceError, match=r"^main/binary-amd64/Packages: ") as caught:
        read(file)
    assert caught.value.kind in kinds


def _lying(made: Mirror, unpacks_to: bytes) -> None:
    """Release lists what is there, and says of the form without compression that it is something else."""
    place, text = made.dists / "Release", made.packages[0].read_bytes()
    old = f"{hashlib.sha256(text).hexdigest()} {len(text):16} main/binary-amd64/Packages\n"
    new = f"{hashlib.sha256(unpacks_to).hexdigest()} {len(unpacks_to):16} main/binary-amd64/Packages\n"
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))


def test_what_unpacks_to_something_else_than_release_says_is_not_relied_on(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs)
    text = made.packages[0].read_bytes()
    _lying(made, text.replace(b"Package: one", b"Package: uno"))
    (file,) = only(tmp_path / "m", wanted()).indices
    with pytest.raises(SourceError, match="another SHA-256") as caught:
        read(file)
    assert caught.value.kind == "mismatch"
    made = mirror(tmp_path / "m", debs)
    _lying(made, text[:-10])
    (file,) = only(tmp_path / "m", wanted()).indices
    with pytest.raises(SourceError, match=f"unpacks to more than {len(text) - 10} bytes"):
        read(file)


@pytest.mark.parametrize("form", ["xz", "gz", "zst"])
def test_a_bomb_is_unpacked_as_far_as_release_allows(tmp_path: Path, form: str) -> None:
    import zstandard

    bomb = bytes(40 << 20)
    packed = {"xz": lambda: lzma.compress(bomb, preset=0), "gz": lambda: gzip.compress(bomb, 1),
              "zst": lambda: zstandard.compress(bomb)}[form]()  # fmt: skip
    file = tmp_path / "bomb"
    file.write_bytes(packed)
    sizes: list[int] = []
    with file.open("rb") as opened, pytest.raises(SourceError) as caught:
        sizes.extend(len(piece) for piece in unpacked(opened, form, most=5 << 20))
    assert caught.value.kind == "limit"
    assert 0 < sum(sizes) <= 5 << 20
    assert all(size <= 1 << 20 for size in sizes)


@pytest.mark.parametrize("form", ["xz", "gz", "zst"])
def test_damage_is_told(tmp_path: Path, form: str) -> None:
    import zstandard

    data = b"".join(b"%d\n" % number for number in range(100_000))
    match form:
        case "xz":
            packed = lzma.compress(data)
        case "gz":
            packed = gzip.compress(data)
        case _:
            packed = zstandard.ZstdCompressor(write_checksum=True).compress(data)
    file = tmp_path / "file"
    file.write_bytes(packed + packed)
    with file.open("rb") as opened:
        assert b"".join(unpacked(opened, form, most=1 << 30)) == data + data
    for damaged in (packed[:1000] + b"xyz" + packed[1003:], b"what is this", packed + b"and more"):
        file.write_bytes(damaged)
        with file.open("rb") as opened, pytest.raises(SourceError):
            list(unpacked(opened, form, most=1 << 30))


# --- Release ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"Components": "main ../../../etc"}, "components"),
        ({"Components": "main /etc"}, "components"),
        ({"Architectures": "amd64/../../x"}, "architectures"),
        ({"Architectures": "amd64 \x1b[2J"}, "architectures"),
        ({"Origin": "x" * 2000}, "2000 bytes"),
        ({"Components": " ".join(f"c{number}" for number in range(201))}, "201 names"),
        ({"SHA256": None}, "no SHA256"),
        ({"SHA256": "here it comes"}, "under SHA256"),
    ],
)
def test_a_release_that_cannot_be_relied_on_is_refused(
    tmp_path: Path, debs: list[Path], fields: dict[str, str | None], says: str
) -> None:
    made = mirror(tmp_path / "m", debs[:1])
    release(made.dists, {**FIELDS, **fields})
    if "SHA256" in fields:  # the lines of that field stay with the one before, as its continuation
        text = (made.dists / "Release").read_text()
        (made.dists / "Release").write_text(text if fields["SHA256"] else text.replace("SHA256", "SHA1"))
    assert says in why(only(tmp_path / "m", wanted()))[1]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\n\n", b"<html>not found</html>", b"Suite: a\nSuite: b\nSHA256:\n", b"Suite: a\nSHA256:\nSHA256:\n",
        b"SHA256:\n " + b"a" * 64 + b" 1 x\n " + b"b" * 64 + b" 1 x\n", b"SHA256:\n " + b"a" * 64 + b" -1 x\n",
        b"SHA256:\n " + b"a" * 64 + b" 99999999999999999999 x\n", b"Date: Sat, 99 Jul 2026 10:16:37 UTC\nSHA256:\n",
        b"Date: Sat, 11 Jul 99999999999 10:16:37 UTC\nSHA256:\n", b"Date: \xff\nSHA256:\n", b"\0" * 100,
    ],
)  # fmt: skip
def test_what_is_no_release_is_told(text: bytes) -> None:
    with pytest.raises(SourceError):
        parsed(text)


def test_a_release_that_is_too_long_is_not_read(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs[:1])
    with (made.dists / "Release").open("ab") as file:
        file.truncate(20 << 20)
    assert why(only(tmp_path / "m", wanted()))[0] == "limit"


def test_what_release_lists_elsewhere_is_not_looked_at(tmp_path: Path, debs: list[Path]) -> None:
    made = mirror(tmp_path / "m", debs)
    place = made.dists / "Release"
    lines = "".join(f" {'c' * 64} 5 {path}\n" for path in ("/etc/passwd", "../../secret", "main/../../x", "http://x/y"))
    place.write_text(place.read_text().replace("SHA256:\n", f"SHA256:\n{lines}"))
    fetcher = Files()
    suite = only(tmp_path / "m", wanted(), fetcher)
    assert len(read(suite.indices[0])) == 3
    assert all(url.startswith(f"file://{tmp_path}/m/dists/bookworm/") for url in fetcher.urls)


# --- paragraphs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../../etc/passwd", "pool/../../../etc/passwd", "pool/..", "http://example.org/x.deb",
        "file:///etc/passwd", "a\x01b", "a\tb", ".", "./", "..", "//example.org/x.deb", "x" * 5000,
    ],
)  # fmt: skip
def test_a_file_name_that_leads_elsewhere_is_told(tmp_path: Path, name: str) -> None:
    bad = GOOD.replace(b"pool/good.deb", name.encode()).replace(b"Package: good", b"Package: bad")
    found, problems = told(tmp_path, bad + b"\n" + GOOD)
    assert [package.name for package in found] == ["good"]
    assert len(problems) == 1
    assert problems[0][0] in ("corrupt", "limit")
    assert problems[0][1].startswith("paragraph 1 (bad): ")


@pytest.mark.parametrize("name", ["./pool/a.deb", "pool//a.deb", ".//pool/./a.deb", "pool/a.deb"])
def test_a_file_name_is_a_path_below_the_archive(tmp_path: Path, name: str) -> None:
    (package,), problems = told(tmp_path, GOOD.replace(b"pool/good.deb", name.encode()))
    assert (package.filename, problems) == ("pool/a.deb", [])


@pytest.mark.parametrize("field", ["Package", "Version", "Architecture", "Filename", "Size", "SHA256"])
def test_a_field_that_is_missing_is_told(tmp_path: Path, field: str) -> None:
    lines = [line for line in GOOD.splitlines(keepends=True) if not line.startswith(field.encode())]
    for bad in (b"".join(lines), b"".join([*lines, field.encode() + b":\n"])):
        found, problems = told(tmp_path, bad + b"\n" + GOOD)
        assert len(found) == 1
        assert [kind for kind, _ in problems] == ["corrupt"]
        assert problems[0][1].endswith(f"it has no field {field.lower()}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Size: 1", b"Size: -1"), (b"Size: 1", b"Size: 1e3"), (b"Size: 1", b"Size: " + b"9" * 30),
        (b"a" * 64, b"a" * 63), (b"a" * 64, b"g" * 64), (b"Size: 1\n", b"Size: 1\nSize: 2\n"),
        (b"Size: 1\n", b"Size: 1\nsize: 1\n"), (b"Version: 1", b"Version: " + b"1" * 5000),
        (b"Size: 1\n", b"Size: 1\nno field at all\n"),
    ],
)  # fmt: skip
def test_a_paragraph_that_is_no_package_is_told_and_the_next_is_read(tmp_path: Path, old: bytes, new: bytes) -> None:
    assert old in GOOD
    found, problems = told(tmp_path, GOOD.replace(old, new) + b"\n" + GOOD)
    assert len(found) == len(problems) == 1


def test_names_that_are_no_text_are_escaped_and_can_be_had_back(tmp_path: Path) -> None:
    (package,), problems = told(tmp_path, GOOD.replace(b"pool/good", b"pool/\xff\xe2\x80\xae\\"))
    assert problems == []
    assert package.filename == "pool/\\xff\\xe2\\x80\\xae\\\\.deb"
    assert unescape(package.filename) == b"pool/\xff\xe2\x80\xae\\.deb"


def test_two_contents_of_one_package_are_both_given_and_told(tmp_path: Path) -> None:
    other = GOOD.replace(b"a" * 64, b"b" * 64)
    found, problems = told(tmp_path, GOOD + b"\n" + GOOD + b"\n" + other)
    assert [package.sha256[0] for package in found] == ["a", "a", "b"]
    assert problems == [("mismatch", "paragraph 3 (good): another good 1 amd64 has a different SHA256")]


def test_more_problems_than_anybody_reads_are_counted(tmp_path: Path) -> None:
    found, problems = told(tmp_path, b"\n".join([b"Package: bad\n"] * 250 + [GOOD]))
    assert len(found) == 1
    assert len(problems) == 101
    assert problems[-1][1] == "150 more paragraphs have something wrong with them"


def split(text: bytes, size: int) -> list[Paragraph]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return list(paragraphs(pieces, frozenset({b"package", b"b", b"c"})))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_paragraphs_do_not_depend_on_how_the_text_arrives(size: int) -> None:
    text = (
        b"\n\nPackage: one\nb: 1\n 2\n .\n\t3 \nX: y\n z\nC:\n\n\n\nPACKAGE:two\n# a comment: of mine\nb:  x y  \n"
        b"\n \npackage: three"
    )
    expected = [
        Paragraph(number=1, fields={b"package": b"one", b"b": b"1\n2\n.\n3", b"c": b""}),
        Paragraph(number=2, fields={b"package": b"two", b"b": b"x y"}),
        Paragraph(number=3, fields={b"package": b"three"}),
    ]
    assert split(text, size) == expected
    assert split(text.replace(b"\n", b"\r\n"), size) == expected


def test_more_paragraphs_than_any_archive_has_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archscan.sources.archive.indices._MOST_PARAGRAPHS", 3)
    (file,) = with_packages(tmp_path, b"\n".join([GOOD] * 4)).indices
    with pytest.raises(SourceError, match="more than 3 paragraphs") as caught:
        read(file)
    assert caught.value.kind == "limit"


def test_a_paragraph_without_an_end_costs_no_more_than_one() -> None:
    def pieces() -> list[bytes]:
        return [b"Package: huge\nb: ", *[b"x" * (1 << 20)] * 20, b"\n\nPackage: next\n"]

    found = list(paragraphs(pieces(), frozenset({b"package"})))
    assert [(one.number, one.fields, one.fault is None) for one in found] == [
        (1, {}, False),
        (2, {b"package": b"next"}, True),
    ]
    end = [b"Package: huge\nb: ", *[b"x" * (1 << 20)] * 20, b"\n", b"\nPackage: next\n"]
    assert list(paragraphs(end, frozenset({b"package"}))) == found
    whole = [b"Package: a\nb: " + b"x" * (5 << 20) + b"\n\nPackage: next\n"]
    assert [one.fault is None for one in paragraphs(whole, frozenset({b"package"}))] == [False, True]
    assert len(list(paragraphs([b"x" * (1 << 20)] * 20, frozenset({b"package"})))) == 1


def test_the_source_of_a_package_may_have_another_version() -> None:
    fields = {b"package": b"a", b"version": b"2", b"architecture": b"all", b"filename": b"x", b"size": b"0",
              b"sha256": b"A" * 64}  # fmt: skip
    for value, expected in (
        (None, ("a", "2")), (b"b", ("b", "2")), (b"b (1:3)", ("b", "1:3")), (b"b  (3) ", ("a", "2")), (b"", ("a", "2"))
    ):  # fmt: skip
        given = fields if value is None else {**fields, b"source": value}
        found = published(given)
        assert (found.source, found.source_version) == expected
        assert found.sha256 == "a" * 64


def test_a_source_that_cannot_be_relied_on_is_told() -> None:
    assert source_entry({b"package": b"a", b"version": b"1", b"vcs-svn": b"x", b"maintainer": b""}).vcs == "Svn x"
    for fields in (
        {b"package": b"a"},
        {b"version": b"1"},
        {b"package": b"a", b"version": b"1", b"uploaders": b"x" * 20_000},
    ):
        with pytest.raises(SourceError):
            source_entry(fields)


def test_sources_that_are_not_those_of_release_give_nothing(tmp_path: Path, debs: list[Path], key: Key) -> None:
    made = mirror(tmp_path / "m", debs, sources=[source_package(tmp_path / "s", "one")], sign=key)
    (file,) = only(tmp_path / "m", wanted(keyrings=(key.public,))).sources
    for suffix in ("", ".xz", ".gz"):
        _another((made.dists / "main/source/Sources").with_suffix(suffix))
    with pytest.raises(SourceError):
        list(source_entries(file, Files(), unexpected))


# --- whatever it is ---------------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [b"Package", b"SHA256", b"Date", b"Size", b"Filename", b":", b": ", b"\n", b"\n\n", b"\r\n", b" ", b"\t", b"#",
     b"../", b"/", b"1", b"a" * 64, b"\xff", b"\0", b"Sat, 11 Jul 2026 10:16:37 UTC", b"Components", b"Version"]
)  # fmt: skip


@given(st.one_of(st.binary(), st.lists(_PIECES).map(b"".join)), st.integers(1, 50))
def test_whatever_stands_in_an_index_or_release_is_read_or_told(text: bytes, size: int) -> None:
    with contextlib.suppress(SourceError):
        parsed(text)
    names = PACKAGE_FIELDS | SOURCE_FIELDS
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    found = list(paragraphs(pieces, names))
    assert found == list(paragraphs([text], names))
    for paragraph in found:
        for parse in (published, source_entry):
            with contextlib.suppress(SourceError):
                value = parse(paragraph.fields)
                assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type(value)) == value


@given(st.binary())
def test_whatever_passes_for_a_signed_message_is_read_or_told(text: bytes) -> None:
    for message in (text, b"-----BEGIN PGP SIGNED MESSAGE-----\n\n" + text, text + b"\n-----BEGIN PGP SIGNATURE-----"):
        with contextlib.suppress(SourceError):
            clear_text(message)
