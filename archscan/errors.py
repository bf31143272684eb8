"""Every exception that archscan raises on purpose.

::

    ArchscanError                 something the person at the terminal can act on (exit 1)
    ├── UsageError                the command line asks for what does not exist (exit 2)
    ├── NoTargetError             no target matched anything (exit 3)
    ├── StoreError                the database is not ours, locked, read-only, or the disk is full
    ├── RuleError                 a rule, catalogue or data file is wrong: file, key, what was expected
    ├── DecisionError             a decision, or a file of them, is wrong: line, field, what was expected
    ├── BaselineError             a baseline, or a list of reviewed files, is wrong, or what must be in it is not
    ├── BugError                  a bug, campaign or reply is not as it must be, or cannot be sent; nothing left
    ├── QueryError                a saved or free query is wrong or ran too long
    ├── PoolError                 the processes that read packages cannot be made as they must be
    ├── SilenceError              an archive does not answer any more: the rest of a scan waits for another time
    ├── SpoolError                the folder for downloads is full, or nobody may write there
    └── InputError                what was read is not what it should be; becomes a ``Problem``
        ├── SourceError           … where packages come from
        │   └── NoAnswerError     … and nobody says anything
        ├── DebError              … in the container, the control file or a compressed stream
        │   └── LimitError        … a named limit was reached (a bomb, or an honest giant)
        └── ElfError              … in an ELF object

Anything else that escapes is our own bug: a traceback in the log, and a problem of kind ``internal``.
"""

from __future__ import annotations


class ArchscanError(Exception):
    """Something the person at the terminal can act on; its text is one line that says what to do."""

    exit_code = 1


class UsageError(ArchscanError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class NoTargetError(ArchscanError):
    """No target of the command line matched anything."""

    exit_code = 3


class StoreError(ArchscanError):
    """The database cannot be used: not ours, locked, read-only, too new, or the disk is full."""


class RuleError(ArchscanError):
    """A rule, catalogue or other data file is wrong; the text names file, key and what was expected."""


class DecisionError(ArchscanError):
    """A decision about findings, or a file of them, is wrong; the text names line, field and what was expected."""


class BaselineError(ArchscanError):
    """A baseline, or a list of reviewed files, is wrong, or what it must have is not reviewed; names file and line."""


class BugError(ArchscanError):
    """A bug, a campaign or a reply is not as it must be, or may not be sent; the text says what to do."""


class QueryError(ArchscanError):
    """A saved or free query is wrong, wants to write, or ran too long."""


class PoolError(ArchscanError):
    """The processes that read packages cannot be made as they must be; the text says why."""


class SilenceError(ArchscanError):
    """An archive does not answer any more; what is left to do would fail package by package."""


class SpoolError(ArchscanError):
    """Downloads find no room: the folder is ``full``, or it cannot be used at all."""

    def __init__(self, message: str, *, full: bool = False) -> None:
        super().__init__(message)
        self.full = full


class InputError(ArchscanError):
    """What was read is not what it should be. ``kind`` is a ``model.ProblemKind``, ``stage`` a ``model.Stage``."""

    stage = "deb"

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class SourceError(InputError):
    """What a target names is no file that can be read."""

    stage = "source"


class NoAnswerError(SourceError):
    """Nobody says anything about the file, however often it is asked for."""


class DebError(InputError):
    """A .deb container, its control file or one of its compressed streams is damaged or not supported."""


class LimitError(DebError):
    """A named limit was reached while unpacking."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__("limit", message)
        self.limit = limit


class ElfError(InputError):
    """An ELF object is truncated, inconsistent or not supported."""

    stage = "elf"
