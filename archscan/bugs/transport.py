"""Ways out: what takes a mail, and what is known afterwards about whether it has it.

Each says one of three things, on which it depends that no bug is sent twice: it left; it did not, for sure; or nobody
knows (``Doubt``), as where a server is gone after it had everything and before it said so.
"""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from archscan.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SENDMAIL_SECONDS = 120


class NotSentError(BugError):
    """The mail did not leave, for sure; another one may. ``final``: this one never will."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class StoppedError(BugError):
    """The mail did not leave, for sure, and no other one would now."""


class DoubtError(BugError):
    """Nobody knows whether the mail left."""


class Outgoing(msgspec.Struct, frozen=True):
    """A mail as it goes out: its bytes with CR LF, and the envelope; ``to`` is empty where only a file is written."""

    data: bytes
    from_: str
    to: str
    message_id: str


class Transport(Protocol):
    """What takes mails."""

    @property
    def name(self) -> str:
        """What it is called in histories: the kind, and where."""

    @property
    def paced(self) -> bool:
        """Whether people receive what it takes at once, so that there are pauses."""

    def send(self, mail: Outgoing, /) -> str:
        """What the other side says of a mail that left. Raises NotSentError, StoppedError or DoubtError."""

    def has(self, mail: Outgoing, /) -> bool | None:
        """Whether a mail left that was on its way when a process was killed; None where that cannot be told."""


class Mbox:
    """A file that mails are added to (mbox(5), mboxrd), for another program to send."""

    paced = False

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.name = f"mbox {self.path}"

    def send(self, mail: Outgoing, /) -> str:
        """Add a mail, so that it is in the file whole when this returns."""
        try:
            with self.path.open("ab") as file, _locked(file.fileno()):
                file.write(_entry(mail))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DoubtError(f"{self.path}: cannot be written: {error.strerror}") from error
        return f"written to {self.path}"

    def has(self, mail: Outgoing, /) -> bool | None:
        """True where the file has all of it; what a killed process wrote of it is cut off."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return None
        entry = _entry(mail)
        if entry in content:
            return True
        written = _torn(content, entry)
        if not written:
            return None
        os.truncate(self.path, len(content) - written)
        return False


def _entry(mail: Outgoing) -> bytes:
    return f"From {mail.from_} {time.asctime(time.gmtime(0))}\n".encode() + _quoted(mail.data) + b"\n"


def _quoted(data: bytes) -> bytes:
    """A mail as an mbox has it: plain line ends, and lines that would begin another mail quoted."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    text = b"\n".join(b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in lines)
    return text if text.endswith(b"\n") else text + b"\n"


def _torn(content: bytes, entry: bytes) -> int:
    """How many bytes of an entry a file ends with, behind whole ones; 0 where it ends with none."""
    start = max(0, len(content) - len(entry))
    while start < len(content):
        if (start == 0 or content[start - 2 : start] == b"\n\n") and entry.startswith(content[start:]):
            return len(content) - start
        after = content.find(b"\n\n", max(0, start - 1))
        if after < 0:
            return 0
        start = after + 2
    return 0


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    import fcntl

    fcntl.lockf(descriptor, fcntl.LOCK_EX)
    yield


class Folder:
    """A folder that gets a file for each mail, which somebody signs and sends, or pastes."""

    paced = False

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.name = f"eml {self.path}"

    def place(self, message_id: str) -> Path:
        """The file of a mail."""
        return self.path / f"{message_id.strip('<>').partition('@')[0]}.eml"

    def send(self, mail: Outgoing, /) -> str:
        """Write a mail to a file of its own, which is there whole or not at all."""
        place = self.place(mail.message_id)
        part = place.with_suffix(".part")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(mail.data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(place)
        except OSError as error:
            raise StoppedError(f"{place}: cannot be written: {error.strerror}") from error
        return f"written to {place}"

    def has(self, mail: Outgoing, /) -> bool | None:
        """True where the file is there; whether one was there and is sent, nobody knows."""
        try:
            return True if self.place(mail.message_id).read_bytes() == mail.data else None
        except OSError:
            return None


class Sendmail:
    """The program of this machine's mail server."""

    paced = True

    def __init__(self, program: Path) -> None:
        self.program = program
        self.name = f"sendmail {program}"

    def send(self, mail: Outgoing, /) -> str:
        """Hand a mail over; the program says by its exit code whether it took it (sysexits.h)."""
        command = [str(self.program), "-i", "-f", mail.from_, "--", mail.to]
        try:
            done = subprocess.run(  # noqa: S603 - the user's own program, and addresses that were checked
                command,
                input=mail.data.replace(b"\r\n", b"\n"),
                capture_output=True,
                timeout=_SENDMAIL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DoubtError(f"{self.program}: took more than {_SENDMAIL_SECONDS} seconds") from error
        except OSError as error:
            raise StoppedError(f"{self.program}: cannot be run: {error.strerror}") from error
        said = done.stderr.decode("utf-8", "replace").strip()[:300]
        if done.returncode < 0:
            raise DoubtError(f"{self.program}: was killed by signal {-done.returncode}")
        if done.returncode:
            raise StoppedError(f"{self.program}: exit code {done.returncode}: {said}")
        return f"taken by {self.program}"

    def has(self, _mail: Outgoing, /) -> bool | None:
        """Nobody knows."""
        return None
