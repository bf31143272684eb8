"""What is asked of a disposable process: a package to read, and what that may cost."""

from __future__ import annotations

import msgspec

from archscan.model.text import Sha256, Size, Text


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
    file_bytes: Size = 16 << 20  # of a configuration file, script or Java archive that is read for what it says
    kept_files: Size = 100_000  # that are kept for where they lie or whose they are: programs, settings, devices
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
