"""archscan's verdicts from code against the flags that each unit of packages built here was compiled with.

What the compiler was told is read from DW_AT_producer with pyelftools, and what it wrote from `objdump --disassemble`;
both know nothing of archscan. Assembler units and those of link-time optimisation carry no such flags and decide
nothing.
"""

from __future__ import annotations

import platform
import re
import subprocess
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import pytest

from archscan.elf import Place, facts
from archscan.elf.arch import machine
from archscan.elf.arrays import Offsets
from archscan.elf.code import address_of
from archscan.elf.inspection import Inspection, inspection
from archscan.elf.reader import read
from archscan.model import Elf
from tests.debug import truth


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A processor: Debian's name and that of ELF for it, its objdump, and how that shows what each feature writes."""

    architecture: str
    machine: int
    objdump: str = "objdump"
    shown: dict[str, re.Pattern[str]]


AMD64 = Target(
    architecture="amd64",
    machine=62,
    shown={
        "stack_protector": re.compile(r"^ *([0-9a-f]+):\t.*%fs:0x28", re.MULTILINE),
        "stack_clash": re.compile(r"^ *([0-9a-f]+):\torq +\$0x0,(?:0x[0-9a-f]+)?\(%rsp\)", re.MULTILINE),
        "ibt_compiled": re.compile(r"^ *([0-9a-f]+):\tendbr64", re.MULTILINE),
    },
)
ARM64 = Target(
    architecture="arm64",
    machine=183,
    objdump="aarch64-linux-gnu-objdump",
    shown={
        # The guard is a variable that any load may read; what no function lacks that compares it is the call.
        "stack_protector": re.compile(r"^ *([0-9a-f]+):\tbl\t[0-9a-f]+ <__stack_chk_fail@plt>", re.MULTILINE),
        "stack_clash": re.compile(r"^ *([0-9a-f]+):\tstr\txzr, \[sp, #1024\]", re.MULTILINE),
        "bti_compiled": re.compile(r"^ *([0-9a-f]+):\t(?:bti\tj?c|paciasp)", re.MULTILINE),
        "pac_compiled": re.compile(r"^ *([0-9a-f]+):\tpaciasp", re.MULTILINE),
    },
)
FEATURES = ("stack_protector", "stack_clash", "ibt_compiled", "bti_compiled", "pac_compiled")

amd64_only = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="how objdump shows canaries, probes and landing pads is said here for amd64"
)


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One object and one feature.

    ``told``: how many of its C and C++ units were compiled with it: all, some or none. ``right``: functions that
    archscan says have it and that lie in a unit compiled with it; ``wrong``: those in a unit compiled without.
    ``met`` of ``shown`` places that objdump shows were seen by archscan. ``wronged``: places that a `no` or `partial`
    names, though their unit was compiled with it; ``strange``: those that lie in no unit that has flags.
    """

    build: str
    path: str
    feature: str
    told: str
    verdict: str
    right: int
    wrong: tuple[str, ...]
    shown: int
    met: int
    sites: int
    wronged: tuple[str, ...]
    strange: tuple[str, ...]


def checked(build: str, pair: truth.Pair, target: Target = AMD64) -> list[Checked]:
    """The comparison of one object with its debug file, feature by feature."""
    data = pair.stripped.read_bytes()
    said = facts(data, Place(pair.path, pair.path, pair.path, target.architecture))
    idioms = machine(target.machine).idioms
    assert idioms
    found = inspection(read(data), idioms)
    assert found
    functions = [one for one in truth.functions(pair.debug) if _has_flags(one)]
    told = [one for one in truth.units(pair.debug) if _compiled(one)]
    command = [target.objdump, "--disassemble", "--no-show-raw-insn", str(pair.stripped)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [_checked(build, pair.path, feature, said, found, functions, told, text, target) for feature in target.shown]


def protector(flags: Sequence[str]) -> bool:
    """Whether the last of the flags that concern the stack protector asks for the strong one."""
    last = [flag for flag in flags if flag.startswith(("-fstack-protector", "-fno-stack-protector"))]
    return bool(last) and last[-1] in ("-fstack-protector-strong", "-fstack-protector-all")


def _clash(flags: Sequence[str]) -> bool:
    last = [flag for flag in flags if flag.endswith("stack-clash-protection")]
    return bool(last) and last[-1] == "-fstack-clash-protection"


def _branch(flags: Sequence[str]) -> bool:
    last = [flag for flag in flags if flag.startswith("-fcf-protection")]
    return bool(last) and last[-1] in ("-fcf-protection", "-fcf-protection=full", "-fcf-protection=branch")


def _arm_branch(flags: Sequence[str], wanted: str) -> bool:
    last = [flag for flag in flags if flag.startswith("-mbranch-protection")]
    return bool(last) and (last[-1].endswith("=standard") or wanted in last[-1])


_ASKED: dict[str, Callable[[Sequence[str]], bool]] = {
    "stack_protector": protector,
    "stack_clash": _clash,
    "ibt_compiled": _branch,
    "bti_compiled": lambda flags: _arm_branch(flags, "bti"),
    "pac_compiled": lambda flags: _arm_branch(flags, "pac-ret"),
}


def _compiled(unit: truth.Unit) -> bool:
    return unit.producer.startswith(("GNU C", "clang"))


def _has_flags(function: truth.Function) -> bool:
    """Whether the unit is of C or C++: assembler's has no flags, and that of link-time optimisation not all."""
    return bool(function.flags) and not function.unit.endswith((".S", ".s", "<artificial>"))


def _checked(
    build: str,
    path: str,
    feature: str,
    said: Elf,
    found: Inspection,
    functions: Sequence[truth.Function],
    told: Sequence[truth.Unit],
    text: str,
    target: Target,
) -> Checked:
    count = sum(_ASKED[feature](unit.flags) for unit in told)
    having = [owner for owner in _owners(functions, _having(found, feature)) if owner]
    places = [(at, owner) for at, owner in _placed(functions, text, feature, target) if owner]
    reason = said.reasons.get(feature)
    sites = [int(site.address, 16) for site in reason.sites if site.address] if reason else []
    accused = list(zip(sites, _owners(functions, sites), strict=True))
    return Checked(
        build=build,
        path=path,
        feature=feature,
        told="all" if told and count == len(told) else "some" if count else "none",
        verdict=str(getattr(said, feature)),
        right=sum(_ASKED[feature](owner.flags) for owner in having),
        wrong=tuple(owner.name for owner in having if not _ASKED[feature](owner.flags)),
        shown=len({owner for _, owner in places}),
        met=len({owner for _, owner in places} & set(having)),
        sites=len(sites),
        wronged=tuple(owner.name for _, owner in accused if owner and _ASKED[feature](owner.flags)),
        strange=tuple(hex(at) for at, owner in accused if owner is None),
    )


def _having(found: Inspection, feature: str) -> list[int]:
    """The addresses of functions of which archscan says that they have what a feature writes."""
    if feature == "stack_protector":
        offsets: Offsets = found.view.starts[found.guarded]
    elif feature == "pac_compiled":
        offsets = found.idioms.signatures(found.text)
    elif feature in found.idioms.entry_marks:
        offsets = found.view.starts[found.idioms.entry_marks[feature](found.text, found.view.starts)]
    else:
        assert found.idioms.probes
        offsets = found.idioms.probes(found.text, found.frames).probes
    return [address_of(found.text, int(offset)) for offset in offsets]


def _placed(
    functions: Sequence[truth.Function], text: str, feature: str, target: Target
) -> Iterator[tuple[int, truth.Function | None]]:
    """The places that objdump shows, with their functions; landing pads count at the start of a function only."""
    starts = {one.low for one in functions}
    shown = [int(at, 16) for at in target.shown[feature].findall(text)]
    wanted = [at for at in shown if at in starts] if feature in ("ibt_compiled", "bti_compiled") else shown
    yield from zip(wanted, _owners(functions, wanted), strict=True)


def _owners(functions: Sequence[truth.Function], addresses: Iterable[int]) -> list[truth.Function | None]:
    """The function around each address; None where no unit with flags has one there."""
    starts = [one.low for one in functions]
    found: list[truth.Function | None] = []
    for address in addresses:
        at = bisect_right(starts, address) - 1
        found.append(functions[at] if at >= 0 and address < functions[at].high else None)
    return found
