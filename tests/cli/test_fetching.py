"""What somebody asks of downloads on the command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from archscan.cli import fetching as cli
from archscan.sources import Fetching


@click.command()
@cli.options
@click.option("--other")
def command(fetching: Fetching, other: str | None) -> None:
    click.echo(f"{fetching.rate} {fetching.downloads} {fetching.spool} {other}")


@pytest.mark.parametrize(("text", "rate"), [
    ("20M", 20_000_000), ("800k", 800_000), ("1.5G", 1_500_000_000), ("5000", 5000), ("20MB/s", 20_000_000),
])  # fmt: skip
def test_rates_as_people_write_them(text: str, rate: int, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["--rate", text, "--downloads", "3", "--spool", str(tmp_path), "--other", "x"])
    assert result.output == f"{rate} 3 {tmp_path} x\n"
    assert CliRunner().invoke(command).output == "None None None None\n"


@pytest.mark.parametrize("text", ["0", "1", "-5M", "fast", "1e9", "5T", "5 M", "nan", "", "9" * 13, "٣M"])
def test_rates_that_are_none(text: str) -> None:
    result = CliRunner().invoke(command, [f"--rate={text}"])
    assert result.exit_code == 2
    assert "expected bytes per second" in result.output


def test_as_many_workers_fetch_as_downloads_are_allowed() -> None:
    assert [Fetching().ahead(workers) for workers in (1, 2, 8)] == [2, 2, 8]
    assert Fetching(downloads=1).ahead(8) == 1
