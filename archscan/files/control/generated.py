"""Which lines of a maintainer script a tool wrote, which ones every script has, and which are somebody's own.

debhelper(7) puts what its commands add between two comments; tools of languages do the same through it. Releases before
debhelper 10 name no version. What stands there is taken to be the tool's, as nobody but a reader can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_BEGIN = re.compile(r"#+\s*Automatically (?:added|generated) by\s+([\w.+-]{1,80})(?:/\S*)?")
_END = re.compile(r"#+\s*End automatically (?:added|generated) section")
_RESIDUE = re.compile(r"#\s*DEBHELPER\s*#?|#EXTRA_HELPERS#")
# Lines that call a tool as its manual page says, where debhelper did not write them.
_TOOL = re.compile(r"(dpkg-maintscript-helper|py3?compile|py3?clean|pycompile|pyclean|update-python-modules)\b")
_HEREDOC = re.compile(r"(?<!<)<<(-?)\s*(?:\\|(['\"]))?([A-Za-z_]\w{0,60})")
_SAY = re.compile(
    r"""(?:echo|printf)\b.*(?:unknown|invalid|bad|unrecogni[sz]ed|incorrect|wrong)\s+(?:\w+\s+)?
    (?:argument|option|parameter|action)""",
    re.IGNORECASE | re.VERBOSE,
)
_STATES = (
    "configure|reconfigure|upgrade|install|remove|purge|triggered|failed-upgrade|disappear|deconfigure|(?:remove-|deconfigure-)?in-favour"
    "|abort-(?:upgrade|install|remove|deconfigure)"
)
_FRAME = re.compile(
    rf"""\#.*|:|true|set\s+[-+]\w+(?:\s+\w+)?|exit(?:\s+[01])?|return(?:\s+0)?
    |case\s+"?\$\{{?1\}}?"?\s+in|esac|;;|fi|else|then|do|done|\{{|\}}
    |\(?['"]?(?:{_STATES}|\*|\s|\||['"])+\)\s*(?::|true|exit\s+0)?\s*(?:;;)?
    |if\s+(?:\[|test)\s+["']?x?\$\{{?1\}}?["']?\s+==?\s+["']?x?(?:{_STATES})["']?\s*\]?\s*(?:;\s*then)?
    |\.\s+/usr/share/debconf/confmodule|db_version\s+[\d.]+|db_stop|db_go(?:\s*\|\|\s*(?:true|:))?
    |export\s+DEBIAN_FRONTEND.*|umask\s+0?22""",
    re.VERBOSE,
)
_LONGEST = 4_096  # characters of a line that are held against these


class Parts(msgspec.Struct, frozen=True):
    """A script taken apart: ``own`` is the text that no tool wrote, and ``tools`` are those that wrote the rest.

    ``lines`` are those of ``own`` that are no frame, with their numbers; ``compared`` is what stays the same where only
    blanks and comments change.
    """

    own: str
    compared: str
    lines: tuple[int, ...]
    tools: tuple[str, ...]


def parts(script: str) -> Parts:
    """The own part of a maintainer script and the tools that wrote the rest.

    A part that nothing ends goes to the end of the script.
    """
    own: list[str] = []
    compared: list[str] = []
    numbers: list[int] = []
    tools: dict[str, None] = {}
    within = False  # what a tool wrote
    goes_on = False  # a line of a tool, with a backslash at its end
    for number, line, text in _texts(script):
        stripped = line.strip()[:_LONGEST]
        begin = None if text else _BEGIN.match(stripped)
        if begin and not within:
            within = True
            tools.setdefault(begin[1])
        elif within:
            within = not _END.match(stripped)
        elif goes_on or (not text and (tool := _TOOL.match(stripped))):
            if not goes_on and tool:
                tools.setdefault(tool[1])
            goes_on = stripped.endswith("\\")
        elif text or not _RESIDUE.match(stripped):
            own.append(line)
            if text or not _is_blank(stripped):
                compared.append(line if text else " ".join(line.split()))
            if text or not _is_frame(stripped):
                numbers.append(number)
    return Parts("\n".join(own), "\n".join(compared), tuple(numbers), tuple(tools))


def _texts(script: str) -> Iterator[tuple[int, str, bool]]:
    """Each line with its number, and whether it is text of a here-document, where nothing is a comment."""
    ends: list[tuple[str, str]] = []
    for number, line in enumerate(script.split("\n"), 1):
        if ends:
            blanks, word = ends[0]
            if (line.lstrip("\t") if blanks else line) == word:
                ends.pop(0)
            yield number, line, True
            continue
        stripped = line[:_LONGEST]
        yield number, line, False
        if "<<" in stripped and not stripped.lstrip().startswith("#"):
            ends = [(match[1], match[3]) for match in _HEREDOC.finditer(stripped)]


def _is_blank(stripped: str) -> bool:
    return not stripped or (stripped.startswith("#") and not stripped.startswith("#!"))


def _is_frame(stripped: str) -> bool:
    return not stripped or _FRAME.fullmatch(stripped) is not None or _SAY.match(stripped) is not None
