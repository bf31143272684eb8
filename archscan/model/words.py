"""The vocabularies: what a verdict, a kind, a stage or a severity can be. The same words stand in the database."""

from __future__ import annotations

from enum import StrEnum


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
    ARCHIVE = (
        "archive"  # nested .zip, .deb, …: not looked inside, and said so; Java archives that are read are regular files
    )
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


class UnreadReason(StrEnum):
    """Why a package, or the rest of it, was not unpacked. docs/reasons.md says more."""

    NO_CANDIDATES = "no-candidates"
    NO_MORE_CANDIDATES = "no-more-candidates"


class Strength(StrEnum):
    """Whether an algorithm is weak by itself."""

    WEAK = "weak"
    OK = "ok"
    NONE = "none"


class Outcome(StrEnum):
    """What is known of the argument by which a call selects an algorithm."""

    VALUE = "value"
    SET = "set"
    RUNTIME = "runtime"
    FORWARDED = "forwarded"
    UNKNOWN = "unknown"


class Context(StrEnum):
    """What a weak algorithm is used for, in order of precedence: of what is likely, the first is taken."""

    NON_SECURITY = "non-security"  # the API says so
    PROTOCOL_MANDATED = "protocol-mandated"  # whoever speaks the protocol has no choice
    SELECTABLE = "selectable"  # the user, or a configuration, chooses among several
    FINGERPRINT = "fingerprint"  # a digest that names a certificate or a key
    SIGNATURE = "signature"
    CERTIFICATE = "certificate"
    PASSWORD = "password"  # noqa: S105 - a word of the vocabulary
    KDF = "kdf"
    MAC = "mac"
    TLS = "tls"
    TOKEN = "token"  # noqa: S105 - as above
    CHECKSUM = "checksum"
    UNKNOWN = "unknown"


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
