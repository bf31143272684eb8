"""Control files: every field kept, whatever bytes it is made of."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscan.deb.control import package, relations
from archscan.errors import DebError
from archscan.model import Package, unescape

BASE = b"Package: thing\nVersion: 1:2.0-3\nArchitecture: amd64\n"


def with_fields(*lines: bytes) -> Package:
    return package(BASE + b"".join(line + b"\n" for line in lines))


def test_every_field_is_kept_in_its_order_and_form() -> None:
    found = with_fields(b"Maintainer: A <a@x>", b"Description: short", b" long", b" .", b"\tend", b"X-Odd-field: 1")
    assert json.loads(found.control) == {
        "Package": "thing", "Version": "1:2.0-3", "Architecture": "amd64", "Maintainer": "A <a@x>",
        "Description": "short\n long\n .\n\tend", "X-Odd-field": "1",
    }  # fmt: skip
    assert list(json.loads(found.control))[-1] == "X-Odd-field"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", ("thing", "1:2.0-3")),
        (b"Source: origin", ("origin", "1:2.0-3")),
        (b"Source: origin (4:5-6)", ("origin", "4:5-6")),
        (b"source: origin   (4)  ", ("origin", "4")),
    ],
)
def test_the_source_has_a_version_of_its_own(line: bytes, expected: tuple[str, str]) -> None:
    found = with_fields(line) if line else package(BASE)
    assert (found.source, found.source_version) == expected


def test_missing_fields_are_none() -> None:
    found = package(b"Package: a\nVersion: 1\n")
    assert (found.architecture, found.variant, found.control_section, found.control_priority) == (None,) * 4
    assert (found.maintainer, found.installed_size, found.essential, found.relations) == (None, None, False, ())


@pytest.mark.parametrize(("text", "expected"), [(b"12", 12), (b"-1", None), (b"many", None), (b"9" * 40, None)])
def test_an_installed_size_is_a_number_or_none(text: bytes, expected: int | None) -> None:
    assert with_fields(b"Installed-Size: " + text).installed_size == expected


def test_relations_are_split() -> None:
    field = "libc6 (>= 2.36), a:any (<< 1:2~) | b [amd64 !i386] <!nocheck>, c (= 1), d (> 3),\n e"
    assert [(row.name, row.op, row.version) for row in relations("depends", field)] == [
        ("libc6", ">=", "2.36"), ("a", "<<", "1:2~"), ("b", None, None), ("c", "=", "1"), ("d", ">=", "3"),
        ("e", None, None),
    ]  # fmt: skip


def test_what_is_no_relation_stays_as_it_stands() -> None:
    assert [(row.name, row.op) for row in relations("depends", "${misc:Depends}, ok")] == [
        ("${misc:Depends}", None),
        ("ok", None),
    ]


@pytest.mark.parametrize("field", ["Package", "Version"])
@pytest.mark.parametrize("text", [BASE, b"", b"\0\xff" * 50, b"no field\n", b": x\n"])
def test_without_a_name_or_version_it_is_damaged(field: str, text: bytes) -> None:
    with pytest.raises(DebError, match="has no field") as caught:
        package(text.replace(field.encode(), b"Other"))
    assert caught.value.kind == "corrupt"


@given(value=st.binary(min_size=1, max_size=40).filter(lambda value: b"\n" not in value))
def test_any_bytes_of_a_field_come_back(value: bytes) -> None:
    found = with_fields(b"X: a" + value + b"z", b"Y: 1")
    fields = json.loads(found.control)
    # A tab stays as it is in a long field, and is no part of the stored form of a name.
    assert b"\t".join(unescape(part) for part in fields["X"].split("\t")) == b"a" + value + b"z"
    assert fields["Y"] == "1"


@given(text=st.binary(max_size=300))
def test_any_bytes_are_a_package_or_damage(text: bytes) -> None:
    for candidate in (text, BASE + text):
        with contextlib.suppress(DebError):
            assert package(candidate).name


def test_a_signature_around_the_file_is_no_part_of_it() -> None:
    signed = (b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + BASE
              + b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n")  # fmt: skip
    assert json.loads(package(signed).control) == json.loads(package(BASE).control)


def test_a_field_given_twice_is_no_error() -> None:
    assert with_fields(b"Section: one", b"section: two").control_section == "two"


@pytest.mark.parametrize(
    "extra",
    [b"Maintainer: " + b"x" * 70_000, b"Description: x\n" + b" line\n" * 500_000, b"Package: " + b"a" * 70_000],
)
def test_what_no_column_holds_is_a_limit(extra: bytes) -> None:
    with pytest.raises(DebError) as caught:
        with_fields(extra)
    assert caught.value.kind == "limit"


@pytest.mark.parametrize(
    "extra",
    [
        b"Depends: " + b"a," * 100_000,
        b"Depends: " + b"(" * 300_000,
        b"Depends: a (>=" + b" " * 300_000,
        b"Description: " + b"x " * 300_000,
        b"".join(b"F%d: x\n" % number for number in range(50_000)),
    ],
)
def test_huge_fields_take_no_quadratic_time(extra: bytes) -> None:
    started = time.process_time()
    with_fields(extra)
    assert time.process_time() - started < 5
