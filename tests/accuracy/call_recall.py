"""Calls of catalogued functions that objdump shows, and whether archscan has a row for each."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

import msgspec

from tests.accuracy.unpacked import File

# A call or a jump to a stub (`<NAME@plt>`), or straight through a slot (`# 3fd8 <NAME@NODE>`).
_CALL = re.compile(
    r"^ *([0-9a-f]+):\t(?:bnd |notrack )*(?:call|jmp|bl?)q?\s+(?:\*0x[0-9a-f]+\(%rip\)\s+# )?[0-9a-f]+ <([^@>+]+)@(\w+)"
)
_SECTION = re.compile(r"^Disassembly of section (\S+):")
_PROGRAMS = {"amd64": "objdump", "arm64": "aarch64-linux-gnu-objdump"}


class Shown(msgspec.Struct, frozen=True):
    """A call as objdump shows it."""

    package: str
    path: str
    address: str
    symbol: str


def shown(files: Sequence[File], architecture: str, wanted: Container[str]) -> Iterator[Shown]:
    """The calls of functions of the ``wanted`` names in unpacked objects, but for those in stubs themselves."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    for file in files:
        command = [_PROGRAMS[architecture], "--disassemble", "--no-show-raw-insn", "--wide", file.place]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, errors="replace") as running:
            assert running.stdout is not None
            section = ""
            for line in running.stdout:
                if found := _SECTION.match(line):
                    section = found[1]
                elif (found := _CALL.match(line)) and found[2] in wanted and not section.startswith(".plt"):
                    yield Shown(file.package.partition("_")[0], file.path, f"0x{found[1]}", found[2])


def importing(database: Path, wanted: Container[str]) -> set[tuple[str, str]]:
    """Package and path of each object that imports a function of one of the names."""
    connection = sqlite3.connect(database)
    sql = """SELECT p.name, e.path, s.name FROM import i JOIN symbol s ON s.id = i.symbol_id
        JOIN elf e ON e.id = i.elf_id JOIN package p ON p.id = e.package_id"""
    found = {(package, path) for package, path, symbol in connection.execute(sql) if symbol in wanted}
    connection.close()
    return found


def with_rows(database: Path) -> set[tuple[str, str, str, str]]:
    """Package, path, address and symbol of each call in a database, whether it selects something or not."""
    connection = sqlite3.connect(database)
    sql = """SELECT p.name, e.path, c.address, c.symbol
        FROM call_site c JOIN elf e ON e.id = c.elf_id JOIN package p ON p.id = e.package_id"""
    found = set(connection.execute(sql))
    connection.close()
    return found


def table(calls: Sequence[Shown], known: Container[tuple[str, str, str, str]]) -> Iterator[str]:
    """How many of the calls have a row, and which functions' calls have none."""
    missing = [one for one in calls if (one.package, one.path, one.address, one.symbol) not in known]
    objects = len({(one.package, one.path) for one in calls})
    yield f"{len(calls)} calls that objdump shows in {objects} objects: {len(missing)} without a row"
    for (package, path, symbol), count in Counter((one.package, one.path, one.symbol) for one in missing).most_common():
        first = next(one.address for one in missing if (one.package, one.path, one.symbol) == (package, path, symbol))
        yield f"* {package} {path} `{symbol}`: {count}, the first at {first}"
