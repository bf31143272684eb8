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
from archscan.model.text import Int63, Sha256, Size, Text, escape, unescape
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
    "CompileUnit",
    "Component",
    "Confidence",
    "Confirmation",
    "Context",
    "CryptoUse",
    "DebugInfo",
    "Elf",
    "ElfKind",
    "End",
    "Explained",
    "Export",
    "File",
    "FileKind",
    "Identity",
    "Import",
    "Index",
    "Instruction",
    "Int63",
    "Job",
    "Limits",
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
    "Published",
    "Reading",
    "Reason",
    "Relation",
    "Relro",
    "Severity",
    "Sha256",
    "Site",
    "Size",
    "SourceEntry",
    "SourceLine",
    "Stage",
    "Strength",
    "Text",
    "Unread",
    "UnreadReason",
    "Verdict",
    "escape",
    "unescape",
]

# --- what is asked ------------------------------------------------------------------------------------------


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one package may cost. Sizes in bytes, times in seconds. Reaching one is a ``Problem`` that names it."""

    package_bytes: Size = 20 << 30  # of the file; ar has room for 10 GB in each member, the largest of Debian has 2 GB
    unpacked_bytes: Size = 64 << 30  # of one tar stream; linux-image-dbg unpacks to about 6 GB
    ratio: Size = 1_000  # unpacked : packed, once `ratio_floor` bytes are unpacked; gz, the weakest, reaches 1,030
    ratio_floor: Size = 512 << 20  # an honest file of zeros is small in a package and large on disk
    members: Size = 500_000  # a bomb of them stops within seconds; large icon themes have about 100,000
    member_bytes: Size = 1 << 30  # of a member that is read into memory: an ELF object or an archive of them
    header_bytes: Size = 1 << 20  # of one PAX or GNU long-name record
    control_bytes: Size = 16 << 20  # of the control archive, unpacked
    decoder_bytes: Size = 192 << 20  # dictionary of a decoder; `xz -9` needs 65 MiB, `zstd --ultra` 128 MiB
    elf_objects: Size = 500_000
    compile_units: Size = 500_000  # in the debug information of one object; Chromium has about 40,000
    answer_bytes: Size = 256 << 20  # facts of one package, as MessagePack; the largest measured has 34 MB
    memory_bytes: Size = 4 << 30  # address space of the disposable process
    override_bytes: Size = 1 << 20  # of the file with lintian overrides; the longest have some ten KB
    deadline: float = 900.0


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is as a file; said by whoever opens it, and never by the process that unpacks it.

    ``known``: the database already holds it, and it need not be read.
    """

    sha256: Sha256
    size: Size
    known: bool


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One package to read. ``path`` is the escaped file name; ``target`` is how it was asked for.

    Where there is a ``url``, the package is fetched from there, and ``path`` is only its name in the archive.
    """

    path: Text
    target: Text
    url: Text | None = None
    sha256: Sha256 | None = None  # what an index promises
    size: Size | None = None
    on_disk: Size | None = None  # bytes of the file when it was looked up; it may have changed since, so no promise
    identity: Identity | None = None  # what the file is that was opened, which is as an index promises
    passed_over: tuple[Text, ...] = ()  # members not to look at: an attempt before died of them


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


class CryptoUse(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a cryptographic algorithm by an ELF object."""

    algorithm: Text
    strength: Strength
    role: Text
    direction: Text | None = None
    library: Text | None = None
    symbol: Text | None = None
    evidence: Text
    confidence: Confidence
    function: Text | None = None
    address: Text | None = None
    argument: Text | None = None
    context_evidence: Text | None = None


class CallSite(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a catalogued function: what the selecting argument is, and the algorithms that it selects."""

    address: Text
    function: Text | None
    library: Text
    symbol: Text
    outcome: Outcome
    value: Text | None
    reason: Text | None
    uses: Annotated[tuple[CryptoUse, ...], Meta(max_length=1024)] = ()


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


Message = Package | File | Override | Elf | DebugInfo | Explained | Problem | Begin | Log | Unread | End
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
    debug: tuple[DebugInfo, ...] = ()  # of `archscan confirm` only
    explained: tuple[Explained, ...] = ()  # of `archscan explain` only
