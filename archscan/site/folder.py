"""The folder that a site is written to: all of it new, or the old one; and never one that holds something else."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archscan.errors import ArchscanError

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "archscan-site.json"
SCHEMA = "archscan-site/1"


class Folder:
    """Files by their paths, as they are written; counts them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = 0
        self.bytes = 0
        self._made: set[Path] = {root}

    def write(self, name: str, text: str) -> None:
        """Write a file. ``name`` is ours and relative."""
        self.write_bytes(name, text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file of bytes."""
        path = self.root / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        with path.open("xb", buffering=0) as stream:
            stream.write(data)
        self.files += 1
        self.bytes += len(data)

    def finish(self, about: dict[str, Any]) -> None:
        """Write the manifest: what the site is about, and how many files and bytes there are beside it."""
        document = {"schema": SCHEMA, **about, "files": self.files, "bytes": self.bytes}
        self.write(MANIFEST, json.dumps(document, ensure_ascii=True, indent=1) + "\n")


@contextmanager
def replaced(target: Path) -> Iterator[Folder]:
    """A folder that becomes ``target`` when the ``with`` ends well; else ``target`` stays as it was.

    Raises ArchscanError where it cannot be written, or ``target`` holds anything that no site of ours had.
    """
    where = target.resolve()
    refuse(where)
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{where.name[:100]}.", suffix=".part", dir=where.parent))
    except OSError as error:
        raise ArchscanError(f"{target}: cannot be written: {error.strerror}") from error
    try:
        yield Folder(part)
        part.chmod(where.stat().st_mode & 0o777 if where.exists() else 0o755)
        refuse(where)  # it took a while
        _exchange(part, where)
    except OSError as error:
        raise ArchscanError(f"{target}: cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _exchange(part: Path, where: Path) -> None:
    if not where.exists():
        part.rename(where)
        return
    old = part.with_name(f"{part.name}.old")
    where.rename(old)
    try:
        part.rename(where)
    except OSError:
        old.rename(where)
        raise
    shutil.rmtree(old)


def refuse(where: Path) -> None:
    """Raise ArchscanError where there is something that is neither an empty folder nor a site of ours alone."""
    if not where.exists():
        return
    if not where.is_dir():
        raise ArchscanError(f"{where}: is no folder; give one that is new or empty, or an earlier site")
    try:
        if not any(where.iterdir()):
            return
        manifest = json.loads((where / MANIFEST).read_bytes())
        files = int(manifest["files"]) if manifest["schema"] == SCHEMA else -1
    except (OSError, ValueError, KeyError, TypeError):
        files = -1
    if files < 0:
        raise ArchscanError(f"{where}: holds other files than a site; give a folder that is new, empty or an old site")
    found = sum(1 for path in where.rglob("*") if path.is_symlink() or not path.is_dir())
    if found != files + 1:
        raise ArchscanError(
            f"{where}: holds {found:,} files where its site has {files + 1:,}; move away what is not of the site"
        )
