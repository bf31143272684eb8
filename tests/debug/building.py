"""Objects with debug information, each unit compiled with flags of its own, and packages of them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from corpus.debs import Compression, Entry, deb

# unit → its source. `used` calls what has a checked form, `plain` declares nothing of the C library.
SOURCES = {
    "main.c": """
#include <stdio.h>
#include <string.h>
int plain(const char *);
int used(char *, const char *);
int main(int argc, char **argv)
{
    char line[64];
    strcpy(line, argv[0]);
    printf("%s %d\\n", line, used(line, argv[0]) + plain(line));
    return argc;
}
""",
    "used.c": """
#include <string.h>
int used(char *to, const char *from)
{
    char buffer[32];
    memcpy(buffer, from, strlen(from));
    strcpy(to, buffer);
    return buffer[3];
}
""",
    "plain.c": """
int plain(const char *text)
{
    char copy[16];
    int at;
    for (at = 0; at < 15 && text[at]; at++)
        copy[at] = text[at];
    return copy[at / 2];
}
""",
}
ALL = ("-O2", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong", "-fstack-clash-protection", "-fPIE")


def program(
    folder: Path, flags: Mapping[str, Sequence[str]], *more: str, compiler: str = "gcc", link: Sequence[str] = ()
) -> Path:
    """``SOURCES`` as a program with debug information; ``flags`` are those of a unit, ``more`` those of all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
        run(compiler, "-g", "-U_FORTIFY_SOURCE", *flags.get(name, ALL), *more, "-c", name, cwd=folder)
    objects = [name.replace(".c", ".o") for name in SOURCES]
    run(compiler, *more, *(link or ("-pie",)), "-Wl,--build-id=sha1", "-o", "program", *objects, cwd=folder)
    return folder / "program"


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; it must succeed."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout


def split(path: Path) -> tuple[Path, Path]:
    """The object without and the file with its debug information, as dh_strip makes them."""
    stripped, debug = path.with_name(path.name + ".stripped"), path.with_name(path.name + ".debug")
    run("objcopy", "--only-keep-debug", "--compress-debug-sections", path, debug, cwd=path.parent)
    run("objcopy", "--strip-all", f"--add-gnu-debuglink={debug.name}", path, stripped, cwd=path.parent)
    return stripped, debug


def build_id(path: Path) -> str:
    """The build id, as readelf shows it."""
    text = run("readelf", "--notes", path, cwd=path.parent)
    return next(line.split()[-1] for line in text.splitlines() if "Build ID:" in line)


def package(path: Path, name: str, members: Mapping[str, bytes], compression: Compression = "xz") -> Path:
    """A package at ``path`` with members by their path."""
    control = f"Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\nSource: thing\nMaintainer: A <a@example.org>\n"
    entries = [Entry(name=f"./{inside}".encode(), data=data, mode=0o755) for inside, data in members.items()]
    path.write_bytes(deb([Entry(name=b"./control", data=control.encode())], entries, data_compression=compression))
    return path


def debug_path(identity: str) -> str:
    """Where a -dbgsym package has the file of a build id."""
    return f"usr/lib/debug/.build-id/{identity[:2]}/{identity[2:]}.debug"
