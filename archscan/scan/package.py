"""One package in its disposable process: from a file to facts, each said as soon as it is found."""

from __future__ import annotations

import contextlib
import itertools
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

import msgspec

from archscan import deb, elf, pool
from archscan.crypto import constants
from archscan.crypto.catalogue import Catalogue
from archscan.deb import liblzma
from archscan.deb.candidates import Candidates
from archscan.deb.contents import ElfBytes, content, elf_objects
from archscan.deb.members import Member
from archscan.deb.overrides import is_override_file, is_packed, overrides, unpacked
from archscan.deb.path_key import path_key
from archscan.elf import embedded as copies
from archscan.elf.embedded import Library
from archscan.errors import DebError, ElfError, InputError, LimitError
from archscan.files import Book, is_noteworthy, is_worth_a_row, scripts
from archscan.files.control import privileges
from archscan.model import (
    Begin,
    End,
    File,
    FileFacts,
    FileKind,
    Job,
    Limits,
    Message,
    Override,
    PrivilegeSource,
    Problem,
    ProblemKind,
    Stage,
    Unread,
    UnreadReason,
    escape,
)
from archscan.scan import objects
from archscan.scan.files import FileReader
from archscan.scan.objects import LONGEST_NAME
from archscan.scan.remaining import Remaining

Send = Callable[[Message], None]
_MOST_LINKS = 40  # path_resolution(7)
_EVERY_PATH = Candidates()
_MOST_OVERRIDES = 20_000  # lines; the longest file has some hundreds
_PROGRAM_FOLDER = re.compile(r"^(?:usr/(?:local/)?|opt/.+/)?(?:s?bin|lib\w*|games)/")
_SET_ID = {0o4000: "setuid", 0o2000: "setgid"}


def prepare(book: Book | None = None, embedded: Sequence[Library] = ()) -> None:
    """What every child needs, imported and used once before they are forked: what is used first costs most.

    The searches for what scripts say and what objects hold are made here, as no child may.
    """
    import zstandard  # noqa: F401

    from archscan.elf import lief_reader, pyelftools_reader  # noqa: F401

    if book:
        scripts.prepare(book)
    copies.prepare(tuple(embedded))
    liblzma.newer()
    constants.prepare()
    with contextlib.suppress(ElfError, OSError):  # any object of this machine will do; this one is there
        elf.facts(Path(msgspec._core.__file__).read_bytes(), elf.Place("", "", "", None))  # noqa: SLF001


def read_package(
    job: Job, file: BufferedReader, limits: Limits, send: Send, *, catalogue: Catalogue, exports: elf.Exports,
    candidates: Candidates = _EVERY_PATH, book: Book | None = None, embedded: Sequence[Library] = (),
) -> None:  # fmt: skip
    """Say everything about one package: its control file, then each member that facts are about.

    What cannot be among the ``candidates`` is not unpacked; without any, everything is. With a ``book``
    about scripts it is also said what files say that are no ELF objects. ``embedded``: libraries whose copies are told.
    """
    try:
        files = FileReader(limits, job.passed_over, book) if book else None
        for message in _package_facts(
            file, job, limits, catalogue, exports=exports, candidates=candidates, files=files, embedded=embedded
        ):
            send(message)
    except InputError as error:
        send(Problem(stage=Stage(error.stage), kind=ProblemKind(error.kind), message=escape(str(error))))
    except OSError as error:
        send(Problem(stage=Stage.SOURCE, kind=ProblemKind.UNREADABLE, message=f"cannot be read: {error.strerror}"))


def _package_facts(
    file: BufferedReader,
    job: Job,
    limits: Limits,
    catalogue: Catalogue,
    *,
    exports: elf.Exports,
    candidates: Candidates,
    files: FileReader | None,
    embedded: Sequence[Library],
) -> Iterator[Message]:
    """The package, its members that facts are about, and the end."""
    opened = deb.open_deb(file, limits)
    yield opened.package
    if files:
        yield from files.control(opened)
    granted = privileges.granted(opened.control)
    # Which files get modes from scripts is only known of those that are met, so then the package must be unpacked.
    trusted = not granted and not privileges.may_grant(opened.control)
    remaining = Remaining(deb.listed(opened, candidates) if trusted else None, whole=files is not None)
    if remaining.none():
        yield Unread(reason=UnreadReason.NO_CANDIDATES)
        yield End(built=_date(opened.modified))
        return
    reader = _Reader(opened, granted, limits, catalogue, exports=exports, passed_over=job.passed_over, files=files,
                     embedded=embedded)  # fmt: skip
    try:
        for member in deb.data_members(file, opened, limits):
            for message in reader.member_facts(member):
                remaining.said(message)
                yield message
            remaining.met(member)
            if remaining.none():
                yield Unread(reason=UnreadReason.NO_MORE_CANDIDATES)
                break
    except InputError as error:
        error.stage = Stage.DATA.value  # also where the content of a member breaks off
        yield from reader.rest()
        raise
    yield from reader.rest()
    yield End(built=_date(reader.newest))


def _date(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds > 0 else None
    except (OverflowError, ValueError, OSError):
        return None


class _Reader:
    """What must be remembered from member to member of one package."""

    def __init__(
        self, opened: deb.Deb, granted: Mapping[str, frozenset[str]], limits: Limits, catalogue: Catalogue, *,
        exports: elf.Exports, passed_over: Sequence[str], files: FileReader | None, embedded: Sequence[Library],
    ) -> None:  # fmt: skip
        self._package = opened.package
        self._limits = limits
        self._catalogue = catalogue
        self._exports = exports
        self._passed_over = passed_over
        self._files = files
        self._embedded = tuple(embedded)
        # Since the merge of /usr, a script may say /bin/ping of what lies in usr/bin (or the other way round).
        self._granted: dict[str, tuple[str, frozenset[str]]] = {}
        for path, given in granted.items():
            _, also = self._granted.get(_merged(path), ("", frozenset()))
            self._granted[_merged(path)] = (path, given | also)
        self._elf_files: set[str] = set()
        self._symlinks: dict[str, tuple[Member, str]] = {}
        self._overrides: dict[bool, tuple[Override, ...]] = {}  # of the compressed file, and of the plain one
        self._objects = 0
        self._noteworthy = 0
        self.newest = opened.modified

    def member_facts(self, member: Member) -> Iterator[Message]:
        """The facts about one member; links to files that are not known yet wait for ``rest``."""
        self.newest = max(self.newest, member.modified)
        if member.longest > LONGEST_NAME:
            text = f"a member with a name or link of {member.longest} characters; at most {LONGEST_NAME} are kept"
            yield Problem(stage=Stage.DATA, kind=ProblemKind.LIMIT, message=text)
            return
        if self._files:
            self._files.met(member)
        if member.type == "regular":
            yield from self._regular(member)
        elif member.type == "hardlink":
            known = (member.link or "") in self._elf_files
            yield from self._file(member, FileKind.HARDLINK, wanted=known or self._is_noteworthy(member))
            if known:
                self._elf_files.add(member.name)
        elif member.type == "symlink" and member.link:
            self._symlinks[_merged(member.name)] = (member, _merged(_target(member.name, member.link)))
        elif member.type == "directory":
            self._granted.pop(_merged(member.name), None)  # there, set-group-id only says whose the new files are
            yield from self._file(member, FileKind.OTHER, wanted=self._is_noteworthy(member))
        elif member.type == "sparse":
            text = f"a sparse member of {member.size} bytes; dpkg does not unpack such, and neither do we"
            yield Problem(stage=Stage.DATA, kind=ProblemKind.UNSUPPORTED, message=text, path=member.name)
        else:
            yield from self._file(member, FileKind.OTHER, wanted=self._is_noteworthy(member))

    def _said(self, said: Iterator[Message], member: Member, kind: FileKind, *, wanted: bool) -> Iterator[Message]:
        """What a file says, behind the row that it hangs on; what is kept anyhow has its row before it is read."""
        has_row = False
        for row in self._file(member, kind, wanted=wanted):
            has_row = True
            yield row
        for message in said:
            if isinstance(message, FileFacts) and not has_row:
                yield from self._file(member, kind, wanted=is_worth_a_row(message))
            yield message

    def _is_noteworthy(self, member: Member) -> bool:
        """Whether the member is kept for what it is, as long as there are not too many of these."""
        if self._files is None:
            return False
        if not is_noteworthy(member.name, member.type, member.mode, member.owner, member.group):
            return False
        self._noteworthy += 1
        return self._noteworthy <= self._limits.kept_files

    def rest(self) -> Iterator[Message]:
        """Lintian overrides, symbolic links to ELF objects, and privileges given to what is not in the package."""
        yield from self._overrides.get(False, self._overrides.get(True, ()))
        objects = {_merged(path) for path in self._elf_files}
        for member, target in self._symlinks.values():
            wanted = self._end_of_chain(target) in objects or self._is_noteworthy(member)
            yield from self._file(member, FileKind.SYMLINK, wanted=wanted)
        for path, given in sorted(self._granted.values()):
            if given == {"setgid"} and not _PROGRAM_FOLDER.search(path):
                continue  # a directory that something else makes
            yield File(
                path=path,
                path_key=path_key(path, self._package.version),
                kind=FileKind.OTHER,
                privilege=" ".join(sorted(given)),
                privilege_source=PrivilegeSource.POSTINST,
            )
        if self._files:
            yield self._files.contents()
        if self._noteworthy > self._limits.kept_files:
            text = (
                f"{self._noteworthy} files would be kept for what they are, such as programs; "
                f"the limit is {self._limits.kept_files} (kept_files)"
            )
            yield Problem(stage=Stage.DATA, kind=ProblemKind.LIMIT, message=text)

    def _end_of_chain(self, path: str) -> str:
        """What a path means when the package's symbolic links are followed, as many as the kernel would."""
        for _ in range(_MOST_LINKS):
            if path not in self._symlinks:
                break
            path = self._symlinks[path][1]
        return path

    def _regular(self, member: Member) -> Iterator[Message]:
        found = content(member)
        wanted = found.kind != FileKind.REGULAR or self._is_noteworthy(member)
        is_override = found.kind == FileKind.REGULAR and is_override_file(member.name, self._package.name)
        parser = self._files.parser(member, found) if self._files and not is_override else None
        if self._files and parser:
            # An archive that is looked into is none of those that are said not to be.
            said = self._files.said(member, found, parser)
            yield from self._said(said, member, FileKind.REGULAR, wanted=wanted)
            return
        yield from self._file(member, found.kind, wanted=wanted)
        if is_override:
            yield from self._read_overrides(member, found.head)
            return
        if found.kind not in (FileKind.ELF, FileKind.STATIC_ARCHIVE):
            return
        self._elf_files.add(member.name)
        if member.size > self._limits.member_bytes:
            text = f"{member.size} bytes; the limit for one member is {self._limits.member_bytes} (member_bytes)"
            yield Problem(stage=Stage.DATA, kind=ProblemKind.LIMIT, message=text, path=member.name)
            return
        data = member.read(member.size - len(found.head), found.head)
        try:
            for one in elf_objects(member.name, found.kind, data, self._limits):
                yield from self._object(one, member.name)
        except InputError as error:
            yield Problem(stage=Stage.DATA, kind=ProblemKind(error.kind), message=escape(str(error)), path=member.name)

    def _read_overrides(self, member: Member, head: bytes) -> Iterator[Problem]:
        """Remember what the file says: where a tar archive names it twice, the last one wins (dpkg)."""
        packed = is_packed(member.name)
        self._overrides[packed] = ()
        if member.size > self._limits.override_bytes:
            text = f"{member.size} bytes; the limit is {self._limits.override_bytes} (override_bytes)"
            yield Problem(stage=Stage.DATA, kind=ProblemKind.LIMIT, message=text, path=member.name)
            return
        content = member.read(member.size - len(head), head)
        try:
            plain = unpacked(content, self._limits.override_bytes) if packed else content
        except DebError as error:
            yield Problem(stage=Stage.DATA, kind=ProblemKind(error.kind), message=escape(str(error)), path=member.name)
            return
        said = overrides(plain, self._package.name, self._package.architecture)
        self._overrides[packed] = tuple(itertools.islice(said, _MOST_OVERRIDES))
        if next(said, None):
            text = f"more than {_MOST_OVERRIDES} lintian overrides"
            yield Problem(stage=Stage.DATA, kind=ProblemKind.LIMIT, message=text, path=member.name)

    def _object(self, one: ElfBytes, file_path: str) -> Iterator[Message]:
        self._objects += 1
        if self._objects > self._limits.elf_objects:
            raise LimitError("elf_objects", f"more than {self._limits.elf_objects} ELF objects")
        if one.path in self._passed_over:
            yield pool.passed_over(one.path)
            return
        yield Begin(path=one.path)
        key = path_key(one.path, self._package.version)
        place = elf.Place(one.path, key, file_path, self._package.architecture)
        try:
            facts = objects.object_facts(one.data, place, self._catalogue, exports=self._exports, limits=self._limits)
            yield objects.with_copies_of(facts, one.data, self._embedded)
        except InputError as error:
            yield Problem(stage=Stage.ELF, kind=ProblemKind(error.kind), message=escape(str(error)), path=one.path)

    def _file(self, member: Member, kind: FileKind, *, wanted: bool) -> Iterator[File]:
        """The member as a file, if facts are about it or it has a privilege."""
        privilege, source = self._privilege(member)
        if not wanted and not privilege:
            return
        yield File(
            path=member.name,
            path_key=path_key(member.name, self._package.version),
            mode=member.mode,
            owner=member.owner,
            group=member.group,
            size=member.size,
            kind=kind,
            link=member.link,
            privilege=privilege,
            privilege_source=source,
        )

    def _privilege(self, member: Member) -> tuple[str | None, PrivilegeSource | None]:
        """What the member is allowed beyond its caller, and the first place that says so."""
        found: set[str] = set()
        source: PrivilegeSource | None = None
        if member.type in ("regular", "hardlink"):
            found |= {name for bit, name in _SET_ID.items() if member.mode & bit}
            source = PrivilegeSource.TAR if found else None
            if member.capabilities:
                found.add(member.capabilities)
                source = source or PrivilegeSource.PAX
            _, granted = self._granted.pop(_merged(member.name), ("", frozenset()))
            if granted:
                found |= granted
                source = source or PrivilegeSource.POSTINST
        return (" ".join(sorted(found)), source) if found else (None, None)


def _merged(path: str) -> str:
    return path.removeprefix("usr/") if path.startswith(("usr/bin/", "usr/sbin/", "usr/lib")) else path


def _target(path: str, link: str) -> str:
    """The path in the package that a symbolic link at ``path`` means."""
    if link.startswith("/"):
        return posixpath.normpath(link).lstrip("/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
