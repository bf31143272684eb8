"""What the bill of materials says of packages and of the cryptography in them."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archscan.reports import cyclonedx
from archscan.reports.selection import Selection, narrow
from tests.reports.conftest import add_elf, add_package, insert, new_database
from tests.reports.scans import archscan
from tests.reports.test_assets import BOOK


def bill(connection: sqlite3.Connection, generated: str | None = None, selection: Selection | None = None) -> Any:
    stream = io.StringIO()
    cyclonedx.write(connection, stream, generated, selection or Selection(), BOOK)
    return json.loads(stream.getvalue())


@pytest.fixture
def two(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A program that calls MD5 and AES, and a library that has MD5 and SHA-256 inside."""
    with closing(new_database(tmp_path / "two.db")) as connection:
        insert(connection, "scan", id=1, started="2026-05-01T10:00:00Z", finished="2026-05-01T10:01:00Z", version="0",
               extractor="1", rules_digest="d", command="c", state="finished")  # fmt: skip
        for name, strength in (("md5", "weak"), ("sha256", "ok"), ("aes", "ok")):
            insert(connection, "algorithm", name=name, family=name, strength=strength, note=f"about {name}")
        tool = add_package(connection, "tool", control_section="utils", maintainer="A <a@mirror.example.org>")
        library = add_package(connection, "libthing1", control_section="libs")
        insert(connection, "package_release", package_id=tool, distribution="debian", release="bookworm", said="given")
        program = add_elf(connection, tool, "usr/bin/to ol")
        shared = add_elf(connection, library, "usr/lib/libthing.so.1", kind="shared-library")
        add_use(connection, program, "md5", "weak", "hash", "MD5", "call", function="main", address="0x1234")
        add_use(connection, program, "aes", "ok", "cipher", "EVP_aes_128_gcm", "call", address=".text+0x10")
        add_use(connection, program, "any", "none", "hash", "EVP_DigestInit", "import")
        add_use(connection, shared, "md5", "weak", "provider", None, "constant", address="0x40")
        add_use(connection, shared, "sha256", "ok", "hash", None, "constant", address="0x80")
        insert(connection, "own_line", elf_id=program, address="0x1234", file="src/a.c", line=7)
        connection.commit()
        yield connection


def add_use(
    connection: sqlite3.Connection, elf: int, algorithm: str, strength: str, role: str, symbol: str | None,
    evidence: str, **more: Any,
) -> None:  # fmt: skip
    insert(
        connection, "crypto_use", elf_id=elf, algorithm=algorithm, strength=strength, role=role, symbol=symbol,
        evidence=evidence, confidence="certain", **more,
    )  # fmt: skip


def components(found: Any, kind: str) -> dict[str, Any]:
    return {one["name"]: one for one in found["components"] if one["type"] == kind}


def test_packages_have_urls_hashes_and_their_files(two: sqlite3.Connection) -> None:
    found = bill(two)
    tool, library = components(found, "application")["tool"], components(found, "library")["libthing1"]
    assert tool["purl"] == "pkg:deb/debian/tool@1.0-1?arch=amd64&distro=debian-bookworm"
    assert library["purl"] == "pkg:deb/libthing1@1.0-1?arch=amd64"
    sha256 = two.execute("SELECT sha256 FROM package WHERE name = 'tool'").fetchone()[0]
    assert tool["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    (file,) = tool["components"]
    assert (file["name"], file["type"]) == ("usr/bin/to ol", "file")
    assert file["hashes"][0]["content"] == two.execute("SELECT sha256 FROM elf WHERE path LIKE '%to ol'").fetchone()[0]


def test_sound_algorithms_are_there_beside_weak_ones_with_their_places(two: sqlite3.Connection) -> None:
    assets = components(bill(two), "cryptographic-asset")
    strengths = {name: {one["name"]: one["value"] for one in asset["properties"]} for name, asset in assets.items()}
    assert {name: said["archscan:strength"] for name, said in strengths.items()} == {
        "md5": "weak", "aes-128-gcm": "ok", "sha256": "ok",
    }  # fmt: skip
    md5 = assets["md5"]["evidence"]["occurrences"]
    assert [one["location"] for one in md5] == [
        "pkg:deb/libthing1@1.0-1?arch=amd64#usr/lib/libthing.so.1",
        "pkg:deb/debian/tool@1.0-1?arch=amd64&distro=debian-bookworm#usr/bin/to%20ol",
    ]
    assert (md5[1]["line"], md5[1]["offset"], md5[1]["symbol"]) == (7, 0x1234, "MD5")
    assert "src/a.c:7" in md5[1]["additionalContext"]
    (aes,) = assets["aes-128-gcm"]["evidence"]["occurrences"]
    assert "offset" not in aes
    assert assets["aes-128-gcm"]["cryptoProperties"]["oid"] == "2.16.840.1.101.3.4.1.6"


def test_scripts_are_files_with_lines(two: sqlite3.Connection) -> None:
    file = insert(two, "file", package_id=1, path="usr/bin/script", path_key="usr/bin/script", size=5, kind="regular")
    insert(two, "crypto_use", file_id=file, algorithm="md5", strength="weak", role="checksum", symbol="md5sum",
           evidence="script", confidence="certain", line=12)  # fmt: skip
    found = bill(two)
    files = components(found, "application")["tool"]["components"]
    assert [(one["name"], "hashes" in one) for one in files] == [("usr/bin/script", False), ("usr/bin/to ol", True)]
    (use,) = [one for one in components(found, "cryptographic-asset")["md5"]["evidence"]["occurrences"]
              if one["location"].endswith("#usr/bin/script")]  # fmt: skip
    assert use["line"] == 12
    assert [one["ref"].partition("/")[2] for one in found["dependencies"]].count("usr/bin/script") == 1


def test_who_calls_depends_and_who_implements_provides(two: sqlite3.Connection) -> None:
    found = {one["ref"].partition("/")[2]: one for one in bill(two)["dependencies"] if "/" in one["ref"]}
    assert found["usr/bin/to%20ol"]["dependsOn"] == ["crypto:aes-128-gcm", "crypto:md5"]
    assert "provides" not in found["usr/bin/to%20ol"]
    assert found["usr/lib/libthing.so.1"]["provides"] == ["crypto:md5", "crypto:sha256"]
    whole = {tuple(one.get("provides", ())) for one in bill(two)["dependencies"] if "/" not in one["ref"]}
    assert whole == {(), ("crypto:md5", "crypto:sha256")}


def test_number_and_time_are_made_of_what_was_read(two: sqlite3.Connection) -> None:
    first = bill(two)
    assert bill(two) == first
    assert first["metadata"]["timestamp"] == "2026-05-01T10:01:00Z"
    assert bill(two, "2026-06-01T00:00:00Z")["serialNumber"] != first["serialNumber"]
    add_package(two, "more")
    assert bill(two)["serialNumber"] != first["serialNumber"]


def test_a_part_is_another_bill(two: sqlite3.Connection) -> None:
    whole, selection = bill(two), Selection(packages=("tool",))
    narrow(two, selection)
    found = bill(two, selection=selection)
    assert [one["name"] for one in found["components"]] == ["tool", "aes-128-gcm", "md5"]
    assert found["serialNumber"] != whole["serialNumber"]


def test_a_path_that_a_package_has_twice_is_one_file(two: sqlite3.Connection, tmp_path: Path) -> None:
    add_elf(two, 1, "usr/bin/to ol", sha256="ab" * 32)
    two.commit()
    file = components(bill(two), "application")["tool"]["components"]
    assert [one["hashes"][0]["content"] for one in file] == ["ab" * 32]
    archscan("report", "cyclonedx", "--db", tmp_path / "two.db", "-o", tmp_path / "bill")
    archscan("report", "--verify", tmp_path / "bill")


@pytest.mark.parametrize(
    ("missing", "arguments", "expected"),
    [
        ("cyclonedx", ["cyclonedx"], "cyclonedx needs more packages: pip install 'archscan[formats]'"),
        ("jsonschema_rs", ["--verify", "{tmp}/a.json"], "more packages are needed: pip install 'archscan[formats]'"),
    ],
)
def test_without_the_extra_the_command_says_what_is_missing(
    missing: str, arguments: list[str], expected: str, two: sqlite3.Connection, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text('{"schema":"archscan-report/1"}')
    words = ["report", *(word.format(tmp=tmp_path) for word in arguments), "--db", str(tmp_path / "two.db")]
    program = f"import sys; sys.modules[{missing!r}] = None; from archscan.cli import run; sys.exit(run({words!r}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
