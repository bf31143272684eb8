"""What the peers say about objects, in archscan's words as far as it has them.

``unknown`` stands where a peer gives no verdict, ``silent`` where lintian has no tag: it has none for a file that is
all right and for one that it does not look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tests.accuracy.peers import LINTIAN_TAGS
from tests.accuracy.unpacked import File


class Statement(msgspec.Struct, frozen=True):
    """A verdict of a peer on a column of an object. ``words`` are its own, ``verdict`` the word of ours for them."""

    tool: str
    column: str
    package: str
    path: str
    verdict: str
    words: str


_LABELS = {
    "Position Independent Executable": "pie",
    "Stack protected": "stack_protector",
    "Fortify Source functions": "fortify",
    "Read-only relocations": "relro",
    "Immediate binding": "bind_now",
    "Stack clash protection": "stack_clash",
    "Control flow integrity": "ibt_shstk",
}
_HEADING = re.compile(r"^(\S.*):$")
_LINE = re.compile(r"^ ([A-Z][\w -]+): (.*)$")


def of_hardening_check(text: str, files: Sequence[File]) -> Iterator[Statement]:
    """The statements in the output of hardening-check."""
    by_place = {file.place: file for file in files}
    file: File | None = None
    for line in text.splitlines():
        heading, found = _HEADING.match(line), _LINE.match(line)
        if heading:
            file = by_place.get(heading[1])
        elif found and file and found[1] in _LABELS:
            words = found[2]
            yield Statement(
                "hardening-check", _LABELS[found[1]], file.package, file.path, _hardening_check(words), words
            )


def _hardening_check(words: str) -> str:
    if words.startswith("yes"):
        return "partial" if "some protected" in words else "yes"
    if words.startswith("unknown"):
        return "n/a" if "no protectable" in words else "unknown"
    if "shared library" in words or "ignored" in words:
        return "n/a"
    return "unknown" if words.startswith("not a known") else "no"


_CHECKSEC: Sequence[tuple[str, Mapping[str, str]]] = (
    ("relro", {"Full RELRO": "full", "Partial RELRO": "partial", "No RELRO": "none", "N/A": "n/a"}),
    ("stack_protector", {"Canary found": "yes", "No Canary found": "no"}),
    ("nx", {"NX enabled": "yes", "NX disabled": "no", "N/A": "n/a"}),
    ("pie", {"PIE enabled": "yes", "No PIE": "no", "DSO": "n/a", "REL": "n/a"}),
    ("rpath", {"No RPATH": "none", "RPATH": "set", "RW-RPATH": "set"}),
    ("runpath", {"No RUNPATH": "none", "RUNPATH": "set", "RW-RUNPATH": "set"}),
    ("stripped", {"No Symbols": "yes"}),
    ("fortify", {"Yes": "yes", "No": "no", "N/A": "unknown"}),
)


def of_checksec(text: str, files: Sequence[File]) -> Iterator[Statement]:
    """The statements in the output of checksec."""
    by_place = {file.place: file for file in files}
    for line in text.splitlines():
        cells = line.split(",", 10)
        file = by_place.get(cells[-1])
        if file is None or len(cells) != 11:
            continue
        said = {
            column: (words.get(cell, "no" if column == "stripped" else cell), cell)
            for (column, words), cell in zip(_CHECKSEC, cells, strict=False)
        }
        rpath, runpath = said.pop("rpath"), said.pop("runpath")
        either = "set" if "set" in (rpath[0], runpath[0]) else "none"
        said["search_path"] = either, f"{rpath[1]}, {runpath[1]}"
        for column, (verdict, cell) in said.items():
            yield Statement("checksec", column, file.package, file.path, verdict, cell)


# tag → column, and what it says of it
_TAGS = {
    "hardening-no-pie": ("pie", "no"),
    "hardening-no-relro": ("relro", "none"),
    "hardening-no-bindnow": ("bind_now", "no"),
    "hardening-no-fortify-functions": ("fortify", "no"),
    "executable-stack-in-shared-library": ("nx", "no"),
    "shared-library-lacks-stack-section": ("nx", "no"),
    "specific-address-in-shared-library": ("textrel", "yes"),
    "custom-library-search-path": ("search_path", "insecure"),
    "relative-library-search-path": ("search_path", "insecure"),
    "statically-linked-binary": ("static", "yes"),
}
_TAGGED = re.compile(r"^[A-Z]: ([\w.+-]+)[^:]*: ([\w-]+)(.*)$")


def of_lintian(text: str, files: Sequence[File]) -> Iterator[Statement]:
    """The statements in the output of lintian: a tag, or silence about an object."""
    assert set(_TAGS) == set(LINTIAN_TAGS)
    by_name = {(file.package.partition("_")[0], file.path): file for file in files}
    said: dict[tuple[File, str], tuple[str, str]] = {}
    for line in text.splitlines():
        found = _TAGGED.match(line)
        if not found or found[2] not in _TAGS:
            continue
        column, verdict = _TAGS[found[2]]
        places = re.findall(r"\[([^\[\]]+)\]", found[3])
        file = by_name.get((found[1], places[-1])) if places else None
        if file:
            said[file, column] = verdict, found[2]
    columns = sorted({column for column, _ in _TAGS.values()})
    for file in files:
        for column in columns:
            verdict, words = said.get((file, column), ("silent", "no tag"))
            yield Statement("lintian", column, file.package, file.path, verdict, words)
