"""Shared libraries that are only linked against: the right soname, version nodes and names, and no code.

A program linked with one carries the same NEEDED, verneed and import entries as one linked with the library
itself, so no development package has to be installed to build the corpus.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from corpus.recipes import Stub
from corpus.target import Target, run


def _split(symbol: str, node: str) -> tuple[str, str]:
    """Name and version node of ``name@NODE``; a bare name is in the library's own node."""
    name, at, own = symbol.partition("@")
    return name, own if at else node


def source(stub: Stub) -> str:
    """C that defines every symbol of ``stub`` under its exact name: asm labels take mangled C++ names too."""
    lines = []
    for number, symbol in enumerate(stub.symbols):
        name, _ = _split(symbol, stub.node)
        lines.append(f'void f{number}(void) __asm__("{name}");\nvoid f{number}(void) {{}}\n')
    for number, symbol in enumerate(stub.data):
        name, _ = _split(symbol, stub.node)
        lines.append(f'extern char d{number}[64] __asm__("{name}");\nchar d{number}[64] = {{1}};\n')
    return "".join(lines)


def _nodes(stub: Stub) -> Iterator[tuple[str, list[str]]]:
    pairs = [_split(symbol, stub.node) for symbol in (*stub.symbols, *stub.data)]
    for node in sorted({node for _, node in pairs if node}):
        yield node, sorted(name for name, own in pairs if own == node)


def version_script(stub: Stub) -> str:
    """The linker's version script of ``stub``: a node for each version, empty if it has none."""
    return "".join(
        f"{node} {{\n global:\n" + "".join(f'  "{name}";\n' for name in members) + "};\n"
        for node, members in _nodes(stub)
    )


def build(stub: Stub, chosen: Target, folder: Path) -> Path:
    """The shared library of ``stub``, in ``folder`` under its soname."""
    library = folder / stub.soname
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    code, script = folder / f"{stub.soname}.c", folder / f"{stub.soname}.map"
    code.write_text(source(stub), "utf-8")
    script.write_text(version_script(stub), "utf-8")
    flags = ["-shared", "-fPIC", "-O0", "-nostdlib", "-w", f"-Wl,-soname,{stub.soname}"]
    if script.stat().st_size:
        flags.append(f"-Wl,--version-script={script.name}")
    run([chosen.compiler, *flags, "-o", library.name, code.name], folder=str(folder))
    return library


def extended(own: Stub, known: Stub | None) -> Stub:
    """A recipe's stub, with what a library of the catalogue has that it bears the name of."""
    if known is None:
        return own
    added = ("@".join(_split(symbol, own.node)) for symbol in own.symbols)
    return msgspec.structs.replace(known, symbols=tuple(dict.fromkeys((*known.symbols, *added))))


def by_name(stubs: Iterable[Stub]) -> dict[str, Stub]:
    """The stubs under the names that recipes use."""
    return {stub.name: stub for stub in stubs}
