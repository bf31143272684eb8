"""Uses of cryptography in scripts and class files: the path and the bytes in, ``FileFacts`` out.

What names mean is data (``rules/scripts``), read once into a ``Book``, which every call is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archscan.files.forms.text import interpreter
from archscan.files.scripts import java, perl, php, python, ruby, shell
from archscan.files.scripts.book import Book, prepare, speaks
from archscan.files.scripts.kinds import language
from archscan.files.scripts.load import load_book
from archscan.model import FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from archscan.files.scripts.book import Language
    from archscan.model import CryptoUse

_USES: dict[str, Callable[[Book, Language, bytes], tuple[CryptoUse, ...]]] = {
    "python": python.uses,
    "perl": perl.uses,
    "php": php.uses,
    "ruby": ruby.uses,
    "shell": shell.uses,
    "java": java.uses,
}

__all__ = ["Book", "facts", "interpreter", "language", "load_book", "prepare"]

_HEAD = 256


def facts(book: Book, path: str, data: bytes) -> FileFacts | None:
    """What a script says of cryptography; None where the file is no script in a language of the book.

    ``path`` is escaped, ``data`` the whole file. What cannot be read as its language gives no uses, and never an error.
    """
    head = data[:_HEAD]
    name = language(path, head)
    known = book.languages.get(name) if name else None
    if name is None or known is None:
        return None
    return FileFacts(
        path=path,
        what=name,
        interpreter=interpreter(head),
        uses=_USES[name](book, known, data) if name == "java" or speaks(book, name, data) else (),
    )
