"""Facts about an ELF object from what GNU readelf prints, and from nothing else: the second opinion of the tests."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COMMAND = ("readelf", "-hldSW", "--dyn-syms", "-V", "-n")

_HEADER = re.compile(r"^  (Class|Data|Type|Machine): +(.+)$", re.MULTILINE)
_SECTION = re.compile(r"^  \[ *\d+\] (\S*) +([A-Z_][\w.<>: ]*?) +[0-9a-f]{8,16} ", re.MULTILINE)
_SEGMENT = re.compile(
    r"^  ([A-Z][A-Z0-9_]+) +0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ ([RWE ]{3}) ", re.MULTILINE
)
_INTERPRETER = re.compile(r"\[Requesting program interpreter: (.*)\]")
_DYNAMIC = re.compile(r"^ 0x[0-9a-f]{8,16} \((\w+)\) +(.*)$", re.MULTILINE)
_BRACKETS = re.compile(r"\[(.*)\]$")
_SYMBOL = re.compile(
    r"^ +\d+: [0-9a-f]+ +\S+ (?P<type>\w+) +(?P<bind>\w+) +\w+ +(?:\[[^\]]*\] +)?(?P<index>\w+) (?P<name>\S+)"
    r"(?: \((?P<need>\d+)\))?",
    re.MULTILINE,
)
_NEED_FILE = re.compile(r"^  \w+: Version: \d+  File: (.*?)  Cnt: \d+$")
_NEED_NAME = re.compile(r"^  \w+:   Name: (.*?)  Flags: .*  Version: (\d+)$")
_DEFINED = re.compile(r"^  \w+: Rev: \d+  Flags: (.*?) +Index: \d+  Cnt: \d+  Name: (.*)$", re.MULTILINE)
_BUILD_ID = re.compile(r"Build ID: ([0-9a-f]+)")
_FEATURES = re.compile(r"(?:x86|AArch64) feature: (.*)")


class Symbol(msgspec.Struct, frozen=True, order=True):
    """A dynamic symbol: ``library`` is the file of its verneed record, ``version`` the node."""

    name: str
    version: str | None
    library: str | None
    weak: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What readelf shows. ``type`` is EXEC, DYN, REL or CORE; ``stack`` the flags of the last GNU_STACK header."""

    type: str
    machine: str
    bits: int
    endian: str
    interpreter: str | None
    soname: str | None
    needed: tuple[str, ...]
    rpath: str | None
    runpath: str | None
    tags: frozenset[str]
    flags: frozenset[str]
    flags_1: frozenset[str]
    stack: str | None
    relro: bool
    loads: int
    wx_segments: int
    imports: tuple[Symbol, ...]
    exports: tuple[Symbol, ...]
    nodes: tuple[str, ...]
    features: frozenset[str]
    build_id: str | None
    sections: tuple[str, ...]
    stripped: bool

    @property
    def bound_now(self) -> bool:
        """Whether any of the three forms of NOW is there: the tag, DF_BIND_NOW, DF_1_NOW."""
        return "BIND_NOW" in self.tags or "BIND_NOW" in self.flags or "NOW" in self.flags_1

    @property
    def textrel(self) -> bool:
        """Whether the tag or DF_TEXTREL says that code is patched."""
        return "TEXTREL" in self.tags or "TEXTREL" in self.flags

    @property
    def lazy(self) -> bool:
        """Whether anything could be bound lazily: a table of PLT relocations."""
        return "JMPREL" in self.tags

    @property
    def imported(self) -> frozenset[str]:
        """The names of the imports."""
        return frozenset(symbol.name for symbol in self.imports)


def output(path: Path) -> str:
    """What readelf prints about ``path``."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    command = [*_COMMAND, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")


def _texts(dynamic: list[tuple[str, str]], tag: str) -> tuple[str, ...]:
    matches = (_BRACKETS.search(value) for name, value in dynamic if name == tag)
    return tuple(match[1] for match in matches if match)


def _words(dynamic: list[tuple[str, str]], tag: str) -> frozenset[str]:
    return frozenset(word for name, value in dynamic if name == tag for word in value.removeprefix("Flags:").split())


def _first(texts: tuple[str, ...]) -> str | None:
    return texts[0] if texts else None


def _needs(text: str) -> dict[str, str]:
    """Version index → library. The index is unique in an object, the name of a node need not be."""
    found: dict[str, str] = {}
    library = ""
    for line in text.splitlines():
        if match := _NEED_FILE.match(line):
            library = match[1]
        elif match := _NEED_NAME.match(line):
            found[match[2]] = library
    return found


def _symbols(text: str, *, defined: bool) -> Iterator[Symbol]:
    needs = _needs(text)
    _, _, table = text.partition("Symbol table '.dynsym'")
    for match in _SYMBOL.finditer(table.partition("\n\n")[0]):
        if (match["index"] != "UND") is defined and match["bind"] != "LOCAL":
            name, _, version = match["name"].partition("@")
            library = needs.get(match["need"]) if match["need"] else None
            yield Symbol(name, version.lstrip("@") or None, library, match["bind"] == "WEAK")


def facts(path: Path) -> Facts:
    """The facts that readelf's text about ``path`` holds. Raises ``CalledProcessError`` if readelf fails."""
    return parsed(output(path))


def parsed(text: str) -> Facts:
    """The facts in one object's output of readelf."""
    header = dict(_HEADER.findall(text))
    segments = [(kind, flags.replace(" ", "")) for kind, flags in _SEGMENT.findall(text)]
    dynamic = _DYNAMIC.findall(text)
    sections = _SECTION.findall(text)
    stacks = [flags for kind, flags in segments if kind == "GNU_STACK"]
    return Facts(
        type=header["Type"].split()[0],
        machine=header["Machine"],
        bits=int(header["Class"].removeprefix("ELF")),
        endian="little" if "little endian" in header["Data"] else "big",
        interpreter=_first(tuple(_INTERPRETER.findall(text))),
        soname=_first(_texts(dynamic, "SONAME")),
        needed=_texts(dynamic, "NEEDED"),
        rpath=_first(_texts(dynamic, "RPATH")),
        runpath=_first(_texts(dynamic, "RUNPATH")),
        tags=frozenset(tag for tag, _ in dynamic),
        flags=_words(dynamic, "FLAGS"),
        flags_1=_words(dynamic, "FLAGS_1"),
        stack=stacks[-1] if stacks else None,
        relro=any(kind == "GNU_RELRO" for kind, _ in segments),
        loads=sum(kind == "LOAD" for kind, _ in segments),
        wx_segments=sum(kind == "LOAD" and {"W", "E"} <= set(flags) for kind, flags in segments),
        imports=tuple(sorted(_symbols(text, defined=False), key=lambda symbol: symbol.name)),
        exports=tuple(sorted(_symbols(text, defined=True), key=lambda symbol: symbol.name)),
        nodes=tuple(name for flags, name in _DEFINED.findall(text) if "BASE" not in flags),
        features=frozenset(word for line in _FEATURES.findall(text) for word in re.split(r"[,\s]+", line) if word),
        build_id=_first(tuple(_BUILD_ID.findall(text))),
        sections=tuple(name for name, _ in sections),
        stripped=not any(kind == "SYMTAB" for _, kind in sections),
    )


def kind(found: Facts) -> str:
    """The column ``elf.kind`` of an object of the corpus, as far as headers alone can tell."""
    if found.type == "REL":
        return "kernel-module" if ".modinfo" in found.sections else "relocatable"
    if found.type == "EXEC":
        return "executable" if found.interpreter else "static-executable"
    if "PIE" in found.flags_1:
        return "pie" if found.interpreter else "static-pie"
    return "shared-library" if found.soname else "plugin"


def columns(found: Facts) -> dict[str, str | int | bool | None]:
    """The columns of the table ``elf`` that readelf decides; those it leaves open are not in it."""
    decided: dict[str, str | int | bool | None] = {
        "kind": kind(found),
        "bits": found.bits,
        "endian": found.endian,
        "soname": found.soname,
        "interpreter": found.interpreter,
        "rpath": found.rpath,
        "runpath": found.runpath,
        "build_id": found.build_id,
        "stripped": found.stripped,
        "wx_segments": found.wx_segments,
    }
    if not found.textrel:
        decided["textrel"] = 0
    if found.stack is not None:
        decided["nx"] = "no" if "E" in found.stack else "yes"
    if decided["kind"] in ("executable", "static-executable", "pie", "static-pie"):
        decided["pie"] = "no" if found.type == "EXEC" else "yes"
    return decided | _binding(found)


def _binding(found: Facts) -> dict[str, str | int | bool | None]:
    """``relro`` and ``bind_now``, where something is linked dynamically and the answer hangs on nothing else."""
    if not found.relro:
        decided: dict[str, str | int | bool | None] = {"relro": "none"} if found.loads and found.tags else {}
    else:
        decided = {"relro": "full"} if found.bound_now else {"relro": "partial"} if found.lazy else {}
    if found.needed and (found.bound_now or found.lazy):
        decided["bind_now"] = "yes" if found.bound_now else "no"
    return decided
