"""The wheel is whole: built here, unpacked elsewhere, it finds its data and works like the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent


class Built(NamedTuple):
    """What ``python -m build`` made: the sdist, and the wheel that was made from it."""

    sdist: Path
    wheel: Path


def _run(*command: str | Path, cwd: Path, codes: tuple[int, ...] = (0,)) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ARCHSCAN"))}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in codes, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of this tree and the wheel of the sdist, by the build backend that is installed here."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return Built(next(out.glob("*.tar.gz")), next(out.glob("*.whl")))


@pytest.fixture(scope="module")
def program(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``archscan`` in a new environment that holds nothing but the wheel, and sees our dependencies behind it."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    command = (
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        str(python),
        "install",
        "--no-index",
        "--no-deps",
    )
    _run(sys.executable, *command, built.wheel, cwd=home)
    site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    # Plain paths: the .pth files of this environment, which name the checkout, are not read from there.
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("".join(f"{path}\n" for path in sorted(ours)))
    return home / "bin" / "archscan"


def _members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("folder", ["rules", "reports", "contrib"])
def test_the_wheel_holds_every_data_file(built: Built, folder: str) -> None:
    listed = _run("git", "ls-files", "-z", folder, cwd=ROOT).split("\0") if (ROOT / ".git").exists() else []
    wanted = listed or [str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob("*") if path.is_file()]
    held = _members(built.wheel)
    assert {f"archscan/_data/{name}" for name in wanted if name and (ROOT / name).exists()} <= held
    assert "archscan/_data/docs/reasons.md" in held  # what `archscan explain` says of reasons
    assert {"archscan/_data/docs/report.schema.json", "archscan/_data/docs/junit.xsd"} <= held  # `report --verify`


def test_the_wheel_holds_nothing_but_the_package(built: Built) -> None:
    tops = {name.split("/")[0] for name in _members(built.wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"archscan"}
    assert not [name for name in _members(built.wheel) if name.endswith((".pyc", ".db", ".deb"))]


def test_the_sdist_holds_what_tests_and_readers_need(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = "README.md CHANGELOG.md CONTRIBUTING.md LICENSE Makefile .ci/run requirements/runtime.txt"
    wanted += " corpus/build.py tests/conftest.py rules/README.md reports/coverage.sql docs/report.schema.json"
    assert set(wanted.split()) <= names
    assert not [name for name in names if name.startswith((".venv", "build/", "demo"))]


def test_sdist_and_checkout_give_the_same_wheel(built: Built, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    direct = next(tmp_path.glob("*.whl"))
    assert direct.name == built.wheel.name
    assert _contents(direct) == _contents(built.wheel)


def _contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_installed_program_is_not_the_checkout(program: Path, tmp_path: Path) -> None:
    python = program.parent / "python"
    place = _run(python, "-c", "import archscan; print(archscan.__file__)", cwd=tmp_path).strip()
    assert Path(place).is_relative_to(program.parent.parent)


def test_the_installed_program_scans_and_answers(program: Path, tmp_path: Path, corpus_debs: dict[str, Path]) -> None:
    summary = _run(program, "scan", corpus_debs["md5-import"], "--db", "it.db", cwd=tmp_path)
    assert "imports-md5" in summary
    answer = _run(program, "query", "who-uses", "-p", "algorithm=md5", "--format", "csv", "--db", "it.db", cwd=tmp_path)
    assert "usr/bin/md5," in answer
    shown = _run(program, "explain", "1", "--db", "it.db", "--package", corpus_debs["md5-import"], cwd=tmp_path)
    assert "What would change the verdict" in shown
    _run(program, "report", "html", "--db", "it.db", "-o", "it.html", cwd=tmp_path)
    assert "usr/bin/md5" in (tmp_path / "it.html").read_text("utf-8")


def test_the_installed_program_knows_rules_and_catalogue(program: Path, tmp_path: Path) -> None:
    assert "imports-md5" in _run(program, "rules", "list", cwd=tmp_path)
    assert "libcrypto" in _run(program, "catalogue", "show", "MD5_Update", cwd=tmp_path)
