"""Every value that travels between the rooms of archscan: frozen, typed, without behaviour.

A package is read in a disposable process that hostile input may have taken over, so what comes back is never
pickle but MessagePack, decoded into the bounded Structs below. All text in them is *escaped* (see ``escape``):
valid UTF-8 without control or bidirectional characters, and exactly reversible.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

# --- text ---------------------------------------------------------------------------------------------------

# What may not stand in a stored name as it is: the escape character itself, C0 and C1 controls, the marks that
# reorder text on a screen (https://www.unicode.org/reports/tr9/, "Trojan Source"), line and paragraph
# separators, the byte order mark, and surrogates, which is how undecodable bytes arrive from ``surrogateescape``.
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_ESCAPED = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")


def _escape_one(match: re.Match[str]) -> str:
    character = match.group()
    if character == "\\":
        return "\\\\"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def escape(raw: bytes | str) -> str:
    r"""The stored form of a name: UTF-8, with ``\`` as ``\\`` and each unsafe byte as ``\xNN``.

    ``raw`` is bytes, or text decoded with ``surrogateescape``. ``unescape`` inverts it exactly.
    """
    text = raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return _UNSAFE.sub(_escape_one, text)


def unescape(stored: str) -> bytes:
    """The bytes that ``escape`` was given."""
    return _ESCAPED.sub(
        lambda match: bytes([int(match[1], 16)]) if match[1] else b"\\",
        stored.encode("utf-8"),
    )


# Names come from packages; nothing honest is longer than PATH_MAX (4096), mangled C++ names excepted.
Text = Annotated[str, Meta(max_length=65_536)]
Int63 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

# --- vocabularies -------------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """What is known about a protection. ``YES`` always means protected."""

    YES = "yes"
    PARTIAL = "partial"
    NO = "no"
    NOT_APPLICABLE = "n/a"
    UNKNOWN = "unknown"


class Relro(StrEnum):
    """How much of what the loader writes is read-only afterwards."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    NOT_APPLICABLE = "n/a"
    UNKNOWN = "unknown"


class ElfKind(StrEnum):
    """What an ELF object is for; decides which checks can apply."""

    EXECUTABLE = "executable"
    PIE = "pie"
    STATIC_EXECUTABLE = "static-executable"
    STATIC_PIE = "static-pie"
    SHARED_LIBRARY = "shared-library"
    RUNNABLE_LIBRARY = "runnable-library"
    PLUGIN = "plugin"
    LOADER = "loader"
    RELOCATABLE = "relocatable"
    KERNEL_MODULE = "kernel-module"
    DEBUG = "debug"
    CORE = "core"
    FIRMWARE = "firmware"


class FileKind(StrEnum):
    """What a member of a package is, as far as archscan looks at it."""

    ELF = "elf"
    STATIC_ARCHIVE = "static-archive"  # .a: its members are read
    ARCHIVE = "archive"  # nested .zip, .jar, .deb, …: not looked inside, and said so
    HARDLINK = "hardlink"
    SYMLINK = "symlink"
    REGULAR = "regular"
    OTHER = "other"  # device, fifo, directory with a privilege


class PrivilegeSource(StrEnum):
    """Where a privilege is granted."""

    TAR = "tar"
    PAX = "pax"
    POSTINST = "postinst"


class Stage(StrEnum):
    """Where in the flow a problem arose."""

    SOURCE = "source"
    DEB = "deb"
    CONTROL = "control"
    DATA = "data"
    ELF = "elf"
    CRYPTO = "crypto"
    CHILD = "child"
    STORE = "store"


class ProblemKind(StrEnum):
    """What went wrong. ``INTERNAL`` is our own bug; everything else is the input's or the machine's."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_A_DEB = "not-a-deb"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNSUPPORTED = "unsupported"
    LIMIT = "limit"
    MISMATCH = "mismatch"
    CRASH = "crash"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    KILLED = "killed"
    INTERNAL = "internal"


class PackageStatus(StrEnum):
    """How much of a package was read."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"


class Strength(StrEnum):
    """Whether an algorithm is weak by itself."""

    WEAK = "weak"
    OK = "ok"
    NONE = "none"


class Confidence(StrEnum):
    """How sure a statement is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Severity(StrEnum):
    """How bad a finding is, in rising order."""

    NEGLIGIBLE = "negligible"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


# --- what is asked ------------------------------------------------------------------------------------------


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one package may cost. Sizes in bytes, times in seconds. Reaching one is a ``Problem`` that names it."""

    unpacked_bytes: Size = 64 << 30  # of one tar stream; linux-image-dbg unpacks to about 6 GB
    ratio: Size = 2_000  # unpacked : packed, once `ratio_floor` bytes are unpacked
    ratio_floor: Size = 512 << 20  # an honest file of zeros is small in a package and large on disk
    members: Size = 2_000_000
    member_bytes: Size = 1 << 30  # of a member that is read into memory: an ELF object or an archive of them
    header_bytes: Size = 1 << 20  # of one PAX or GNU long-name record
    control_bytes: Size = 16 << 20  # of the control archive, unpacked
    decoder_bytes: Size = 192 << 20  # dictionary of a decoder; `xz -9` needs 65 MiB, `zstd --ultra` 128 MiB
    elf_objects: Size = 500_000
    answer_bytes: Size = 1 << 30  # facts of one package, as MessagePack
    memory_bytes: Size = 4 << 30  # address space of the disposable process
    deadline: float = 900.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One package to read. ``path`` is the escaped file name; ``target`` is how it was asked for."""

    path: Text
    target: Text
    sha256: Sha256 | None = None  # what an index promises
    size: Size | None = None


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


class Site(msgspec.Struct, frozen=True, omit_defaults=True):
    """One place that supports a verdict. ``address`` as in the database: ``0x…``, or ``section+0x…``."""

    address: Text | None = None
    name: Text | None = None


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a column of an ELF object says what it says. The codes are listed in docs/reasons.md."""

    code: Text
    text: Text
    counts: dict[str, Int63] = {}
    sites: Annotated[tuple[Site, ...], Meta(max_length=16)] = ()
    truncated: bool = False


class Import(msgspec.Struct, frozen=True, array_like=True):
    """An undefined dynamic symbol. ``library`` is the file of its version record, where there is one."""

    symbol: Text
    version: Text | None
    library: Text | None


class Export(msgspec.Struct, frozen=True, array_like=True):
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
    textrel: Size
    wx_segments: Size
    rpath: Text | None
    runpath: Text | None
    fortified_calls: Size
    fortifiable_calls: Size
    reasons: dict[str, Reason]
    needed: tuple[Text, ...] = ()
    imports: tuple[Import, ...] = ()
    exports: tuple[Export, ...] = ()
    components: tuple[Component, ...] = ()
    crypto: tuple[CryptoUse, ...] = ()


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


class Identity(msgspec.Struct, frozen=True, kw_only=True, tag="identity"):
    """The package as a file: sent first. ``known``: the database already holds it, nothing more follows."""

    sha256: Sha256
    size: Size
    known: bool


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """The last message: the package was read to its end. ``built`` is the newest date inside, in UTC (ISO 8601)."""

    built: Text | None = None


Message = Identity | Package | File | Elf | Problem | Begin | Log | End
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
