"""The options about mirrors, as a command gets them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from click.testing import CliRunner

from archscan.cli.mirror_options import MirrorOptions, mirror_options, wanted
from archscan.sources.archive import Wanted

NOW = datetime.now(UTC)


def asked(*arguments: str) -> Wanted | str:
    found: list[Wanted] = []

    @click.command()
    @mirror_options
    def command(**options: object) -> None:
        assert set(options) == set(MirrorOptions.__annotations__)
        found.append(wanted(options, NOW))  # type: ignore[arg-type]  # what click gives is told by its options

    result = CliRunner().invoke(command, list(arguments))
    return found[0] if result.exit_code == 0 else result.output


def test_options_are_what_is_wanted_of_a_mirror(tmp_path: Path) -> None:
    ring = tmp_path / "ring.gpg"
    ring.write_bytes(b"")
    assert asked() == Wanted(now=NOW)
    assert asked(
        "--suite", "bookworm", "--suite", "bookworm-updates", "--component", "main", "--arch", "amd64", "--arch",
        "all", "--keyring", str(ring), "--max-release-age", "8", "--allow-expired",
    ) == Wanted(
        now=NOW, suites=("bookworm", "bookworm-updates"), components=("main",), architectures=("amd64", "all"),
        keyrings=(ring,), most_days=8, expired=True,
    )  # fmt: skip


def test_options_that_cannot_be_are_wrong_usage(tmp_path: Path) -> None:
    for arguments in (["--keyring", str(tmp_path / "none")], ["--keyring", str(tmp_path)], ["--max-release-age", "0"],
                      ["--max-release-age", "nan"]):  # fmt: skip
        assert "Error: Invalid value" in str(asked(*arguments))
