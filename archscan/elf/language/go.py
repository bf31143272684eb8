"""What the Go compiler leaves: how a program was built, from which modules, and whether with CGO.

The block of `.go.buildinfo` starts with 14 magic bytes, the size of a pointer and flags (Go, src/debug/buildinfo).
Since Go 1.18 two strings follow, each with its length as a varint; before, two pointers to Go's string headers stood
there. The first string is the compiler's version, the second the list of modules.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import msgspec

from archscan.elf.image import DT_RELA, DT_RELASZ, ET_REL, Image, loads, mapped, tag
from archscan.elf.language.look import COMPONENTS, Look, part, spans
from archscan.elf.notes import notes
from archscan.model import Component, escape

SECTIONS = (".go.buildinfo", ".note.go.buildid", ".gopclntab", ".data.rel.ro.gopclntab")
_MAGIC = b"\xff Go buildinf:"
_HEADER = 32
_BIG_ENDIAN, _INLINE = 1, 2
_VERSION_BYTES, _MODULE_BYTES, _NAME_BYTES = 256, 4 << 20, 1024  # Kubernetes' list has about 30 KB
_MARK = 16  # bytes before and after the list of modules
_RELOCATIONS = 16 << 20  # bytes of relocations that are searched
_SEARCHED = 4 << 20  # of writable data, where the block is not named; Go puts it first
_ROLES = {b"mod": "go-buildinfo-main", b"dep": "go-buildinfo", b"=>": "go-buildinfo-replacement"}
# Functions of runtime/cgo, in symbols and in Go's own table of functions; without CGO there is none of them.
_CGO_NAMES = (b"crosscall2", b"x_cgo_init", b"_cgo_topofstack")


class BuildInfo(msgspec.Struct, frozen=True):
    """How a program was built: escaped texts. ``whole``: nothing was left out.

    ``settings`` are ``KEY=VALUE``; the first is the ``path`` of the main package.
    """

    version: str
    modules: tuple[Component, ...] = ()
    settings: tuple[str, ...] = ()
    whole: bool = True


def is_go(look: Look) -> bool:
    """Whether Go's own linker made the object, or it holds what that linker made."""
    if any(name in look.sections for name in SECTIONS) or any(owner == b"Go" for owner, _, _ in notes(look.image)):
        return True
    return look.is_static and not look.sections and _block(look) is not None


def build_info(look: Look) -> BuildInfo | None:
    """What the object says about its build; None where it says nothing that can be read."""
    start = _block(look)
    if start is None:
        return None
    data = look.image.data
    if data[start + 15] & _INLINE:
        version, listed = _inline(data, start + _HEADER)
    else:
        version, listed = _pointed(look, start)
    if version is None:
        return None
    modules, settings, whole = _listed(listed or b"")
    return BuildInfo(escape(version), modules, settings, whole and listed is not None)


def _block(look: Look) -> int | None:
    """Where in the file the block starts."""
    found = look.sections.get(".go.buildinfo")
    if found is not None and _is_block(look.image.data, found.offset):
        return found.offset
    left = _SEARCHED
    for start, end in spans(look.image, writable=True):
        at, stop = start, min(end, start + left)
        left -= max(stop - start, 0)
        while (at := look.image.data.find(_MAGIC, at, stop)) >= 0:
            if _is_block(look.image.data, at):
                return at
            at += len(_MAGIC)
    return None


def _is_block(data: bytes, start: int) -> bool:
    """Whether a block starts there: programs that read others' blocks hold the magic bytes, too."""
    head = data[start : start + _HEADER]
    return len(head) == _HEADER and head.startswith(_MAGIC) and (bool(head[15] & _INLINE) or head[14] in (4, 8))


def _inline(data: bytes, at: int) -> tuple[bytes | None, bytes | None]:
    """Version and module list of the form since Go 1.18; None for one that its length leads astray."""
    version, at = _counted(data, at, _VERSION_BYTES)
    listed, _ = _counted(data, at, _MODULE_BYTES)
    return version, listed


def _counted(data: bytes, at: int, most: int) -> tuple[bytes | None, int]:
    """A string behind its length, and where it ends."""
    size = shift = 0
    for byte in data[at : at + 10]:
        at += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
    else:
        return None, at
    return (data[at : at + size], at + size) if size <= most and at + size <= len(data) else (None, at)


def _pointed(look: Look, at: int) -> tuple[bytes | None, bytes | None]:
    """Version and module list of the form before Go 1.18; None for one whose pointers lead nowhere."""
    head = look.image.data[at : at + _HEADER]
    word = struct.Struct((">" if head[15] & _BIG_ENDIAN else "<") + ("Q" if head[14] == 8 else "I"))
    first, second = (word.unpack_from(head, 16 + number * word.size)[0] for number in (0, 1))
    if not first:  # the loader fills it in
        address = _address(look.image, at + 16)
        first, second = (_relocated(look.image, word, address + number * word.size) for number in (0, 1))
    return _string(look.image, word, first, _VERSION_BYTES), _string(look.image, word, second, _MODULE_BYTES)


def _address(image: Image, offset: int) -> int:
    """Where a byte of the file is mapped; 0 where it is not."""
    for segment in loads(image):
        if segment.offset <= offset < segment.offset + segment.file_size:
            return segment.address + offset - segment.offset
    return 0


def _relocated(image: Image, word: struct.Struct, address: int) -> int:
    """What the loader adds to the load address and writes to an address; 0 where no relocation says so."""
    start, size = tag(image, DT_RELA), tag(image, DT_RELASZ)
    table = mapped(image, start, min(size, _RELOCATIONS)) if start is not None and size is not None else b""
    wanted, entry, at = word.pack(address % (1 << 8 * word.size)), 3 * word.size, 0
    while (at := table.find(wanted, at)) >= 0:
        if at % entry == 0 and at + entry <= len(table):
            return int(word.unpack_from(table, at + 2 * word.size)[0])
        at += entry - at % entry
    return 0


def _string(image: Image, word: struct.Struct, address: int, most: int) -> bytes | None:
    """The bytes of the Go string whose header lies at an address."""
    header = mapped(image, address, 2 * word.size)
    if len(header) < 2 * word.size:
        return None
    start, size = word.unpack_from(header)[0], word.unpack_from(header, word.size)[0]
    if not size:
        return b""
    found = mapped(image, start or _relocated(image, word, address), size) if size <= most else b""
    return found if len(found) == size else None


def _listed(text: bytes) -> tuple[tuple[Component, ...], tuple[str, ...], bool]:
    """Modules and settings of a list, and whether all of it was read."""
    if len(text) >= 2 * _MARK + 1 and text[-_MARK - 1 : -_MARK] == b"\n":
        text = text[_MARK:-_MARK]
    lines = text.split(b"\n", 2 * COMPONENTS)
    whole = len(lines) <= 2 * COMPONENTS and len(text) < _MODULE_BYTES
    modules: list[Component] = []
    settings: list[str] = []
    for kind, fields in _fields(lines):
        if any(len(field) > _NAME_BYTES for field in fields[:2]) or len(modules) >= COMPONENTS:
            whole = False
        elif kind in (b"build", b"path"):
            settings.append(escape(fields[0] if kind == b"build" else b"path=" + fields[0]))
        elif kind in _ROLES:
            if kind == b"=>" and modules:
                old = modules[-1]
                modules[-1] = Component(old.ecosystem, old.name, old.version, "go-buildinfo-replaced")
            version = escape(fields[1]) if len(fields) > 1 and fields[1] else None
            modules.append(Component("go", escape(fields[0]), version, _ROLES[kind]))
    return tuple(modules), tuple(settings), whole


def _fields(lines: list[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """The kind of each line that has one, and its other fields."""
    for line in lines:
        kind, tab, rest = line.partition(b"\t")
        if tab and rest:
            yield kind, rest.split(b"\t", 3)


def cgo(look: Look) -> tuple[str, ...]:
    """What shows that the object holds C code beside Go: names of CGO's, else of the C library; empty without.

    That CGO was enabled shows nothing: a program of pure Go is built the same way.
    """
    if look.image.type == ET_REL:
        return ()  # an archive's C is in its other members
    for name in _CGO_NAMES:
        if b"\0" + name + b"\0" in look.strings:
            return (name.decode(),)
    functions = part(look, ".gopclntab", ".data.rel.ro.gopclntab") or (b"" if look.sections else look.image.data)
    for name in _CGO_NAMES:
        if b"\0" + name + b"\0" in functions:
            return (name.decode(),)
    return tuple(sorted(look.needed)) if look.imported else ()
