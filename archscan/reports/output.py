"""Where a report goes: standard output, or a file that is either the whole new report or the old one."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archscan.errors import ArchscanError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


@contextmanager
def replaced(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text stream whose content becomes ``path`` when the ``with`` ends well; else ``path`` stays as it was.

    A device or pipe (``/dev/stdout``) is written directly. Raises ArchscanError when the file cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            return
        target = path.resolve()  # a symbolic link stays one
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.", suffix=".part")
    except OSError as error:
        raise ArchscanError(f"{path}: cannot be written: {error.strerror}") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        part.replace(target)
    except OSError as error:
        raise ArchscanError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def standard_output(*, exact: bool) -> TextIO:
    """Standard output: for programs (``exact``) in UTF-8, for people with escapes for what it cannot show."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        if exact:
            sys.stdout.reconfigure(encoding="utf-8")
        else:
            sys.stdout.reconfigure(errors="backslashreplace")
    return sys.stdout


def _umask() -> int:
    # There is no way to read it but to set it; the process has one thread here.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
