"""Who is right about a difference, by evidence that is not archscan's: readelf, objdump, the compiler, a build here.

A group counts as the peer's error only with three members of which the evidence leads to archscan's verdict and none
of which it leads elsewhere; otherwise it stands as open.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.accuracy.builds import compile_lines
from tests.accuracy.differences import Group
from tests.accuracy.evidence import Evidence, facts, headers, shown
from tests.accuracy.fortified import by_imports
from tests.accuracy.ground_truth import protector
from tests.accuracy.observed import started_stack
from tests.accuracy.scanned import Object
from tests.debug import truth

ENOUGH = 3
_TRIED = 12  # members of a group, the smallest first
_LARGEST = 20 << 20  # bytes of an object that is disassembled
_LANGUAGES = {
    "go": re.compile(r"\.gopclntab|\.go\.buildinfo|\.note\.go\.buildid|\bruntime\.main\b"),
    "haskell": re.compile(r"\blibHS\w+|_closure\b|\bstg_\w+"),
    "ocaml": re.compile(r"\bcaml[A-Z_]\w+"),
}


class Known(msgspec.Struct, frozen=True):
    """What is known of an object that was built here: its debug file and the log of the build."""

    debug: Path
    log: Path


class Proof(msgspec.Struct, frozen=True):
    """The judgement on a group, and members with what was seen of them."""

    outcome: str  # `theirs`, `missed`, `open`, `disputed`, `silent`, `choice`
    seen: tuple[tuple[Object, Evidence], ...]


def proof(group: Group, places: Mapping[tuple[str, str, str], Path], known: Mapping[Path, Known]) -> Proof:
    """The judgement on a group; ``places`` says where its members lie."""
    if group.theirs == "unknown":
        return Proof("silent", ())
    if group.tool == "lintian" and (group.column == "search_path" or group.members[0].kind == "firmware"):
        return Proof("choice", ())  # it tags every entry outside the usual folders; and firmware is no program to us
    members = _varied(group.members, places, known)
    agreeing: list[tuple[Object, Evidence]] = []
    for one in members[:_TRIED]:
        found = _evidence(one, group, places[key(one)], known)
        if found is None:
            continue
        if found.verdict != group.ours:
            return Proof("disputed", ((one, found),))
        agreeing.append((one, found))
        if len(agreeing) == ENOUGH:
            return Proof("missed" if group.theirs == "silent" else "theirs", tuple(agreeing))
    return Proof("open", tuple(agreeing))


def _varied(
    members: Sequence[Object], places: Mapping[tuple[str, str, str], Path], known: Mapping[Path, Known]
) -> list[Object]:
    """Members in the order they are tried: those built here, then one of each package, always the smallest first."""
    met: dict[str, int] = {}
    rows = []
    for one in sorted(members, key=lambda one: _size(places[key(one)])):
        name = one.package.partition("_")[0]
        rows.append((places[key(one)] not in known, met.get(name, 0), one))
        met[name] = met.get(name, 0) + 1
    return [one for _, _, one in sorted(rows, key=lambda row: row[:2])]


def key(one: Object) -> tuple[str, str, str]:
    """What an object is told by among all sets of packages."""
    return one.origin, one.package, one.path


def _size(path: Path) -> int:
    return path.stat().st_size


def _evidence(one: Object, group: Group, path: Path, known: Mapping[Path, Known]) -> Evidence | None:
    """The first evidence that decides: where the object is from, then its headers, then code and builds."""
    for found in _evidences(one, group, path, known):
        if found is not None:
            return found
    return None


def _evidences(one: Object, group: Group, path: Path, known: Mapping[Path, Known]) -> Iterator[Evidence | None]:
    if group.ours == "n/a":
        yield _foreign(path)
    if group.code == "kind":
        return
    if group.code == "language":
        yield _other_language(path, one.language)
    elif group.column == "fortify":
        yield _by_log(path, known.get(path)) if path in known else None
        yield by_imports(path)
    elif group.column == "stack_protector":
        yield _by_units(path, known.get(path))
        yield _by_code(path, group)
    else:
        yield started_stack(path) if group.column == "nx" and group.ours == "no" else None
        yield headers(path, group.column)


def _foreign(path: Path) -> Evidence | None:
    """That the object runs under no kernel and no loader: GRUB's modules carry their name and licence in sections."""
    sections = {".modname", ".module_license", ".moddeps"} & set(facts(path).sections)
    if sections and not facts(path).tags and not facts(path).interpreter:
        return Evidence("n/a", f"GRUB's sections {' '.join(sorted(sections))}; no dynamic section, no INTERP")
    return None


def _other_language(path: Path, language: str) -> Evidence | None:
    pattern = _LANGUAGES.get(language)
    if pattern is None:
        return None
    text = "".join(shown(path, option) for option in ("--sections", "--dynamic", "--symbols"))
    signs = sorted(set(pattern.findall(text)))
    if not signs:
        return None
    return Evidence("n/a", f"{len(signs)} names of {language}, as {' '.join(signs[:2])}")


def _by_units(path: Path, built: Known | None) -> Evidence | None:
    """What DW_AT_producer says of each unit: whether the compiler was asked for the protector."""
    if built is None:
        return None
    units = [one for one in truth.units(built.debug) if one.producer.startswith(("GNU C", "GNU GIMPLE"))]
    strong = sum(protector(one.flags) for one in units)
    if not units:
        return None
    seen = f"DW_AT_producer: {strong} of {len(units)} units with -fstack-protector-strong"
    guarded = "__stack_chk_fail" in facts(path).imported
    if strong == len(units):
        return Evidence(
            "yes" if guarded else "n/a", f"{seen}, and {'calls' if guarded else 'no call of'} __stack_chk_fail"
        )
    return Evidence("partial" if strong else "no", seen)


def _by_code(path: Path, group: Group) -> Evidence | None:
    """Whether code of x86-64 loads the guard: a `yes` against a `no` is proved by that, nothing else is."""
    if group.theirs != "no" or "X86-64" not in facts(path).machine or _size(path) > _LARGEST:
        return None
    command = ["objdump", "--disassemble", "--no-show-raw-insn", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loads = len(re.findall(r"\bmov +%fs:0x28,%r\w+|\bmov +%fs:0x28,%e\w+", text))
    return Evidence("yes", f"objdump: {loads} loads of %fs:0x28") if loads and group.ours == "yes" else None


def _by_log(path: Path, built: Known | None) -> Evidence | None:
    """What the log of the build says: every call of the compiler asked for checks, or none did."""
    if built is None:
        return None
    calls, fortified = compile_lines(built.log)
    found = by_imports(path)
    seen = f"build log: {fortified} of {calls} compiler calls with -D_FORTIFY_SOURCE=2; {found.seen}"
    checked = any(name.endswith("_chk") for name in facts(path).imported)
    if calls and fortified == calls:
        return Evidence("yes" if checked else "n/a", seen)
    return Evidence("no", seen) if calls and not fortified and found.verdict == "no" else None
