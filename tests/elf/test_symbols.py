"""Symbols and versions against readelf; tables that a hostile file bends."""

from __future__ import annotations

import re
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.elf.building import HELLO, PLAIN, compiled, linked, seen, without_sections

_LIBRARY = """
#include <stdlib.h>
int value = 1; __thread int each; static int own;
void *given(void) { return malloc(own + each); }
__attribute__((weak)) void maybe(void) {}
__attribute__((visibility("hidden"))) void inner(void) {}
__attribute__((visibility("protected"))) int kept(void) { return value; }
void first(void) {} void second(void) {}
__asm__(".symver first,call@V1\\n.symver second,call@@V2");
"""
_VERSIONS = "V1 { global: given; maybe; kept; value; each; call; local: *; };\nV2 { call; } V1;\n"


def _exports(path: Path) -> set[tuple[str, str | None]]:
    nodes = oracle.facts(path).nodes  # readelf lists the versions themselves as symbols too
    return {(row.name, row.version) for row in oracle.facts(path).exports if row.name not in nodes}


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
@pytest.mark.parametrize("linker", ["bfd", "gold"])
def test_exports_are_those_of_readelf(tmp_path: Path, style: str, linker: str) -> None:
    script = tmp_path / "versions"
    script.write_text(_VERSIONS)
    flags = ["-O2", "-fPIC", "-shared", f"-fuse-ld={linker}", f"-Wl,--hash-style={style},-soname,libv.so.1"]
    path = compiled(tmp_path, _LIBRARY, [*flags, f"-Wl,--version-script={script}"])
    expected = _exports(path)
    assert {("call", "V1"), ("call", "V2"), ("each", "V1")} <= expected
    for data in (path.read_bytes(), without_sections(path.read_bytes())):
        found = {(row.symbol, row.version) for row in seen(data, "usr/lib/libv.so.1", exports="libraries").exports}
        assert {row for row in found if row[0] not in ("V1", "V2")} == expected


def test_exports_of_the_corpus_are_those_of_readelf(corpus_objects: dict[str, dict[str, Path]]) -> None:
    compared = 0
    for objects in corpus_objects.values():
        for path in objects.values():
            if path.read_bytes()[:4] == b"\x7fELF" and oracle.facts(path).soname:
                found = {(row.symbol, row.version) for row in seen(path, exports="libraries").exports}
                assert found == _exports(path), path
                compared += 1
    assert compared


@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_imports_are_found_where_nothing_is_exported(tmp_path: Path, style: str) -> None:
    path = compiled(tmp_path, HELLO, [*PLAIN, f"-Wl,--hash-style={style}"])
    expected = {(row.name, row.version, row.library) for row in oracle.facts(path).imports}
    assert "printf" in {name for name, _, _ in expected}
    found = seen(without_sections(path.read_bytes()))
    assert {(row.symbol, row.version, row.library) for row in found.imports} == expected


def _symbol(name: int, section: int = 0) -> bytes:
    return struct.pack("<IBBHQQ", name, 0x12, 0, section, 0, 0)


def test_names_outside_their_table_are_no_imports() -> None:
    rows = bytes(24) + _symbol(1) + _symbol(2**31) + _symbol(6)
    data = linked({5: b"\0open\0", 6: rows, 4: struct.pack("<IIII", 1, 4, 0, 0)}, [(10, 6)])
    assert [row.symbol for row in seen(data, "usr/lib/x.so").imports] == ["open"]


def test_a_table_without_an_end_ends_with_the_file() -> None:
    tables = {5: b"\0open\0", 6: bytes(24) + _symbol(1), 4: struct.pack("<IIII", 1, 2**32 - 1, 0, 0)}
    assert "open" in {row.symbol for row in seen(linked(tables, [(10, 6)]), "usr/lib/x.so").imports}


def test_chains_of_hashes_and_versions_cost_little() -> None:
    """Every version record leads to all of the others, and no hash chain ends."""
    records = 60_000
    need = b"".join(struct.pack("<HHIII", 1, 0xFFFF, 1, 16, 16) for _ in range(records))
    aux = struct.pack("<IHHII", 0, 0, 2, 1, 16) * 2
    gnu_hash = struct.pack("<IIIIQI", 1, 1, 1, 0, 2**64 - 1, 1) + b"\2\0\0\0" * 200_000
    symbols = bytes(24) + _symbol(1)
    tables = {5: b"\0open\0", 6: symbols, 0x6FFFFFF0: b"\2\0\2\0", 0x6FFFFFFE: need + aux, 0x6FFFFEF5: gnu_hash}
    started = time.process_time()
    found = seen(linked(tables, [(10, 6), (0x6FFFFFFF, records)]), "usr/lib/x.so", exports="libraries")
    assert time.process_time() - started < 5
    assert "open" in {row.symbol for row in found.imports}


def test_a_version_chain_that_stands_still_ends() -> None:
    need = struct.pack("<HHIII", 1, 1, 1, 16, 0) + struct.pack("<IHHII", 0, 0, 2, 6, 0)
    tables = {5: b"\0libx\0V1\0open\0", 6: bytes(24) + _symbol(9), 0x6FFFFFF0: b"\0\0\2\0", 0x6FFFFFFE: need}
    found = seen(linked({**tables, 4: struct.pack("<IIII", 1, 2, 0, 0)}, [(10, 14)]), "usr/lib/x.so")
    assert [(row.symbol, row.version, row.library) for row in found.imports] == [("open", "V1", "libx")]


_TABLES = st.sampled_from([3, 4, 5, 6, 7, 17, 23, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE])
_TAGS = st.sampled_from([1, 2, 8, 10, 14, 15, 18, 20, 22, 24, 29, 30, 0x6FFFFFF9, 0x7000000A, 0x70000011, 0x70000013])
_NUMBERS = st.one_of(st.integers(0, 64), st.integers(0, 2**32 - 1))


@settings(max_examples=300, deadline=2000)
@given(
    tables=st.dictionaries(_TABLES, st.binary(max_size=96)),
    tags=st.lists(st.tuples(_TAGS, _NUMBERS), max_size=8),
    form=st.sampled_from([(64, "<", 62), (32, ">", 8), (64, ">", 22), (32, "<", 3), (64, "<", 8), (64, ">", 43)]),
)
def test_any_tables_are_read_without_a_fall(
    tables: dict[int, bytes], tags: list[tuple[int, int]], form: tuple[int, str, int]
) -> None:
    """What the tables say is arbitrary; the headers are right, so nothing may be refused."""
    bits, order, machine = form
    data = linked(tables, tags, bits=bits, order=order, machine=machine, relro=(0, 64))
    found = seen(data, "usr/lib/x.so", exports="libraries")
    assert found.kind in ("plugin", "shared-library")
    assert len(found.needed) == sum(tag == 1 for tag, _ in tags)


@pytest.mark.full
def test_exports_of_this_machines_libraries_are_those_of_readelf() -> None:
    paths = sorted({path.resolve() for path in Path("/usr/lib/x86_64-linux-gnu").glob("*.so.*")})
    compared = [path for path in paths if path.read_bytes()[:4] == b"\x7fELF" and path.stat().st_size < 3_000_000]
    assert len(compared) >= 30
    for path in compared:
        found = {(row.symbol, row.version) for row in seen(path, exports="libraries").exports}
        nodes = set(oracle.facts(path).nodes)
        # readelf names the binding UNIQUE only in objects marked as GNU's; the oracle passes over the others.
        unnamed = set(re.findall(r"<OS specific>: 10 .* (\S+?)(?:@+\S+)?$", oracle.output(path), re.MULTILINE))
        # Nobody can bind to hidden ones; a linker may list them all the same (ldc's `__start___minfo`).
        hidden = set(re.findall(r" (?:HIDDEN|INTERNAL) +\w+ (\S+?)(?:@+\S+)?$", oracle.output(path), re.MULTILINE))
        expected = {row for row in _exports(path) if row[0] not in hidden}
        assert {row for row in found if row[0] not in nodes | unnamed} == expected, path
