"""What a person names on the command line, as jobs."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from archscan.model import unescape
from archscan.sources import Targets, expanded


def found(*targets: str | Path, stdin: bytes = b"") -> tuple[list[bytes], list[tuple[str, str]]]:
    with expanded([str(target) for target in targets], io.BytesIO(stdin)) as result:
        return file_names(result.jobs), [(one.target, one.message) for one in result.unmatched]


def file_names(jobs: Sequence[object]) -> list[bytes]:
    return [unescape(getattr(job, "path")).rpartition(b"/")[2] for job in jobs]  # noqa: B009


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    (tmp_path / "pool/a").mkdir(parents=True)
    for name, size in (("a/one.deb", 10), ("two.udeb", 30), ("a/three.ddeb", 20), ("notes.txt", 5)):
        (tmp_path / "pool" / name).write_bytes(bytes(size))
    return tmp_path / "pool"


def test_a_folder_is_every_package_below_it_the_largest_first(pool: Path) -> None:
    assert found(pool) == ([b"two.udeb", b"three.ddeb", b"one.deb"], [])


def test_a_file_is_taken_whatever_its_name(pool: Path) -> None:
    assert found(pool / "notes.txt") == ([b"notes.txt"], [])


def test_a_glob_is_expanded_below_folders_too(pool: Path) -> None:
    assert found(f"{pool}/**/*.deb") == ([b"one.deb"], [])
    assert found(f"{pool}/a/[ot]*") == ([b"three.ddeb", b"one.deb"], [])


def test_a_file_whose_name_looks_like_a_glob_is_that_file(pool: Path) -> None:
    (pool / "x[1].deb").write_bytes(b"")
    assert found(pool / "x[1].deb") == ([b"x[1].deb"], [])


def test_what_is_named_twice_is_read_once(pool: Path) -> None:
    (pool / "again.deb").symlink_to(pool / "a/one.deb")
    assert len(found(pool / "a/one.deb", pool / "a/../a/one.deb", f"{pool}/a/*.deb", pool / "again.deb")[0]) == 1


def test_standard_input_lists_targets_in_lines_or_between_nuls(pool: Path) -> None:
    one, odd = pool / "a/one.deb", pool / " odd\nname .deb"
    odd.write_bytes(b"")
    assert found("-", stdin=f"{one}\r\n\n{pool}/two.udeb\n".encode()) == ([b"two.udeb", b"one.deb"], [])
    assert found("-", stdin=bytes(one) + b"\0" + bytes(odd) + b"\0") == ([b"one.deb", b" odd\nname .deb"], [])


def test_an_empty_list_is_told(pool: Path) -> None:
    assert found("-", stdin=b"\n") == ([], [("-", "standard input names no package")])


@pytest.mark.parametrize(
    ("target", "message"),
    [("gone.deb", "no such file or folder"), ("*.none", "the glob matches no file"),
     ("empty", "the folder holds no .deb")],
)  # fmt: skip
def test_what_stands_for_nothing_is_told_and_the_rest_is_read(pool: Path, target: str, message: str) -> None:
    (pool / "empty").mkdir()
    assert found(pool / target, pool / "two.udeb") == ([b"two.udeb"], [(f"{pool}/{target}", message)])


def test_what_cannot_be_opened_is_still_a_job(pool: Path) -> None:
    os.mkfifo(pool / "pipe.deb")
    (pool / "dangling.deb").symlink_to("nowhere")
    assert found(pool / "pipe.deb", pool / "dangling.deb") == ([b"dangling.deb", b"pipe.deb"], [])


def test_a_folder_that_cannot_be_read_is_told(pool: Path) -> None:
    # Whoever runs this, the kernel takes no path of more than 4096 bytes.
    folder = os.open(pool, os.O_RDONLY)
    for _ in range(18):
        os.mkdir("d" * 250, dir_fd=folder)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    names, ((_, message),) = found(pool)
    assert len(names) == 3
    assert message == "the folder cannot be read: File name too long"


def test_names_that_are_no_text_come_back(tmp_path: Path) -> None:
    path = bytes(tmp_path) + b"/caf\xe9\n.deb"
    Path(os.fsdecode(path)).write_bytes(b"")
    with expanded([os.fsdecode(path)], io.BytesIO()) as result:
        assert unescape(result.jobs[0].path) == path


@pytest.mark.parametrize("name", ["", "-o=x", "a b", "$(x)", "/etc"])
def test_what_is_no_name_of_a_package_never_reaches_apt(name: str) -> None:
    jobs, ((target, message),) = found(f"apt:{name}")
    assert (jobs, target) == ([], f"apt:{name}")
    assert "is no name of a package" in message or "has no apt-get" in message


@pytest.mark.full
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="no apt-get")
def test_apt_gives_what_its_index_promises() -> None:
    with expanded(["apt:hello", "apt:no-such-package-at-all"], io.BytesIO()) as result:
        assert isinstance(result, Targets)
        assert result.jobs, result.unmatched
        content = Path(result.jobs[0].path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == result.jobs[0].sha256
        assert len(content) == result.jobs[0].size
        assert [one.target for one in result.unmatched] == ["apt:no-such-package-at-all"]
    assert not Path(result.jobs[0].path).exists()
