"""Which indices a suite has of what is wanted, and what of that it has not."""

from __future__ import annotations

import re

import msgspec

from archscan.model import Index
from archscan.sources.archive.asked import Archive, machine_architecture, without_password
from archscan.sources.archive.indices import IndexFile, index_file
from archscan.sources.archive.release import Release, name_of, written

_INDEX = re.compile(
    r"(?:(?P<component>.+)/(?:binary-(?P<architecture>[^/]+)|source)/)?(?P<what>Packages|Sources)(?:\.(?:xz|gz|zst))?"
)


class Chosen(msgspec.Struct, frozen=True):
    """Packages files and Sources files, and one line for each thing that was wanted and is ``lacking``.

    ``listed`` are component and architecture of all that Release lists, wanted or not.
    """

    indices: tuple[IndexFile, ...]
    sources: tuple[IndexFile, ...]
    lacking: tuple[str, ...]
    listed: frozenset[tuple[str, str]]


def chosen(archive: Archive, release: Release, signed_by: str | None) -> Chosen:
    """The indices of an archive's components and architectures; not one of them is fetched yet.

    Without components these are all that Release lists, without architectures the machine's own, or all that there are
    where it has no dpkg. `binary-all` belongs to them where packages for all architectures stand nowhere else.
    """
    lacking: list[str] = []
    if archive.flat:
        # One index of all architectures: what is taken of it is another one for each set of them.
        wanted = [("", " ".join(sorted(archive.architectures)), "Packages")]
        sources = [("", "source", "Sources")]
    else:
        places = _places(archive, release, lacking)
        architectures = _architectures(archive, release, lacking)
        wanted = [(name, one, f"{place}/binary-{one}/Packages") for name, place in places for one in architectures]
        sources = [(name, "source", f"{place}/source/Sources") for name, place in places]
    form = _form(archive, release, signed_by)
    found = []
    for component, architecture, path in wanted:
        file = _file(form, component, architecture, path, archive, release)
        if file:
            found.append(file)
        elif architecture != "all":
            lacking.append(f"Release lists no {path} (nor with .xz, .gz, .zst)")
    have = (_file(form, *source, archive, release) for source in sources)
    return Chosen(tuple(found), tuple(file for file in have if file), tuple(lacking), _listed(release))


def _listed(release: Release) -> frozenset[tuple[str, str]]:
    """Component and architecture of each index, as the database knows them."""
    found = set()
    names = {folder: name for name, folder in _components(release).items()}
    for path in release.files:
        if index := _INDEX.fullmatch(path):
            folder = index["component"] or ""
            found.add(
                (names.get(folder, folder), "source" if index["what"] == "Sources" else index["architecture"] or "")
            )
    return frozenset(found)


def _file(
    form: Index, component: str, architecture: str, path: str, archive: Archive, release: Release
) -> IndexFile | None:
    index = msgspec.structs.replace(form, component=component, architecture=architecture)
    # A flat repository has one index of all architectures.
    only = archive.architectures if archive.flat else ()
    return index_file(index, path, release, folder=archive.folder, only=only)


def _form(archive: Archive, release: Release, signed_by: str | None) -> Index:
    """What all indices of the suite have in common."""
    return Index(
        origin=origin_of(archive, release),
        suite=name_of(release, archive.suite),
        component="",
        architecture="",
        base=without_password(archive.base),
        date=written(release.date) if release.date else None,
        valid_until=written(release.valid_until) if release.valid_until else None,
        signed_by=signed_by,
        sha256="0" * 64,  # until it is known which file it is
    )


def origin_of(archive: Archive, release: Release) -> str:
    """By what the database knows the archive: where Release does not say it, and others do not either, its URL."""
    return release.origin or without_password(archive.base)


def _places(archive: Archive, release: Release, lacking: list[str]) -> list[tuple[str, str]]:
    """Each component, and its folder."""
    have = _components(release)
    called = {name: name.rpartition("/")[2] for name in release.components if name not in have}
    names = tuple(called.get(name, name) for name in archive.components) or tuple(have)
    absent = [name for name in names if have and name not in have]
    if absent:
        lacking.append(f"it has no component {' '.join(absent)}, but {' '.join(release.components)}")
    if not names:
        lacking.append("Release lists no components; --component names one")
    return [(name, have.get(name, name)) for name in names if name not in absent]


def _components(release: Release) -> dict[str, str]:
    """Component → its folder. What old security archives list as `updates/main` is `main`, in main/."""
    found = {}
    for name in release.components:
        short = name.rpartition("/")[2]
        old = short != name and not any(path.startswith(f"{name}/") for path in release.files)
        found[short if old else name] = short if old else name
    return found


def _architectures(archive: Archive, release: Release, lacking: list[str]) -> list[str]:
    have = release.architectures
    names = list(archive.architectures or _own() or have)
    absent = [name for name in names if have and name not in (*have, "all")]
    if absent:
        lacking.append(f"it has no architecture {' '.join(absent)}, but {' '.join(have)}; --arch names another")
    found = [name for name in names if name not in absent]
    return [*found, "all"] if found and release.all_apart and "all" not in found else found


def _own() -> tuple[str, ...]:
    own = machine_architecture()
    return (own,) if own else ()
