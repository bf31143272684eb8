"""Where a kind of fact can stand in a package, as data: ``rules/facts/KIND.toml`` says which paths cannot hold it.

What a package lists (``listing``) is held against it: where no path can hold a fact of any kind that is wanted, nothing
needs to be unpacked.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec
import tomli

from archscan.errors import RuleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_FOLDER = re.compile(r"[a-z0-9][\w.+-]*(?:/[\w.+-]+)*")
_ENDING = re.compile(r"\.[a-z0-9][a-z0-9._+-]*")
_WORD = re.compile(r"[a-z0-9][a-z0-9._+-]*")
_FILE_NAME = re.compile(r"[A-Za-z0-9.][\w.+-]*")
# A name with an ending that begins with a letter; no program's has one. Versions are none: `tool-1.2`, `libx.so.1`.
_NAMED_DATA = re.compile(r"[^/]\.[a-z][^./]*$")

KINDS = ("elf", "files")
"""The kinds of facts that archscan reads: ELF objects; and privileged files and nested archives wherever they stand."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What cannot hold one kind of fact, in the order in which it is asked (``rules/facts`` says what each is for).

    Folders are whole paths from the root of the package and end with a slash; ``programs`` and ``but`` are names of
    folders at any depth, with a slash at both ends. Endings and these are in lower case, and match in any.
    """

    name: str
    always: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


class Candidates(msgspec.Struct, frozen=True):
    """The kinds of facts that are wanted. Without any, every path is a candidate, so that packages are read whole."""

    kinds: tuple[Kind, ...] = ()

    def has(self, path: str) -> bool:
        """Whether a fact of one of the kinds can stand at the path, which has no slash in front."""
        return not self.kinds or any(_is_candidate(path, kind) for kind in self.kinds)


def _is_candidate(path: str, kind: Kind) -> bool:
    name = f"/{path.lower()}"
    if path.startswith(kind.always) or any(folder in name for folder in kind.programs):
        return True
    if name.endswith(kind.endings) or path.rpartition("/")[2] in kind.names:
        return False
    if not path.startswith(kind.shared) or name.endswith(kind.objects):
        return True
    if path.startswith(kind.folders) and not any(folder in name for folder in kind.but):
        return False
    return _NAMED_DATA.search(name) is None


def digest_of(kinds: Mapping[str, Kind]) -> str:
    """Changes with whatever changes which paths are candidates of any kind (sha256, hex)."""
    said = [msgspec.structs.astuple(kinds[name]) for name in sorted(kinds)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """A data file as it is written: words with blanks between."""

    kind: str
    always: str = ""
    programs: str = ""
    endings: str = ""
    names: str = ""
    shared: str = ""
    objects: str = ""
    folders: str = ""
    but: str = ""


def load_kinds(directories: Sequence[Path]) -> dict[str, Kind]:
    """The kinds that the data folders know, by name; a later folder's word on a kind replaces an earlier one's.

    Raises RuleError naming file, key and what was expected.
    """
    found: dict[str, Kind] = {}
    for directory in directories:
        for path in sorted((directory / "facts").glob("*.toml")):
            kind = _kind(path)
            found[kind.name] = kind
    return found


def wanted(kinds: Mapping[str, Kind], names: Iterable[str]) -> Candidates:
    """The candidates of the kinds of these names; of one without a data file, every path is.

    Raises UsageError where archscan reads no such kind, or not without another, or no name is given.
    """
    chosen = sorted(set(names))
    for name in chosen or [""]:
        if name not in KINDS:
            raise UsageError(f"--facts: there is no kind {name!r}; expected one of {', '.join(KINDS)}")
    if "elf" not in chosen:  # objects that are met would stand there as if all had been looked for
        raise UsageError(f"--facts: {chosen[0]} is read beside elf; expected elf,{chosen[0]}")
    return Candidates(tuple(kinds.get(name, Kind(name=name)) for name in chosen))


def _kind(path: Path) -> Kind:
    try:
        said = msgspec.convert(tomli.loads(path.read_text("utf-8")), _File)
    except OSError as error:
        raise RuleError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: expected TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise RuleError(f"{path}: {error}") from error
    if said.kind != path.stem or said.kind not in KINDS:
        raise RuleError(f"{path}: kind: expected one of {', '.join(KINDS)}, and the name of the file")
    folders = tuple(f"{word}/" for word in _words(path, "folders", said.folders, _FOLDER, "usr/share/man"))
    return Kind(
        name=said.kind,
        always=tuple(f"{word}/" for word in _words(path, "always", said.always, _FOLDER, "usr/games")),
        programs=tuple(f"/{word}/" for word in _words(path, "programs", said.programs, _WORD, "bin")),
        endings=_words(path, "endings", said.endings, _ENDING, ".html"),
        names=_words(path, "names", said.names, _FILE_NAME, "README"),
        shared=tuple(f"{word}/" for word in _words(path, "shared", said.shared, _FOLDER, "usr/share")) or folders,
        objects=_words(path, "objects", said.objects, _ENDING, ".so"),
        folders=folders,
        but=tuple(f"/{word}/" for word in _words(path, "but", said.but, _WORD, "examples")),
    )


def _words(path: Path, key: str, text: str, form: re.Pattern[str], example: str) -> tuple[str, ...]:
    words = text.split()
    for word in words:
        if not form.fullmatch(word) or ".." in word:
            raise RuleError(f"{path}: {key}: expected words such as {example!r}, got {word!r}")
    if len(set(words)) < len(words):
        raise RuleError(f"{path}: {key}: {max(words, key=words.count)!r} is there twice")
    return tuple(sorted(words))
