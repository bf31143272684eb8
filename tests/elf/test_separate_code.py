"""What is mapped executable beside code, against the linker's flags and what readelf says of the layout."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests.elf.building import HELLO, body_at, compiled, handmade, seen, segments, with_segment, without_sections


def _by_readelf(path: Path) -> str | None:
    """The verdict by readelf's map of sections to segments; None without an executable segment."""
    text = subprocess.check_output(["readelf", "-lSW", path], text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    code = set(re.findall(r"^  \[ *\d+\] (\S+) .* [WALMSIO]*X[\w ]* +\d+ +\d+ +\d+$", text, re.MULTILINE))
    parts = re.findall(r"^  [A-Z_]+ +(0x[0-9a-f]+) .* ([RWE ]{3}) 0x[0-9a-f]+$", text, re.MULTILINE)
    kinds = re.findall(r"^  ([A-Z_]+) +0x", text, re.MULTILINE)
    held = dict(re.findall(r"^   (\d\d) +(.*)$", text, re.MULTILINE))
    wanted = [number for number, kind in enumerate(kinds) if kind == "LOAD" and "E" in parts[number][1]]
    if not wanted:
        return None
    mixed = any(int(parts[number][0], 16) == 0 or set(held[f"{number:02}"].split()) - code for number in wanted)
    return "no" if mixed else "yes"


def test_every_object_of_the_corpus_is_judged_as_readelf_lays_it_out(
    corpus_objects: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    compared = []
    for objects in corpus_objects.values():
        for name, path in objects.items():
            found = seen(path, name) if path.read_bytes()[:4] == b"\x7fELF" else None
            if found and found.kind not in ("relocatable", "kernel-module", "debug", "firmware"):
                assert found.separate_code == (_by_readelf(path) or "n/a"), (name, found.reasons.get("separate_code"))
                compared.append(found.separate_code)
    assert len(compared) > 30
    assert "no" in compared


@pytest.mark.parametrize(("flag", "verdict"), [("separate-code", "yes"), ("noseparate-code", "no")])
@pytest.mark.parametrize("more", [[], ["-static"], ["-shared", "-fPIC"]])
def test_the_linkers_option_decides(tmp_path: Path, flag: str, verdict: str, more: list[str]) -> None:
    path = compiled(tmp_path, HELLO, ["-O2", *more, f"-Wl,-z,{flag}"])
    found = seen(path)
    assert found.separate_code == verdict == _by_readelf(path)
    assert seen(without_sections(path.read_bytes())).separate_code == verdict
    if verdict == "no":
        assert found.reasons["separate_code"].code == "headers-in-code"


def test_constants_beside_code_are_named(tmp_path: Path) -> None:
    path = compiled(tmp_path, HELLO, ["-O2", "-Wl,-z,separate-code"])
    data = path.read_bytes()
    (place, code), (_, constants) = (
        next(
            (number, fields)
            for number, (_, fields) in enumerate(segments(data))
            if fields[:2] == [1, flags] and fields[2]
        )
        for flags in (5, 4)
    )
    # The executable segment is made as long as to hold the constants behind it.
    reach = constants[2] + constants[5] - code[2]
    code[5] = code[6] = reach
    found = seen(with_segment(data, place, code))
    reason = found.reasons["separate_code"]
    assert (found.separate_code, reason.code) == ("no", "data-in-code")
    assert ".rodata" in {site.name for site in reason.sites}
    assert {site.address for site in reason.sites} == {hex(code[3])}


def test_what_no_process_maps_has_no_verdict(tmp_path: Path) -> None:
    assert seen(compiled(tmp_path, HELLO, ["-c"], name="x.o"), "usr/lib/x.o").separate_code == "n/a"
    assert seen(handmade([(1, 4, 0, body_at(1))]), "usr/lib/x.so").reasons["separate_code"].code == "no-code"


def test_program_headers_at_the_end_of_the_file_count_too() -> None:
    at = body_at(1)
    plain = handmade([(1, 5, at, 16)], bytes(16))
    moved = bytearray(plain + plain[64:at])
    assert seen(bytes(moved), "usr/lib/x.so").separate_code == "unknown"
    struct.pack_into("<Q", moved, 32, len(plain))
    size = len(moved) - at
    struct.pack_into("<QQ", moved, len(plain) + 32, size, size)
    assert seen(bytes(moved), "usr/lib/x.so").reasons["separate_code"].code == "headers-in-code"


@pytest.mark.parametrize("kind", [2, 3, 4, 0x6474E550], ids=["PT_DYNAMIC", "PT_INTERP", "PT_NOTE", "PT_GNU_EH_FRAME"])
def test_tables_among_code_are_told_without_sections(kind: int) -> None:
    at = body_at(2)
    found = seen(handmade([(1, 5, at, 64), (kind, 4, at + 16, 16)], bytes(64)), "usr/lib/x.so")
    reason = found.reasons["separate_code"]
    assert (found.separate_code, reason.code) == ("no", "data-in-code")
    assert f"segment of type {kind:#x}" in {site.name for site in reason.sites}
    beside = handmade([(1, 5, at, 16), (kind, 4, at + 16, 16)], bytes(64))
    assert seen(beside, "usr/lib/x.so").separate_code == "unknown"


_ALONE = ".globl _start\n.section .rodata\n.quad 1\n.data\n.quad 4\n.text\n_start: ret\n"


@pytest.mark.parametrize(("flag", "whole", "bare"), [("-N", "no", "no"), ("-n", "no", "unknown")])
def test_without_sections_nothing_passes_for_code_that_cannot_be_told(
    tmp_path: Path, flag: str, whole: str, bare: str
) -> None:
    """One segment for all: writable, or of code and constants without the headers."""
    source = _ALONE if flag == "-N" else _ALONE.replace(".data\n.quad 4\n", "")
    path = compiled(tmp_path, source, ["-static", "-nostdlib", f"-Wl,{flag},--build-id=none"], suffix="s")
    assert seen(path).separate_code == whole
    found = seen(without_sections(path.read_bytes()))
    assert (found.separate_code, found.reasons["separate_code"].code) == (
        bare,
        {"no": "data-in-code", "unknown": "no-sections"}[bare],
    )
