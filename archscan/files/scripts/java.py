"""Cryptography in Java class files and jars: who is told which algorithm, as the code shows."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import TYPE_CHECKING

import msgspec

from archscan.files.scripts import bytecode
from archscan.files.scripts.book import chosen, entries, speaks
from archscan.files.scripts.classfile import ClassError, ClassFile
from archscan.files.scripts.uses import MOST, Mention, crypto_uses
from archscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archscan.files.scripts.book import Book, Language
    from archscan.files.scripts.bytecode import Invocation
    from archscan.files.scripts.classfile import Method
    from archscan.model import CryptoUse

_MOST_MEMBERS = 20_000
_LARGEST_MEMBER = 1 << 20
_LARGEST = 64 << 20  # bytes of all members
_LARGEST_RATIO = 100  # honest classes are packed to a third or so
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_WORD = re.compile(r"[A-Z0-9]")
_MOST_SEEN = 64
# What zipfile raises for archives that are damaged; it has an error of its own, and NotImplementedError, for ways of
# packing that it does not know, and RuntimeError for encrypted members.
_DAMAGED = (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zlib.error)


def uses(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    """The uses of a class file, or of all class files of a jar, and of the jars in it."""
    found: dict[CryptoUse, None] = {}
    classes = _classes(data) if data[:2] == b"PK" else iter((data,))
    for one in classes:
        if speaks(book, "java", one):
            found |= dict.fromkeys(_of_class(book, language, one))
        if len(found) >= MOST:
            break
    return tuple(found)[:MOST]


def _classes(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The class files of a jar, those of jars in it as well, without what is damaged, packed otherwise, or a bomb."""
    left = _LARGEST
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as jar:
            for member in jar.infolist()[:_MOST_MEMBERS]:
                name = member.filename.lower()
                inner = name.endswith((".jar", ".war")) and not depth
                if not (inner or name.endswith(".class")) or not _is_fit(member):
                    continue
                content = _content(jar, member)
                left -= len(content)
                if left < 0:
                    return
                if inner:
                    yield from _classes(content, depth + 1)
                else:
                    yield content
    except _DAMAGED:
        return


def _is_fit(member: zipfile.ZipInfo) -> bool:
    limit = _LARGEST_MEMBER if member.filename.lower().endswith(".class") else 4 * _LARGEST_MEMBER
    return (
        member.compress_type in _PLAIN
        and 0 < member.file_size <= limit
        and member.file_size <= _LARGEST_RATIO * max(member.compress_size, 1)
        and not member.flag_bits & 1  # encrypted
    )


def _content(jar: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member's bytes, nothing where it is damaged."""
    try:
        with jar.open(member) as opened:
            return opened.read(member.file_size)
    except _DAMAGED:
        return b""


def _of_class(book: Book, language: Language, data: bytes) -> tuple[CryptoUse, ...]:
    try:
        file = ClassFile(data)
    except ClassError:
        return ()
    mentions: list[Mention] = []
    unknown: list[Mention] = []
    told: set[str] = set()
    for method in file.methods:
        for mention in _mentions(language, file, method):
            if any(mention.arguments) or not _asks(language, mention):
                mentions.append(mention)
                told.update(one for one in mention.arguments if isinstance(one, str))
            else:
                unknown.append(mention)
    for mention in unknown[:_MOST_SEEN]:
        mentions += _by_constants(book, language, file, mention, told)
    return crypto_uses(book, language, mentions)


def _asks(language: Language, mention: Mention) -> bool:
    return any(entry.selector for entry in entries(language, mention.name)[1])


def _mentions(language: Language, file: ClassFile, method: Method) -> Iterator[Mention]:
    """The calls of a method that the book knows."""
    calls = list(bytecode.invocations(file, method))
    found = [one for one in calls if entries(language, _name(one))[1] and not _is_own(file, one)]
    if not found:
        return
    simple = file.name.rpartition(".")[2]
    strings = tuple(dict.fromkeys(bytecode.texts(file, method)))
    names = tuple(dict.fromkeys(one.what.name if one.what.name != "<init>" else one.what.owner.rpartition(".")[2]
                                for one in calls))  # fmt: skip
    for one in found:
        near = [f"in {part}" for part in (*simple.split("$"), method.name) if part]
        near += [f"as {one.kept_as}"] if one.kept_as else []
        yield Mention(
            name=_name(one),
            line=one.line,
            arguments=one.arguments,
            function=f"{file.name}.{method.name}",
            near=tuple(near),
            far=strings[:_MOST_SEEN],
            calls=names[:_MOST_SEEN],
            sure=Confidence.LIKELY if one.followed else Confidence.CERTAIN,
        )


def _name(one: Invocation) -> str:
    return one.what.owner if one.what.name == "<init>" else f"{one.what.owner}.{one.what.name}"


def _is_own(file: ClassFile, one: Invocation) -> bool:
    """Whether a class calls its own library: what that offers is not what it uses."""
    return one.what.owner.split(".")[:3] == file.name.split(".")[:3]


def _by_constants(
    book: Book, language: Language, file: ClassFile, mention: Mention, told: set[str]
) -> Iterator[Mention]:
    """A call whose algorithm comes from elsewhere, with each one that a string of the class names."""
    entry = next((one for one in entries(language, mention.name)[1] if one.selector), None)
    if entry is None or entry.selector is None:
        return
    selector = book.selectors[entry.selector]
    named = [text for text in dict.fromkeys(file.strings())
             if text not in told and _WORD.search(text) and chosen(selector, text)]  # fmt: skip
    sure = Confidence.LIKELY if len(named) == 1 else Confidence.POSSIBLE
    for text in named[:_MOST_SEEN]:
        arguments = tuple(text if place in entry.arguments else None for place in range(max(entry.arguments) + 1))
        yield msgspec.structs.replace(mention, arguments=arguments, sure=sure)
