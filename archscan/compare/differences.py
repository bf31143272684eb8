"""The differences of two states, package by package."""

from __future__ import annotations

import difflib
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from archscan.compare.change import Change, Effect
from archscan.compare.facets import FACETS, OBJECTS, Facet
from archscan.compare.states import Key, Known, State

_AT_ONCE = 200  # packages whose facts are held together
_SHOWN_NAMES = 12  # of many, in the text of a change
_MOST_NAMES = 2_000  # in its detail
_MOST_VALUES = 40  # of one subject, joined
_LONGEST_UNPACKED = 256 << 20  # bytes of the list of a package's paths; 500,000 members are the limit of a scan
_MOST_DIFFERENCE = 400  # lines of the difference of two scripts

_TOP = ("lib", "bin", "sbin", "usr/lib", "usr/bin", "usr/sbin")  # where /usr is merged, they are the same

Pair = tuple[Key, Known, Known]
Values = Mapping[tuple[str, str], str]
"""Path and subject → what is said, joined where it is said more than once."""


def differences(old: State, new: State) -> Iterator[Change]:
    """Each difference, by package, then as ``FACETS`` has them, then by path.

    Packages that only one state has are one change each; those with the same SHA-256 are equal.
    """
    keys = sorted({*old.packages, *new.packages}, key=lambda key: (key[0], key[1] or ""))
    pairs: list[Pair] = []
    for key in keys:
        before, after = old.packages.get(key), new.packages.get(key)
        if before and after and before.sha256 != after.sha256:
            pairs.append((key, before, after))
        if len(pairs) == _AT_ONCE:
            yield from _compared(old, new, pairs)
            pairs = []
    yield from _compared(old, new, pairs)
    for key in keys:
        before, after = old.packages.get(key), new.packages.get(key)
        if before is None or after is None:
            old_version, new_version = (known.version if known else None for known in (before, after))
            yield _change(key, "packages", None, "package", old_version, new_version)


def _compared(old: State, new: State, pairs: Sequence[Pair]) -> Iterator[Change]:
    if not pairs:
        return
    _choose(old.connection, [before.id for _, before, _ in pairs])
    _choose(new.connection, [after.id for _, _, after in pairs])
    changes: dict[Key, list[Change]] = {key: list(_versions(key, before, after)) for key, before, after in pairs}
    objects: dict[int, set[str]] = {}
    for facet in FACETS:
        before_values, after_values = _values(old.connection, facet), _values(new.connection, facet)
        for key, before, after in pairs:
            if not {facet.needs} <= before.facts & after.facts:
                continue
            first, second = before_values.get(before.id, {}), after_values.get(after.id, {})
            if facet is OBJECTS:
                objects[before.id] = {path for path, _ in first} & {path for path, _ in second}
            shared = objects[before.id] if facet.shared else None
            found = _many(key, facet, first, second, shared) if facet.many else _each(key, facet, first, second, shared)
            changes[key] += _sure(found, before, after)
    for key, before, after in pairs:
        changes[key] += _sure(_paths(key, old.connection, new.connection, before, after), before, after)
        for change in changes[key]:
            yield _with_script(change, old.connection, new.connection, before, after)


def _choose(connection: sqlite3.Connection, ids: Sequence[int]) -> None:
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS compared (package_id INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM temp.compared")
    connection.executemany("INSERT INTO temp.compared VALUES (?)", [(one,) for one in ids])


def _versions(key: Key, before: Known, after: Known) -> Iterator[Change]:
    """The versions, and what one of the packages does not tell."""
    if before.version != after.version:
        yield _change(key, "packages", None, "version", before.version, after.version)
    for kind in sorted(before.facts ^ after.facts):
        lacking = "old" if kind in after.facts else "new"
        text = f"{kind}: the {lacking} state has not read any"
        yield _change(key, "packages", None, text, None, None, Effect.NOT_COMPARED)
    for known, which in ((before, "old"), (after, "new")):
        if not known.whole:
            text = f"the {which} package was not read whole; what it lacks is not known"
            yield _change(key, "packages", None, text, None, None, Effect.NOT_COMPARED)


def _values(connection: sqlite3.Connection, facet: Facet) -> Mapping[int, Values]:
    """For each package its values; several of one subject are sorted and joined."""
    found: dict[int, dict[tuple[str, str], str]] = {}
    several: dict[tuple[int, tuple[str, str]], set[str]] = {}
    for package_id, path, subject, value in connection.execute(facet.sql):
        values = found.setdefault(package_id, {})
        place = (path if path.startswith("usr/") else _merged(path), subject)
        said = value if isinstance(value, str) else "" if value is None else str(value)
        if values.setdefault(place, said) != said:
            several.setdefault((package_id, place), {values[place]}).add(said)
    for (package_id, place), all_said in several.items():
        found[package_id][place] = " · ".join(sorted(all_said)[:_MOST_VALUES])
    return found


def _merged(path: str) -> str:
    """The path where /usr is merged, so that a file that moved there is still the same (usrmerge)."""
    return f"usr/{path}" if path.startswith(("bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/")) else path


def _each(key: Key, facet: Facet, old: Values, new: Values, shared: set[str] | None) -> Iterator[Change]:
    for place in sorted({*old, *new}):
        path, subject = place
        before, after = old.get(place), new.get(place)
        if before == after or (shared is not None and path not in shared):
            continue
        yield _change(key, facet.name, path or None, subject, before, after, facet.judge(subject, before, after))


def _many(key: Key, facet: Facet, old: Values, new: Values, shared: set[str] | None) -> Iterator[Change]:
    """One change for each path, with what is gone as the old value and what is new as the new one."""
    gone: dict[str, list[str]] = defaultdict(list)
    came: dict[str, list[str]] = defaultdict(list)
    for path, name in sorted({*old} - {*new}):
        gone[path].append(name)
    for path, name in sorted({*new} - {*old}):
        came[path].append(name)
    for path in sorted({*gone, *came}):
        if shared is None or path in shared:
            detail = [f"-{name}" for name in gone[path]] + [f"+{name}" for name in came[path]]
            change = _change(key, facet.name, path or None, facet.name, _listed(gone[path]), _listed(came[path]))
            yield _with_detail(change, detail[:_MOST_NAMES])


def _listed(names: Sequence[str]) -> str | None:
    if not names:
        return None
    shown = ", ".join(names[:_SHOWN_NAMES])
    return shown if len(names) <= _SHOWN_NAMES else f"{shown} and {len(names) - _SHOWN_NAMES} more"


def _sure(changes: Iterator[Change], before: Known, after: Known) -> Iterator[Change]:
    """The changes without those that may be there only because a package was not read whole."""
    for change in changes:
        is_known = (change.old is not None or before.whole) and (change.new is not None or after.whole)
        if is_known:
            yield change


def _with_script(
    change: Change, old: sqlite3.Connection, new: sqlite3.Connection, before: Known, after: Known
) -> Change:
    """The same, of a maintainer script with what is other in its hand-written part."""
    if change.facet != "scripts" or change.path is None:
        return change
    name = change.path.rpartition("/")[2]
    first, second = _own(old, before.id, name), _own(new, after.id, name)
    lines = difflib.unified_diff(first, second, "old", "new", n=2, lineterm="")
    return _with_detail(change, [line for line, _ in zip(lines, range(_MOST_DIFFERENCE), strict=False)])


def _own(connection: sqlite3.Connection, package_id: int, name: str) -> list[str]:
    sql = "SELECT own FROM maintainer_script WHERE package_id = ? AND name = ?"
    row = connection.execute(sql, (package_id, name)).fetchone()
    return str(row[0]).split("\n") if row else []


def _paths(key: Key, old: sqlite3.Connection, new: sqlite3.Connection, before: Known, after: Known) -> Iterator[Change]:
    """Paths that are new or gone; the package's own version in them counts for nothing."""
    first, second = (_listing(*one) for one in ((old, before), (new, after)))
    if first is None or second is None:
        return
    gone, came = sorted({*first} - {*second}), sorted({*second} - {*first})
    if gone or came:
        detail = [f"-{first[name]}" for name in gone] + [f"+{second[name]}" for name in came]
        change = _change(key, "files", None, "files", _listed([first[name] for name in gone]),
                         _listed([second[name] for name in came]))  # fmt: skip
        yield _with_detail(change, detail[:_MOST_NAMES])


def _listing(connection: sqlite3.Connection, known: Known) -> Mapping[str, str] | None:
    """Each path by what it would be in any version; None where the package's paths are not known."""
    row = connection.execute("SELECT paths FROM contents WHERE package_id = ?", (known.id,)).fetchone()
    if row is None:
        return None
    text = zlib.decompressobj().decompress(row[0], _LONGEST_UNPACKED).decode("utf-8", "replace")
    upstream = known.version.partition(":")[2] or known.version
    upstream = upstream.rpartition("-")[0] or upstream
    return {_merged(path).replace(upstream, "*"): path for path in text.split("\n") if path and path not in _TOP}


def _with_detail(change: Change, lines: Sequence[str]) -> Change:
    return msgspec.structs.replace(change, detail="\n".join(lines))


def _change(
    key: Key, facet: str, path: str | None, subject: str, old: str | None, new: str | None,
    effect: Effect = Effect.CHANGED,
) -> Change:  # fmt: skip
    return Change(package=key[0], architecture=key[1], facet=facet, path=path, subject=subject, old=old, new=new,
                  effect=effect)  # fmt: skip
