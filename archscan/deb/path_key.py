"""The form of a path that stays the same from one upload to the next."""

from __future__ import annotations

import re

# Debian's multiarch triplets and the GNU triplets of cross toolchains (https://wiki.debian.org/Multiarch/Tuples).
_TRIPLET = re.compile(
    r"(?<![a-zA-Z0-9])"
    r"(?:x86_64|i[3-6]86|aarch64(?:_be)?|arm|armeb|powerpc(?:64)?(?:le)?|s390x|riscv(?:32|64)"
    r"|mips(?:isa)?(?:32|64)?(?:r6)?(?:el)?|loongarch64|alpha|hppa(?:64)?|ia64|m68k|sh[34]|sparc(?:64)?|arc|or1k)"
    r"-(?:linux-(?:gnu|musl)\w*|linux(?=-ghc)|kfreebsd-gnu|gnu)"
    r"(?![a-zA-Z0-9])"
)
_SONAME_VERSION = re.compile(r"\.so(?:\.\d[\w+~-]*)+(?=$|\.debug$)")
# Where an interpreter's extension says for which versions of it it was built.
_EXTENSION_ABI = re.compile(r"\.(?:cpython|pypy)[\w-]*?(?:-\*)?(?=\.so$)")
# What GHC and rustc put behind a library's name: its version and a hash of what it was built from.
_HASKELL = re.compile(r"^(libHS[\w-]*?)-\d[\w.-]*?(?=(?:_p|_debug|_thr)*\.(?:so|a)$)")
_RUST_HASH = re.compile(r"-[0-9a-f]{16}(?=\.(?:so|rlib)$)")
_BUILD_ID = re.compile(r"(\.build-id/)[0-9a-f]{2}/[0-9a-f]+(?=\.debug$|$)")
_DOTTED = re.compile(r"^v?\d+(?:\.\d+)+(?:[-.+~:][\w.+~:-]*)?$")
_NUMBER = re.compile(r"^\d+$")
_WIDTHS = frozenset(("8", "16", "32", "64", "128", "256", "512"))  # of words: other things, not other versions
_LANGUAGE = re.compile(
    r"(?:^|(?<=-))(python|pypy|perl|ruby|lua|ghc|php|erlang|ocaml|guile|tcl|tk|java|jdk|openjdk)-?\d+(?:\.\d+)+"
)
_RELEASE = re.compile(r"\d+(?:\.\d+)*")


def path_key(path: str, version: str = "") -> str:
    """``path`` without what changes from one version to the next. Applied twice, it changes nothing more.

    The multiarch triplet becomes ``*``; so does a directory that is a version or the number of an ABI, and wherever it
    stands, the package's own ``version`` (as the control file has it, or its first parts). ``.so.1.2`` becomes ``.so``.

    >>> path_key("usr/lib/x86_64-linux-gnu/libfoo.so.1.2")
    'usr/lib/*/libfoo.so'
    >>> path_key("lib/modules/6.1.0-18-amd64/kernel/fs/ext4.ko")
    'lib/modules/*/kernel/fs/ext4.ko'
    >>> path_key("usr/lib/llvm-14/bin/opt", "1:14.0.6-12")
    'usr/lib/llvm-*/bin/opt'
    """
    own = _own_version(version)
    while (key := _shortened(path, own)) != path:  # what goes may lay bare more; each turn takes digits away
        path = key
    return path


def _shortened(path: str, own: re.Pattern[str] | None) -> str:
    archive, parenthesis, member = path.partition("(") if path.endswith(")") else (path, "", "")
    *directories, name = _BUILD_ID.sub(r"\1*/*", _TRIPLET.sub("*", archive)).split("/")
    parts = [_directory_key(part, own) for part in directories]
    return "/".join([*parts, _name_key(name, own)]) + parenthesis + member


def _own_version(version: str) -> re.Pattern[str] | None:
    """What finds the upstream version, or its first parts, in a name: one number only behind a dash."""
    release = _RELEASE.match(version.rpartition(":")[2])
    if not release:
        return None
    first, *rest = release.group().split(".")
    more = "".join(rf"(?:\.{part}" for part in rest) + ")?" * len(rest)
    several = (
        rf"(?<![\d.]){first}\.{rest[0]}" + more.removeprefix(rf"(?:\.{rest[0]}").removesuffix(")?") if rest else ""
    )
    one = rf"(?<=[-_]){first}(?!\w|\.\d)"
    tail = r"(?:\.\d+)*(?:-\d+(?![\w]))?(?!\w)"
    return re.compile(rf"{several}{tail}|{one}" if several else one)


def _directory_key(part: str, own: re.Pattern[str] | None) -> str:
    if _DOTTED.match(part) or (_NUMBER.match(part) and part not in _WIDTHS):
        return "*"
    if own and own.fullmatch(f"-{part}", 1):
        return "*"
    part = _LANGUAGE.sub(r"\1*", part)
    return own.sub("*", part) if own else part


def _name_key(name: str, own: re.Pattern[str] | None) -> str:
    name = _SONAME_VERSION.sub(".so", name)
    name = _EXTENSION_ABI.sub(".cpython-*", name)
    name = _RUST_HASH.sub("-*", _HASKELL.sub(r"\1", name))
    return own.sub("*", name) if own else name
