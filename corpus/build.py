"""A recipe turned into a package: compiled, its members laid out, written."""

import hashlib
import os
import posixpath
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from pathlib import Path

import msgspec

from archscan.errors import RuleError
from archscan.model import unescape
from corpus.capabilities import encoded
from corpus.compile import objects, wrapped
from corpus.compilers import missing
from corpus.debs import Entry, deb
from corpus.recipes import ROOT, Object, Recipe, Stub, load, names, raw_name
from corpus.target import Target, target


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """A package that was built: the recipe's name, the file, and the objects inside as files beside it."""

    name: str
    recipe: Recipe
    target: Target
    deb: Path
    objects: dict[str, Path]


def _pax(item: Object) -> dict[str, bytes]:
    if item.capabilities is None:
        return {}
    try:
        return {"SCHILY.xattr.security.capability": encoded(item.capabilities)}
    except ValueError as error:
        raise RuleError(f"object {item.path}: capabilities: {error}") from error


def _object_entries(item: Object, data: bytes, triplet: str) -> Iterator[Entry]:
    name = raw_name(item.path, triplet)
    if item.ship:
        yield Entry(name=name, data=data, mode=item.mode, owner=item.owner, group=item.group, pax=_pax(item))
    for path in item.copies:
        yield Entry(name=raw_name(path, triplet), data=data, mode=item.mode, owner=item.owner, group=item.group)
    for path in item.hardlinks:
        yield Entry(name=raw_name(path, triplet), kind="hardlink", link=name, mode=item.mode)
    for path in item.symlinks:
        link = raw_name(path, triplet)
        yield Entry(name=link, kind="symlink", link=posixpath.relpath(name, posixpath.dirname(link)), mode=0o777)


def _folders(entries: Iterable[Entry]) -> list[Entry]:
    """The directories above ordinary members, as dpkg-deb lists them; hostile names get none."""
    have = {entry.name.rstrip(b"/") for entry in entries if entry.kind == "directory"}
    wanted = {b"."}
    for entry in entries:
        parts = entry.name.split(b"/")[:-1]
        if parts[:1] == [b"."]:
            wanted |= {b"/".join(parts[: count + 1]) for count in range(len(parts))}
    return [Entry(name=name + b"/", kind="directory", mode=0o755) for name in sorted(wanted - have)]


def data_entries(recipe: Recipe, built: Mapping[str, Path], chosen: Target, work: Path) -> list[Entry]:
    """The members of a package's data archive: directories first, then the rest in the order of the recipe."""
    found: list[Entry] = []
    for item in recipe.object:
        found += _object_entries(item, built[item.path].read_bytes(), chosen.triplet)
    for archive in recipe.archive:
        data = wrapped(archive, built, chosen, work)
        found.append(Entry(name=raw_name(archive.path, chosen.triplet), data=data, mode=archive.mode))
    for file in recipe.file:
        found.append(
            Entry(
                name=raw_name(file.path, chosen.triplet),
                kind=file.kind,
                data=file.text.encode(),
                link=unescape(file.link),
                mode=file.mode,
                owner=file.owner,
                group=file.group,
            )
        )
    return _folders(found) + found


def _fields(recipe: Recipe, architecture: str, installed: int) -> dict[str, str]:
    return {
        "Package": recipe.package,
        "Version": recipe.version,
        "Architecture": architecture,
        "Maintainer": "Corpus <corpus@example.org>",
        "Installed-Size": str(installed),
        "Section": "misc",
        "Priority": "optional",
        **recipe.control,
        "Description": recipe.description,
    }


def control_entries(recipe: Recipe, data: Iterable[Entry], architecture: str) -> list[Entry]:
    """The members of a package's control archive: control, md5sums, maintainer scripts."""
    files = [entry for entry in data if entry.kind == "file"]
    installed = sum(-(-len(entry.data) // 1024) for entry in files)
    fields = _fields(recipe, architecture, installed)
    sums = b"".join(
        hashlib.md5(entry.data, usedforsecurity=False).hexdigest().encode() + b"  " + entry.name[2:] + b"\n"
        for entry in files
        if entry.name.startswith(b"./") and b"\n" not in entry.name
    )
    scripts = (
        Entry(name=b"./" + name.encode(), data=recipe.scripts[name].encode(), mode=0o755)
        for name in sorted(recipe.scripts)
    )
    return [
        Entry(name=b"./", kind="directory", mode=0o755),
        Entry(name=b"./control", data="".join(f"{key}: {value}\n" for key, value in fields.items()).encode()),
        Entry(name=b"./md5sums", data=sums),
        *scripts,
    ]


def _dated(entries: Iterable[Entry], day: date) -> list[Entry]:
    moment = int(datetime.combine(day, time(12), UTC).timestamp())
    return [msgspec.structs.replace(entry, mtime=moment) for entry in entries]


def lacking(recipe: Recipe, compiler: str = "") -> str:
    """What this machine lacks to build ``recipe``, with another ``compiler`` for C; empty if nothing."""
    compiler = compiler or recipe.build.compiler
    if shutil.which(compiler) is None:
        return f"no {compiler}"
    wanted, chosen = recipe.build.architectures, target(compiler)
    if wanted and chosen.architecture not in wanted:
        return f"for {', '.join(wanted)}, not {chosen.architecture}"
    return next(filter(None, (missing(item.compiler, chosen) for item in recipe.object)), "")


def buildable(compiler: str = "gcc", *, other: bool = False) -> tuple[str, ...]:
    """The names of the recipes that this machine has all for, with a compiler for C.

    Either those that gcc and g++ compile, or those that take ``other`` compilers.
    """
    recipes = {name: load(ROOT / name / "recipe.toml") for name in names()}
    return tuple(
        name
        for name, one in recipes.items()
        if one.build.compiler == "gcc" and _takes_other(one) is other and not lacking(one, compiler)
    )


def _takes_other(recipe: Recipe) -> bool:
    return any(item.compiler not in ("gcc", "g++") for item in recipe.object)


def build(name: str, out: Path, work: Path, known: Mapping[str, Stub], root: Path = ROOT, compiler: str = "") -> Built:
    """The recipe called ``name``, built as a .deb in ``out``; ``work`` is an empty folder for what is compiled.

    Another ``compiler`` for C builds it for that compiler's machine. ``known`` are the stub libraries of the catalogue.
    Raises ``RuleError`` for a wrong recipe and ``ArchscanError`` for a failing command; ask ``lacking`` before.
    """
    folder = root / name
    recipe = load(folder / "recipe.toml")
    chosen = target(compiler or recipe.build.compiler)
    built = objects(recipe, folder, chosen, known, work)
    data = data_entries(recipe, built, chosen, work)
    control = control_entries(recipe, data, chosen.architecture)
    version = recipe.version.partition(":")[2] or recipe.version  # file names carry no epoch
    file = out / f"{recipe.package}_{version}_{chosen.architecture}.deb"
    if recipe.build.built:
        control, data = _dated(control, recipe.build.built), _dated(data, recipe.build.built)
    compression = recipe.build
    file.write_bytes(deb(control, data, control_compression=compression.control, data_compression=compression.data))
    return Built(name=name, recipe=recipe, target=chosen, deb=file, objects=built)


def build_all(
    wanted: Iterable[str], out: Path, work: Path, known: Mapping[str, Stub], compiler: str = ""
) -> list[Built]:
    """The recipes of the corpus called ``wanted``, built into ``out`` as ``build`` does, in their order.

    ``work`` gets a folder each. Threads do, since they only wait for compilers; none is left afterwards.
    """

    def one(name: str) -> Built:
        place = work / name
        place.mkdir()
        return build(name, out, place, known, compiler=compiler)

    with ThreadPoolExecutor(os.cpu_count()) as executor:
        return list(executor.map(one, wanted))
