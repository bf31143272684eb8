"""The form of a path that stays the same from one upload to the next."""

from __future__ import annotations

import re

# Debian's multiarch triplets and the GNU triplets of cross toolchains (https://wiki.debian.org/Multiarch/Tuples).
_TRIPLET = re.compile(
    r"(?:(?:x86_64|i[3-6]86|aarch64|arm|armeb|powerpc(?:64)?(?:le)?|s390x|riscv64|mips(?:isa)?(?:32|64)?(?:r6)?(?:el)?"
    r"|loongarch64|alpha|hppa(?:64)?|ia64|m68k|sh[34]|sparc(?:64)?|arc|or1k)"
    r"-(?:linux|kfreebsd|kfreebsd-gnu|gnu|hurd)(?:-?(?:gnu(?:x32|f32|sf|eabi(?:hf)?|abi(?:64|n32)|spe)?|musl(?:eabi(?:hf)?)?))?)"
    r"(?![a-z0-9])"
)
_SHARED_OBJECT = re.compile(r"(?:[-.]\d[\w.+~-]*?)?\.so(?:\.[\w.+~-]+)?$")
_VERSION_PART = re.compile(r"^v?\d[\w.+~:-]*$")
_VERSION_SUFFIX = re.compile(r"(?<=[a-z])(?:[-_]?v?\d+(?:\.\d+)+|[-_]\d+)(?:[-.+~].*)?$", re.IGNORECASE)


def path_key(path: str, version: str = "") -> str:
    """``path`` without what changes from one version to the next.

    The multiarch triplet becomes ``*``; so does a directory that is a version or an ABI number, or the version
    part at its end (``python3.11`` gives ``python*``); ``.so.1.2`` becomes ``.so``. The name of a program stays.

    >>> path_key("usr/lib/x86_64-linux-gnu/libfoo.so.1.2")
    'usr/lib/*/libfoo.so'
    >>> path_key("lib/modules/6.1.0-18-amd64/kernel/fs/ext4.ko")
    'lib/modules/*/kernel/fs/ext4.ko'
    """
    archive, parenthesis, member = path.partition("(")
    *directories, name = _TRIPLET.sub("*", archive).split("/")
    upstream = version.rpartition(":")[2].partition("-")[0]
    parts = [_directory_key(part, upstream) for part in directories]
    if ".so" in name:
        name = _SHARED_OBJECT.sub(".so", name) if not name.startswith(".so") else name
    return "/".join([*parts, name]) + parenthesis + member


def _directory_key(part: str, upstream: str) -> str:
    if upstream and part == upstream:
        return "*"
    if _VERSION_PART.match(part):
        return "*"
    return _VERSION_SUFFIX.sub("*", part)
