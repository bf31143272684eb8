"""``archscan catalogue check``, on packages that are built here and on those of Debian 12."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.scan.scanning import archscan

PACKAGES = (Path(__file__).parents[1] / "crypto" / "packages.txt").read_text("utf-8").split()
CONTROL = "Package: {0}\nVersion: 1\nArchitecture: amd64\nMaintainer: A Person <a@example.org>\nDescription: x\n"


def package(folder: Path, name: str, source: str, soname: str, flags: tuple[str, ...] = ()) -> Path:
    """A package with one shared library."""
    (folder / name / "DEBIAN").mkdir(parents=True)
    (folder / name / "DEBIAN" / "control").write_text(CONTROL.format(name))
    (folder / name / "usr/lib").mkdir(parents=True)
    (folder / f"{name}.c").write_text(source)
    command: list[str | Path] = [
        "gcc",
        "-shared",
        "-fPIC",
        "-o",
        folder / name / "usr/lib" / soname,
        folder / f"{name}.c",
    ]
    subprocess.run([*command, f"-Wl,-soname,{soname}", *flags], check=True)
    subprocess.run(["dpkg-deb", "--build", folder / name, folder / f"{name}.deb"], check=True, capture_output=True)
    return folder / f"{name}.deb"


def test_what_is_missing_and_what_is_unknown_are_listed(tmp_path: Path) -> None:
    done = archscan("catalogue", "check", package(tmp_path, "u", "int x_md5_init; int y;", "libuuid.so.1"))
    assert [line.split()[:4] for line in done.stdout.splitlines()[1:]] == [
        ["libuuid", "libuuid.so.1", "missing", "uuid_generate_md5"],
        ["libuuid", "libuuid.so.1", "missing", "uuid_generate_sha1"],
        ["libuuid", "libuuid.so.1", "unknown", "x_md5_init"],
    ]
    assert done.returncode == 1


def libuuid(folder: Path, node: str) -> Path:
    """All that the catalogue names of libuuid, under a version node."""
    (folder / "map").write_text(node + " { uuid_generate_md5; uuid_generate_sha1; };")
    source = "void uuid_generate_md5(void) {} void uuid_generate_sha1(void) {}"
    return package(folder, "u", source, "libuuid.so.1", (f"-Wl,--version-script={folder / 'map'}",))


def test_a_library_that_has_all_is_silent(tmp_path: Path) -> None:
    done = archscan("catalogue", "check", libuuid(tmp_path, "UUID_2.31"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_another_version_node_is_told(tmp_path: Path) -> None:
    done = archscan("catalogue", "check", libuuid(tmp_path, "OTHER"))
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].split()[2:] == ["version", "uuid_generate_md5", "UUID_2.31", "OTHER"]


def test_a_package_without_such_a_library_and_one_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    done = archscan("catalogue", "check", package(tmp_path, "o", "int y;", "libother.so.1"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "none of these holds a library of the catalogue" in done.stderr
    (tmp_path / "broken.deb").write_bytes(b"!<arch>\nnothing")
    done = archscan("catalogue", "check", tmp_path / "broken.deb")
    assert done.returncode == 3
    assert "broken.deb" in done.stderr


def test_a_target_that_is_no_package_is_told_beside_those_that_are(tmp_path: Path) -> None:
    done = archscan("catalogue", "check", libuuid(tmp_path, "UUID_2.31"), tmp_path / "gone.deb")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path / 'gone.deb'}: no such file" in done.stderr


@pytest.mark.full
def test_debian_exports_what_the_catalogue_names(tmp_path: Path) -> None:
    fetched = subprocess.run(
        ["apt-get", "download", *PACKAGES], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert fetched.returncode == 0, fetched.stderr
    assert len(list(tmp_path.glob("*.deb"))) == len(PACKAGES)
    done = archscan("catalogue", "check", tmp_path)
    differing = [line for line in done.stdout.splitlines()[1:] if line.split()[2] != "unknown"]
    assert (differing, done.returncode, done.stderr) == ([], 0, "")
