"""What files of one package say that are no ELF objects, and the list of all its paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archscan import deb, files, pool
from archscan.deb.contents import Content
from archscan.deb.members import Member
from archscan.files import Book, Parser
from archscan.model import Begin, Contents, File, FileKind, Limits, Message, Problem, ProblemKind, Stage

CONTROL = "DEBIAN/"
"""Where the files of the control archive stand among a package's files, as dpkg-deb --raw-extract puts them."""


class FileReader:
    """What must be remembered from member to member of one package."""

    def __init__(self, limits: Limits, passed_over: Sequence[str], book: Book) -> None:
        self._book = book
        self._limits = limits
        self._passed_over = passed_over
        self._paths: list[str] = []

    def met(self, member: Member) -> None:
        """Take note of a member, whatever it is."""
        self._paths.append(member.name)

    def contents(self) -> Contents:
        """Every path that was met."""
        return Contents(members=len(self._paths), paths=tuple(self._paths))

    def control(self, opened: deb.Deb) -> Iterator[Message]:
        """The files of the control archive that say something, each with its row."""
        for name, data in opened.control.items():
            path = f"{CONTROL}{name}"
            parser = files.placed(path)
            if parser and data and path not in self._passed_over:
                yield Begin(path=path)
                yield File(path=path, path_key=path, size=len(data), kind=FileKind.REGULAR)
                yield files.said(path, data, parser, self._book)

    def parser(self, member: Member, content: Content) -> Parser | None:
        """What reads the regular member; None where nothing does."""
        is_archive = content.kind == FileKind.ARCHIVE
        if is_archive and (not files.is_opened(member.name) or member.size > self._limits.file_bytes):
            return None  # a nested archive, and said so
        if not is_archive and content.kind != FileKind.REGULAR:
            return None
        return files.parser(member.name, content.head, member.size)

    def said(self, member: Member, content: Content, parser: Parser) -> Iterator[Message]:
        """What the member says, with its place, so that a crash can be told."""
        if member.name in self._passed_over:
            yield pool.passed_over(member.name)
            return
        if member.size > self._limits.file_bytes:
            text = f"{member.size} bytes; the limit is {self._limits.file_bytes} (file_bytes)"
            yield Problem(stage=Stage.DATA, kind=ProblemKind.LIMIT, message=text, path=member.name)
            return
        data = member.read(member.size - len(content.head), content.head)
        yield Begin(path=member.name)
        yield files.said(member.name, data, parser, self._book)
