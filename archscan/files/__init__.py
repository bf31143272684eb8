"""Files of a package that are no ELF objects: configuration, services and scripts in, facts out."""

from __future__ import annotations

from archscan.files.noteworthy import is_noteworthy, is_program
from archscan.files.places import Parser, placed
from archscan.model import FileFacts

__all__ = ["Parser", "is_noteworthy", "is_program", "is_worth_a_row", "parser"]

_SAID = ("directives", "services", "profiles", "commands", "uses", "endpoints", "keys", "script")
_BY_CONTENT = ("text", "python", "perl", "php", "ruby", "shell", "java")
"""Words for files that are looked for everywhere; of these there are many, and few say anything."""


def parser(path: str, head: bytes) -> Parser | None:
    """What reads a file, by its path in the package (without a slash in front) and first bytes; None: nothing does."""
    return placed(path) if head else None


def is_worth_a_row(facts: FileFacts) -> bool:
    """Whether a file is kept for what it says; a configuration file is also where it says nothing."""
    return facts.what not in _BY_CONTENT or any(getattr(facts, name) for name in _SAID)
