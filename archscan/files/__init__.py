"""Files of a package that are no ELF objects: configuration, services and scripts in, facts out."""

from __future__ import annotations

import re

import msgspec

from archscan.files import scripts
from archscan.files.endpoints import endpoints, in_place
from archscan.files.keys import certificate_uses, keys
from archscan.files.noteworthy import is_noteworthy
from archscan.files.parser import Parser
from archscan.files.places import placed
from archscan.files.scripts import Book, load_book, prepare
from archscan.model import FileFacts

__all__ = [
    "Book",
    "Parser",
    "is_noteworthy",
    "is_opened",
    "is_worth_a_row",
    "load_book",
    "parser",
    "placed",
    "prepare",
    "said",
]

_SAID = ("directives", "services", "profiles", "commands", "uses", "endpoints", "keys", "script")
_BY_CONTENT = ("text", "python", "perl", "php", "ruby", "shell", "java")
"""Words for files that are looked for everywhere; of these there are many, and few say anything."""
# What is read by people or shows pictures and sound to them: neither a key nor an address there is used.
_FOR_PEOPLE = re.compile(
    r"usr/(?:local/)?share/(?:doc|doc-base|man|info|locale|fonts|icons|help|gtk-doc|gnome/help|pixmaps|sounds|themes|i18n"
    r"|wallpapers|backgrounds|mime|metainfo|appdata|zoneinfo|lintian)/.*"
)
_HEAD = 256  # bytes: of a script the kernel reads no more to find its interpreter
_LARGEST_TEXT = 1 << 20  # bytes of a file that is only looked at for keys and addresses


def parser(path: str, head: bytes, size: int) -> Parser | None:
    """What reads a file, by its path in the package (without a slash in front), first bytes and size in bytes.

    None where nothing does.
    """
    if not head:
        return None
    found = placed(path)
    if found or _FOR_PEOPLE.match(path):
        return found
    is_script = head.startswith(b"#!") or scripts.language(path, b"") is not None
    return text if is_script or size <= _LARGEST_TEXT else None


def is_opened(path: str) -> bool:
    """Whether the archive at the path is one that is looked into."""
    return scripts.language(path, b"") == "java"


def text(path: str, data: bytes) -> FileFacts:
    """A file of which nothing is known but that it may be a script, or hold keys and addresses."""
    return FileFacts(path=path, what="text", interpreter=scripts.interpreter(data[:_HEAD]))


def said(path: str, data: bytes, parser: Parser, book: Book) -> FileFacts:
    """What the file says to its parser, what it does with cryptography as a script, its keys and its addresses."""
    facts = parser(path, data)
    script = scripts.facts(book, path, data)
    if script and facts.what == "text":
        facts = script
    elif script:
        facts = msgspec.structs.replace(facts, uses=facts.uses + script.uses, interpreter=script.interpreter)
    is_plain = facts.what not in (*_BY_CONTENT, "debconf") or in_place(path, data)  # templates are for people
    return msgspec.structs.replace(
        facts,
        keys=keys(data),
        uses=facts.uses + certificate_uses(data),
        endpoints=endpoints(data) if is_plain else (),
    )


def is_worth_a_row(facts: FileFacts) -> bool:
    """Whether a file is kept; a configuration file and a script with ``#!`` also are where they say nothing."""
    return facts.what not in _BY_CONTENT or facts.interpreter is not None or any(getattr(facts, name) for name in _SAID)
