"""What is known before any package is read: the data that decide which facts a scan finds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from archscan.crypto.catalogue import Catalogue, load_all
from archscan.deb.candidates import Kind, digest_of, load_kinds
from archscan.elf.embedded import Library, load_embedded
from archscan.files import Book, load_book


class Knowledge(msgspec.Struct, frozen=True):
    """Functions of crypto libraries, where facts can stand, what names mean in scripts, how copies are known."""

    catalogue: Catalogue
    kinds: Mapping[str, Kind]
    book: Book
    embedded: tuple[Library, ...]


def load_knowledge(directories: Sequence[Path]) -> Knowledge:
    """The data in folders with rules, ours first. Raises RuleError, naming file, key and what was expected."""
    return Knowledge(load_all(directories), load_kinds(directories), load_book(directories), load_embedded(directories))


def version_of(knowledge: Knowledge) -> str:
    """Changes with whatever changes facts: the catalogue's digest and that of the rest, in hexadecimal digits."""
    copies = [msgspec.structs.astuple(one) for one in knowledge.embedded]
    said = [digest_of(knowledge.kinds), knowledge.book.digest, copies]
    rest = hashlib.sha256(msgspec.json.encode(said)).hexdigest()
    return f"{knowledge.catalogue.digest[:12]}-{rest[:8]}"
