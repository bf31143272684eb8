"""Every value that travels between the rooms of archscan: frozen, typed, without behaviour.

A package is read in a disposable process that hostile input may have taken over, so what comes back is never
pickle but MessagePack, decoded into the bounded Structs below. All text in them is *escaped* (see ``escape``):
valid UTF-8 without control or bidirectional characters, and exactly reversible.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from archscan.model.archive import Index, Published, SourceEntry
from archscan.model.asked import Identity, Job, Limits
from archscan.model.crypto import CallSite, CryptoUse
from archscan.model.debug import Asked, CompileUnit, Confirmation, DebugInfo, SourceLine
from archscan.model.explained import (
    ArgumentPath,
    AskedObject,
    AskedSite,
    Explained,
    Instruction,
    Passage,
    PathStep,
)
from archscan.model.files import (
    Command,
    Contents,
    Directive,
    Endpoint,
    FileFacts,
    Key,
    Listener,
    Profile,
    Script,
    Service,
    ServiceKind,
    Started,
)
from archscan.model.text import Int63, Sha256, Size, Text, escape, inert, unescape
from archscan.model.words import (
    Confidence,
    Context,
    ElfKind,
    FileKind,
    Outcome,
    PackageStatus,
    PrivilegeSource,
    ProblemKind,
    Relro,
    Severity,
    Stage,
    Strength,
    UnreadReason,
    Verdict,
)

__all__ = [
    "ArgumentPath",
    "Asked",
    "AskedObject",
    "AskedSite",
    "Begin",
    "CallSite",
    "Command",
    "CompileUnit",
    "Component",
    "Confidence",
    "Confirmation",
    "Contents",
    "Context",
    "CryptoUse",
    "DebugInfo",
    "Directive",
    "Elf",
    "ElfKind",
    "End",
    "Endpoint",
    "Explained",
    "Export",
    "File",
    "FileFacts",
    "FileKind",
    "Identity",
    "Import",
    "Index",
    "Instruction",
    "Int63",
    "Job",
    "Key",
    "Limits",
    "Listener",
    "Log",
    "Message",
    "Outcome",
    "Override",
    "Package",
    "PackageStatus",
    "Passage",
    "PathStep",
    "PrivilegeSource",
    "Problem",
    "ProblemKind",
    "Profile",
    "Published",
    "Reading",
    "Reason",
    "Relation",
    "Relro",
    "Script",
    "Service",
    "ServiceKind",
    "Severity",
    "Sha256",
    "Site",
    "Size",
    "SourceEntry",
    "SourceLine",
    "Stage",
    "Started",
    "Strength",
    "Text",
    "Unread",
    "UnreadReason",
    "Verdict",
    "escape",
    "inert",
    "unescape",
]

# --- what is found in a package -----------------------------------------------------------------------------


class Relation(msgspec.Struct, frozen=True, array_like=True):
    """One name in a relation field of a control file: ``libc6 (>= 2.36) | musl`` are two."""

    kind: Text
    name: Text
    op: Text | None
    version: Text | None


class Package(msgspec.Struct, frozen=True, kw_only=True, tag="package"):
    """The control file of a package, and the package as a file. ``control`` is JSON with every field."""

    name: Text
    version: Text
    version_key: Text
    architecture: Text | None
    variant: Text | None
    source: Text
    source_version: Text
    control_section: Text | None
    control_priority: Text | None
    essential: bool
    maintainer: Text | None
    installed_size: Size | None  # KiB, as in the control file
    control: Annotated[str, Meta(max_length=16 << 20)]
    relations: tuple[Relation, ...]


class File(msgspec.Struct, frozen=True, kw_only=True, tag="file"):
    """A member of a package that facts are about: an ELF object, a link to one, or something with a privilege."""

    path: Text
    path_key: Text
    mode: int | None = None
    owner: Text | None = None
    group: Text | None = None
    size: Size | None = None
    kind: FileKind
    link: Text | None = None
    privilege: Text | None = None
    privilege_source: PrivilegeSource | None = None


class Override(msgspec.Struct, frozen=True, kw_only=True, tag="override"):
    """A line of the package's lintian overrides: the maintainer's word on a tag, with the comment that explains it."""

    line: Size
    tag: Text
    context: Text  # what of the tag is meant, `*` and `?` being wildcards; empty: all of it
    comment: Text
    architectures: Text  # as written; empty: all
    applies: bool  # whether they name the package's own


class Site(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place that supports a verdict. ``address`` as in the database: ``0x…``, or ``section+0x…``."""

    address: Text | None = None
    name: Text | None = None


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a column of an ELF object says what it says. The codes are listed in docs/reasons.md."""

    code: Text
    text: Text
    counts: Annotated[dict[str, Int63], Meta(max_length=64)] = {}
    sites: Annotated[tuple[Site, ...], Meta(max_length=16)] = ()
    truncated: bool = False


class Import(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An undefined dynamic symbol. ``library`` is the file of its version record, where there is one."""

    symbol: Text
    version: Text | None
    library: Text | None


class Export(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A defined dynamic symbol."""

    symbol: Text
    version: Text | None


class Component(msgspec.Struct, frozen=True, array_like=True):
    """A Go module or Rust crate that was compiled in."""

    ecosystem: Text
    name: Text
    version: Text | None
    evidence: Text


class Elf(msgspec.Struct, frozen=True, kw_only=True, tag="elf"):
    """Everything known about one ELF object. The columns of the table ``elf``, and what hangs on a row of it."""

    path: Text  # of the file; a member of an archive is `libx.a(member.o)`
    path_key: Text
    file_path: Text  # of the member of the package that holds it
    sha256: Sha256
    size: Size
    kind: ElfKind
    machine: Text
    bits: int
    endian: Text
    language: Text
    build_id: Text | None
    soname: Text | None
    interpreter: Text | None
    stripped: bool
    pie: Verdict
    relro: Relro
    bind_now: Verdict
    stack_protector: Verdict
    fortify: Verdict
    nx: Verdict
    stack_clash: Verdict
    ibt_marked: Verdict
    ibt_compiled: Verdict
    shstk_marked: Verdict
    bti_marked: Verdict
    bti_compiled: Verdict
    pac_marked: Verdict
    pac_compiled: Verdict
    separate_code: Verdict
    clang_cfi: Verdict
    safe_stack: Verdict
    glibcxx_assertions: Verdict
    sanitizers: Text | None  # names with blanks between
    textrel: Size
    wx_segments: Size
    rpath: Text | None
    runpath: Text | None
    fortified_calls: Size
    fortifiable_calls: Size
    reasons: Annotated[dict[str, Reason], Meta(max_length=64)]
    needed: tuple[Text, ...] = ()
    imports: tuple[Import, ...] = ()
    exports: tuple[Export, ...] = ()
    components: tuple[Component, ...] = ()
    crypto: tuple[CryptoUse, ...] = ()
    calls: tuple[CallSite, ...] = ()
    lines: tuple[SourceLine, ...] = ()  # of what the rest names, where the object has debug information itself


class Problem(msgspec.Struct, frozen=True, kw_only=True, tag="problem"):
    """Something that could not be read, and why. ``path`` is the member, where the problem is one member's."""

    stage: Stage
    kind: ProblemKind
    message: Text
    path: Text | None = None


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin"):
    """Sent before a member is looked at, so that a crash can be told with its place."""

    path: Text


class Log(msgspec.Struct, frozen=True, kw_only=True, tag="log"):
    """A log record of the disposable process."""

    level: int
    logger: Text
    message: Text
    created: float = 0.0  # seconds since 1970, as it says
    process: int = 0


class Unread(msgspec.Struct, frozen=True, kw_only=True, tag="unread"):
    """Nothing more of the package is unpacked, for it says itself that nothing more can matter."""

    reason: UnreadReason


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """The last message: the package was read to its end. ``built`` is the newest date inside, in UTC (ISO 8601)."""

    built: Text | None = None


Message = (
    Package
    | File
    | FileFacts
    | Contents
    | Override
    | Elf
    | DebugInfo
    | Explained
    | Problem
    | Begin
    | Log
    | Unread
    | End
)
"""What the disposable process says, one MessagePack object each."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that came of one job."""

    job: Job
    identity: Identity | None
    package: Package | None
    files: tuple[File, ...]
    objects: tuple[Elf, ...]
    problems: tuple[Problem, ...]
    built: Text | None
    status: PackageStatus
    seconds: float = 0.0
    unread: UnreadReason | None = None  # why not everything was unpacked
    overrides: tuple[Override, ...] = ()
    file_facts: tuple[FileFacts, ...] = ()  # of files that are no ELF objects
    contents: Contents | None = None  # where files are read
    debug: tuple[DebugInfo, ...] = ()  # of `archscan confirm` only
    explained: tuple[Explained, ...] = ()  # of `archscan explain` only
