"""A recipe's objects: one run of the compiler each, then binutils, and the archives that hold them."""

import gzip
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from archscan.errors import RuleError
from corpus import stubs
from corpus.compilers import compiled
from corpus.debs import Entry, compressed, tar
from corpus.recipes import Archive, Object, Recipe, Stub
from corpus.target import Target, run, tool

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def _libraries(item: Object, known: Mapping[str, Stub], chosen: Target, work: Path) -> list[str]:
    for name in item.libraries:
        if name not in known:
            raise RuleError(f"object {item.path}: libraries: no stub and no library of the catalogue: {name!r}")
    # A folder each, because a recipe may have a stub of its own with the soname of a catalogued library.
    return [str(stubs.build(known[name], chosen, work / "stubs" / name)) for name in item.libraries]


def _flags(item: Object, chosen: Target) -> list[str]:
    filled = (flag.replace("{branch}", chosen.branch).replace("{triplet}", chosen.triplet) for flag in item.flags)
    return [flag for flag in filled if flag]


def _finished(item: Object, out: Path, folder: Path, chosen: Target, libraries: Sequence[str]) -> None:
    compiled(item.compiler, chosen, out, folder, item.sources, _flags(item, chosen), item.units, libraries)
    for command in item.post:
        words = [word.replace("{out}", str(out)) for word in command[1:]]
        run([tool(chosen, command[0]), *words], folder=str(folder))


def objects(recipe: Recipe, folder: Path, chosen: Target, known: Mapping[str, Stub], work: Path) -> dict[str, Path]:
    """Path in the package → compiled file under ``work``, for every object of ``recipe`` whose files are in ``folder``.

    Raises ``ArchscanError`` when a command fails and ``RuleError`` for a library nobody knows.
    """
    stub = {name: stubs.extended(own, known.get(name)) for name, own in stubs.by_name(recipe.stub).items()}
    found: dict[str, Path] = {}
    for number, item in enumerate(recipe.object):
        # A folder each: two objects may share a base name, and the base name may end up in the bytes.
        place = work / f"object-{number}"
        place.mkdir()
        out = place / Path(item.path).name
        _finished(item, out, folder, chosen, _libraries(item, {**known, **stub}, chosen, work))
        found[item.path] = out
    return found


def _zip(members: Sequence[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data)
    return buffer.getvalue()


def wrapped(item: Archive, built: Mapping[str, Path], chosen: Target, work: Path) -> bytes:
    """The bytes of an archive or compressed file that holds objects already built."""
    files = [built[member] for member in item.members]
    if item.format == "ar":
        out = work / Path(item.path).name
        out.unlink(missing_ok=True)
        run([tool(chosen, "ar"), "rcsD", str(out), *map(str, files)])
        return out.read_bytes()
    members = [(file.name, file.read_bytes()) for file in files]
    if item.format == "zip":
        return _zip(members)
    if item.format == "tar.gz":
        entries = (Entry(name=name.encode(), data=data, mode=0o755) for name, data in members)
        return gzip.compress(tar(entries), mtime=0)
    return compressed(members[0][1], item.format)
