"""What a maintainer says of lintian's tags: the file ``usr/share/lintian/overrides/PACKAGE``.

The form is that of lintian's manual, "Format of override files" (https://lintian.debian.org/manual/index.html), and,
where that is silent, of lintian 2.116: ``[[PACKAGE] [ARCHITECTURES] [TYPE]:] TAG [CONTEXT]``. A line that lintian
cannot take for an override is none here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from archscan.deb.streams import Unpacked
from archscan.errors import LimitError
from archscan.model import Limits, Override, escape

_FOLDER = "usr/share/lintian/overrides/"
_GZIP = ".gz"
_LONGEST_COMMENT = 2_000  # characters of an escaped text; what is longer is cut
_LONGEST_CONTEXT = 8_000  # PATH_MAX, and as much beside it; a longer one can match nothing that we know
_LONGEST_TAG = 200

# What Perl's \s matches in text, which is less than Python's (perlrecharclass): no separators of files and records.
_SPACE = r"[\t\n\x0b\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
_SPACES = re.compile(f"{_SPACE}+")
_ENDS = re.compile(f"^{_SPACE}+|{_SPACE}+$")
_COMMENT = re.compile(f"#{_SPACE}*")
_ARCHITECTURES = re.compile(r"\[([^\]]*)\](?=[ :]) ?")
_TYPE = re.compile(r"binary(?=[ :]) ?")
_COLON = re.compile(" ?: ?")

# Names of architectures that are not those of their processors (dpkg's tupletable): ABI and processor.
_ABIS = {
    "armel": ("eabi", "arm"),
    "armhf": ("eabihf", "arm"),
    "arm64ilp32": ("ilp32", "arm64"),
    "mipsn32": ("abin32", "mips64"),
    "mipsn32el": ("abin32", "mips64el"),
    "mips64": ("abi64", "mips64"),
    "mips64el": ("abi64", "mips64el"),
    "powerpcspe": ("spe", "powerpc"),
    "x32": ("x32", "amd64"),
}
_LIBRARIES = {"linux": "gnu", "kfreebsd": "gnu", "knetbsd": "gnu", "kopensolaris": "gnu", "hurd": "gnu"}


def is_override_file(path: str, package: str) -> bool:
    """Whether lintian looks for overrides of the package in this member."""
    return path in (_FOLDER + package, _FOLDER + package + _GZIP)


def is_packed(path: str) -> bool:
    """Whether an override file is a compressed one, which lintian takes only where the plain one is missing."""
    return path.endswith(_GZIP)


def unpacked(content: bytes, most: int) -> bytes:
    """What a compressed override file holds. Raises DebError where it is damaged or holds more than ``most`` bytes."""
    stream = Unpacked("the file of lintian overrides, .gz", io.BytesIO(content), 0, len(content), Limits())
    found = stream.read(most + 1)
    if len(found) > most:
        raise LimitError("override_bytes", f"unpacks to more than {most} bytes (override_bytes)")
    return found


def overrides(content: bytes, package: str, architecture: str | None) -> Iterator[Override]:
    """The overrides of a package in the order of its file. Bytes that are no UTF-8 are kept, escaped."""
    comment, previous, inherited = "", "", ""
    for number, raw in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        line = _ENDS.sub("", raw)
        if not line:
            comment, previous, inherited = "", "", ""
        elif line.startswith("#"):
            comment = _joined(comment, _COMMENT.sub("", line, count=1))
        elif found := _parsed(_SPACES.sub(" ", line), package):
            architectures, tag, context = found
            # A line without a comment of its own shares that of the line above if this was about the same tag.
            if comment or tag != previous:
                inherited = _cut(escape(_SPACES.sub(" ", comment)))
            comment, previous = "", tag
            if len(context) <= _LONGEST_CONTEXT and len(tag) <= _LONGEST_TAG:
                yield Override(
                    line=number,
                    tag=escape(tag),
                    context=escape(context),
                    comment=inherited,
                    architectures=_cut(escape(architectures)),
                    applies=_applies(architectures, architecture),
                )


def _joined(comment: str, more: str) -> str:
    """The comment with another line, as far as anybody reads it."""
    return f"{comment} {more}".strip()[: _LONGEST_COMMENT + 1] if more else comment


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_COMMENT else text[: _LONGEST_COMMENT - 1] + "…"


def _parsed(line: str, package: str) -> tuple[str, str, str] | None:
    """Architectures, tag and context of a line; None where it lacks its colon or its tag."""
    rest, architectures, qualified = line, "", False
    if re.match(f"{re.escape(package)}(?=[ :])", rest):
        rest, qualified = rest[len(package) :].removeprefix(" "), True
    if match := _ARCHITECTURES.match(rest):
        rest, architectures, qualified = rest[match.end() :], match[1], True
    if match := _TYPE.match(rest):
        rest, qualified = rest[match.end() :], True
    if qualified:
        match = _COLON.match(rest)
        if not match:
            return None
        rest = rest[match.end() :]
    tag, _, context = rest.partition(" ")
    return (architectures, tag, context) if tag else None


def _applies(architectures: str, architecture: str | None) -> bool:
    """Whether a list such as ``any-i386 armhf`` or ``!amd64 !i386`` names the package's architecture (Policy 7.1)."""
    names = architectures.split()
    if not names or architecture is None:
        return not names
    negated = any(name.startswith("!") for name in names)
    return negated != any(_named(name.removeprefix("!"), architecture) for name in names)


def _named(name: str, architecture: str) -> bool:
    if name == architecture:
        return True
    parts = name.split("-")
    if "any" not in parts or len(parts) > 4 or architecture == "all":
        return False
    wanted = ["any"] * (4 - len(parts)) + parts
    return all(part in ("any", own) for part, own in zip(wanted, _parts(architecture), strict=True))


def _parts(architecture: str) -> tuple[str, str, str, str]:
    """ABI, C library, kernel and processor of an architecture."""
    *system, name = architecture.split("-")
    abi, processor = _ABIS.get(name, ("base", name))
    kernel = system[-1] if system else "linux"
    library = system[0] if len(system) > 1 else _LIBRARIES.get(kernel, "bsd")
    return abi, library, kernel, processor
