r"""Recipes as values: what ``corpus/<name>/recipe.toml`` may say, read strictly.

Paths inside a package are written in the stored form of ``archscan.model.escape``, so that a recipe can name
bytes that are no text (``'na\xefve'``); ``{triplet}`` in one stands for the compiler's multiarch triplet.
"""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from archscan.errors import RuleError
from archscan.model import Elf, unescape
from corpus.debs import Compression, ControlCompression, Kind

ROOT = Path(__file__).parent

Mode = Annotated[int, Meta(ge=0, le=0o7777)]
Words = tuple[str, ...]
Compiler = Literal["gcc", "g++", "clang", "clang++", "go", "rustc"]
Wrapping = Literal["ar", "xz", "zst", "gz", "zip", "tar.gz"]

_FACTS = {field.name: field.type for field in msgspec.structs.fields(Elf)}
_TOOLS = ("objcopy", "strip")


class Build(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a package is put together. ``architectures`` names those its flags are for; empty means all.

    ``built`` is the day that its members are dated.
    """

    compiler: str = "gcc"
    control: ControlCompression = "xz"
    data: Compression = "xz"
    architectures: Words = ()
    built: date | None = None


class Stub(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shared library that is only linked against. ``node`` is the version of its symbols, or empty.

    One with the name of a library of the catalogue adds symbols to that.
    """

    name: str
    soname: str
    node: str = ""
    symbols: Words = ()
    data: Words = ()


class Object(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of a compiler: of gcc for the package's machine, unless it says which.

    ``facts`` are columns of the table ``elf`` that its flags decide; ``""`` is NULL.
    ``libraries`` are names of stubs or of libraries in the catalogue; ``post`` are commands of binutils run on
    the result, with ``{out}`` for it; ``copies``, ``hardlinks`` and ``symlinks`` are further paths of the object.
    ``uses`` are all uses of weak algorithms that its source shows, as algorithm, evidence and context; ``more_uses``
    those that only an architecture's compiler or library brings.
    ``units`` are sources that are compiled by themselves, each with its flags after those of all.
    ``{branch}`` in a flag stands for the flag that turns on landing pads, where the processor has them.
    """

    path: str
    sources: Words
    flags: Words
    compiler: Compiler = "gcc"
    units: dict[str, Words] = {}
    libraries: Words = ()
    mode: Mode = 0o755
    owner: str = "root"
    group: str = "root"
    capabilities: str | None = None
    post: tuple[Words, ...] = ()
    copies: Words = ()
    hardlinks: Words = ()
    symlinks: Words = ()
    ship: bool = True
    facts: dict[str, str | int | bool] = {}
    uses: Words | None = None
    more_uses: dict[str, Words] = {}


class Archive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that holds objects of the recipe: ``members`` are their paths, exactly one for a compressed file."""

    path: str
    format: Wrapping
    members: Words
    mode: Mode = 0o644


class Plain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A member that nothing is compiled for: ``text`` of a file, or ``link`` as it is written."""

    path: str
    kind: Kind = "file"
    text: str = ""
    link: str = ""
    mode: Mode = 0o644
    owner: str = "root"
    group: str = "root"


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package to build. ``control`` holds further fields, ``scripts`` maintainer scripts by name."""

    package: Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9.+-]+$")]
    version: Annotated[str, Meta(pattern="^[0-9][A-Za-z0-9.+:~-]*$")] = "1.0-1"
    description: str
    build: Build = Build()
    control: dict[str, str] = {}
    scripts: dict[str, str] = {}
    stub: tuple[Stub, ...] = ()
    object: tuple[Object, ...] = ()
    archive: tuple[Archive, ...] = ()
    file: tuple[Plain, ...] = ()


def _check_facts(place: str, facts: dict[str, str | int | bool]) -> None:
    for key, value in facts.items():
        if key not in _FACTS:
            raise RuleError(f"{place}: facts.{key}: expected a column of the table elf")
        try:
            msgspec.convert(None if value == "" else value, _FACTS[key])
        except msgspec.ValidationError as error:
            raise RuleError(f"{place}: facts.{key}: {error}") from error


def _check_object(place: str, folder: Path, item: Object) -> None:
    if not item.sources:
        raise RuleError(f"{place}: sources: expected at least one file")
    for source in item.sources:
        if not (folder / source).is_file():
            raise RuleError(f"{place}: sources: expected a file of {folder.name}, got {source!r}")
    for source in sorted(item.units.keys() - set(item.sources)):
        raise RuleError(f"{place}: units: expected one of its sources, got {source!r}")
    for command in item.post:
        if not command or command[0] not in _TOOLS:
            raise RuleError(f"{place}: post: expected commands that start with one of {', '.join(_TOOLS)}")
    _check_facts(place, item.facts)


def _check_archive(place: str, objects: set[str], item: Archive) -> None:
    unknown = sorted(set(item.members) - objects)
    if unknown or not item.members:
        raise RuleError(f"{place}: members: expected paths of objects, got {', '.join(unknown) or 'none'}")
    if item.format in ("xz", "zst", "gz") and len(item.members) != 1:
        raise RuleError(f"{place}: members: expected exactly one for format {item.format!r}")


def _shipped(recipe: Recipe) -> list[str]:
    found = [item.path for item in recipe.archive] + [item.path for item in recipe.file]
    for item in recipe.object:
        found += [item.path] if item.ship else []
        found += [*item.copies, *item.hardlinks, *item.symlinks]
    return found


def _check(file: Path, recipe: Recipe) -> None:
    seen: set[str] = set()
    for path in _shipped(recipe):
        if not path or path in seen:
            raise RuleError(f"{file}: path: expected a new one, got {path!r} again")
        seen.add(path)
    for item in recipe.object:
        _check_object(f"{file}: object {item.path}", file.parent, item)
    objects = {item.path for item in recipe.object}
    for archive in recipe.archive:
        _check_archive(f"{file}: archive {archive.path}", objects, archive)


def _explained(error: msgspec.ValidationError) -> str:
    """``key: what was expected`` from msgspec's ``what was expected - at `$.key```."""
    text, _, place = str(error).partition(" - at ")
    key = place.strip("`").removeprefix("$").lstrip(".")
    return f"{key}: {text}" if key else text


def load(file: Path) -> Recipe:
    """The recipe that ``file`` holds. Raises ``RuleError`` with file, key and what was expected."""
    try:
        raw: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
        recipe = msgspec.convert(raw, Recipe)
    except OSError as error:
        raise RuleError(f"{file}: {error.strerror}, expected a recipe") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: expected TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise RuleError(f"{file}: {_explained(error)}") from error
    _check(file, recipe)
    return recipe


def names(root: Path = ROOT) -> tuple[str, ...]:
    """The names of all recipes, sorted: the folders that hold a ``recipe.toml``."""
    return tuple(sorted(file.parent.name for file in root.glob("*/recipe.toml")))


def raw_name(path: str, triplet: str) -> bytes:
    """The bytes of a path as tar holds them: ``./`` in front unless it is absolute or climbs."""
    name = unescape(re.sub(r"\{triplet\}", triplet, path))
    return name if name.startswith((b"/", b"../", b"./")) else b"./" + name
