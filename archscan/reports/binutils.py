"""Commands of binutils and dpkg by which a reader checks for himself what archscan says of a place in a package."""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from archscan.model import unescape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from archscan.model import Explained
    from archscan.reports.content import Row

_PLAIN = re.compile(rb"[\w@%+=:,./~-]+")  # what a shell takes as it is
_NAME = re.compile(r"(?!\.+$)[\w.+][\w.+-]{0,99}", re.ASCII)
_MEMBER = re.compile(r"(?P<archive>.*)\((?P<member>[^()]*)\)$")
_PACKED = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}
_CONTROL = "DEBIAN/"  # where files of the control archive are said to be
_OPENED = (".jar", ".war")  # whose lines are those of the sources
_MOST_LINES = 8
_SHOWN = 32  # bytes of data
_AFTER = 16  # bytes behind a place whose instructions are not known
# Whose objdump reads the code, in the words of Debian's packages binutils-…; that of x86-64 reads i386's, too.
_PREFIXES = {
    "x86_64": "x86_64-linux-gnu-",
    "i386": "x86_64-linux-gnu-",
    "aarch64": "aarch64-linux-gnu-",
    "arm": "arm-linux-gnueabihf-",
    "ppc64": "powerpc64le-linux-gnu-",
    "s390": "s390x-linux-gnu-",
    "riscv": "riscv64-linux-gnu-",
}
_HOSTS = {
    "x86_64": ("x86_64", "i386"),
    "i686": ("i386", "x86_64"),
    "aarch64": ("aarch64",),
    "armv7l": ("arm",),
    "ppc64le": ("ppc64",),
    "s390x": ("s390",),
    "riscv64": ("riscv",),
}
# What objdump calls processors
_PROCESSORS = {"x86_64": "i386:x86-64", "ppc64": "powerpc:common64", "riscv": "riscv:rv64", "s390": "s390:64-bit"}
_HEADERS = {
    "pie": "-hdW", "relro": "-lW", "bind_now": "-dW", "nx": "-lW", "textrel": "-drW", "wx_segments": "-lW",
    "separate_code": "-lW", "ibt_marked": "-nW", "shstk_marked": "-nW", "bti_marked": "-nW", "pac_marked": "-nW",
    "rpath": "-dW", "runpath": "-dW", "fortify": "--dyn-syms -W",
}  # fmt: skip
# Words of a listing of all code that stand for a protection
_WORDS = {"ibt_compiled": "endbr64", "bti_compiled": "bti", "pac_compiled": "paciasp"}


def quoted(stored: str) -> str:
    r"""A stored name as a word of bash: as it is, in quotes, or with what no terminal shows as ``$'\xNN'``."""
    raw = unescape(stored)
    if _PLAIN.fullmatch(raw) and not raw.startswith(b"-"):
        return raw.decode()
    if all(32 <= byte < 127 for byte in raw):
        return shlex.quote(raw.decode())
    return "$'" + "".join(_byte(byte) for byte in raw) + "'"


def _byte(byte: int) -> str:
    character = chr(byte)
    if 32 <= byte < 127 and character not in "'\\":
        return character
    return f"\\x{byte:02x}"


def file_name(path: str) -> str:
    """What the object is called once it is extracted: its own name, if that is a plain one."""
    name = posixpath.basename(path)
    found = _MEMBER.match(path)
    name = found["member"] if found else name
    return name if _NAME.fullmatch(name) else "object"


def objdump(machine: str | None, host: str) -> str:
    """The name of the objdump that reads code for a processor, on a ``host`` as uname(1) calls it."""
    if machine is None or machine in _HOSTS.get(host, ()):
        return "objdump"
    return f"{_PREFIXES.get(machine, '')}objdump"


def extraction(package: str, occurrence: Row, member: str = "") -> Iterator[str]:
    """The commands that put the file of an occurrence into a folder of its own; ``package`` is the path of the .deb.

    ``member`` is its name in the archive, if that is known.
    """
    stored = occurrence["file_path"] or occurrence["path"]
    yield 'cd "$(mktemp -d)"'
    leaves = stored.startswith(("/", "../"))  # so tar has to be told that it may
    written = member or (stored if leaves else f"./{stored}")
    tar = f"dpkg-deb --fsys-tarfile {quoted(package)} | tar {'-xPO' if leaves else '-xO'} {quoted(written)}"
    found = _MEMBER.match(occurrence["path"])
    packed = next((tool for end, tool in _PACKED.items() if stored.endswith(f".ko{end}")), None)
    name = quoted(file_name(occurrence["path"]))
    if found and stored == found["archive"]:
        member, _, number = found["member"].partition("#")
        yield f"{tar} > library.a"
        yield f"ar p{f'N {number}' if number else ''} library.a {quoted(member)} > {name}"
    elif packed:
        yield f"{tar} | {packed} -dc > {name}"
    else:
        yield f"{tar} > {name}"


def of_site(one: Explained, occurrence: Row, host: str) -> Iterator[str]:
    """The commands that show the code around a place, the function that is called, and the texts that matter."""
    name, tool = quoted(file_name(occurrence["path"])), objdump(occurrence["machine"], host)
    if one.data:
        section, _, number = one.address.rpartition("+")
        part = f"-j {quoted(section)} " if section else ""
        end = int(number, 16) + _SHOWN
        yield f"{tool} -s {part}--start-address={number} --stop-address={end:#x} {name}"
    if one.instructions or not (one.target or one.data):
        first = one.instructions[0].address if one.instructions else one.address
        raw = _raw(occurrence["machine"], one.shift)
        yield f"{tool} {_range(first, _end(one), raw)} {name}"
    if one.target:
        relocations = "-rDW" if one.shift else "-rW"
        table = "-sW" if _is_linked_in(one, occurrence) else relocations
        yield f"readelf {table} {name} | grep -F -- {quoted(one.target)}"
    for section, text in dict.fromkeys((passage.section, passage.text) for passage in one.passages):
        yield f"readelf -p {quoted(section)} {name} | grep -F -- {quoted(text)}"


def _is_linked_in(one: Explained, occurrence: Row) -> bool:
    """Whether the function that is called is the object's own, of a library that the linker was given."""
    uses = [use for use in occurrence["uses"] if use["address"] == one.address]
    return any((use["library"] or "").endswith(".a") for use in uses)


def of_address(address: str, occurrence: Row, host: str) -> str:
    """The command for a place of which only the address is known."""
    name, tool = quoted(file_name(occurrence["path"])), objdump(occurrence["machine"], host)
    section, plus, number = address.rpartition("+")
    return f"{tool} {_range(address, f'{section}{plus}{int(number, 16) + _AFTER:#x}')} {name}"


def _end(one: Explained) -> str:
    if one.instructions:
        return one.instructions[-1].behind
    section, plus, number = one.address.rpartition("+")
    return f"{section}{plus}{int(number, 16) + _AFTER:#x}"


def _raw(machine: str | None, shift: str) -> str:
    """The options by which objdump disassembles an object without sections; none for others."""
    return f"-D -b binary -m {_PROCESSORS.get(machine or '', machine)} --adjust-vma={shift}" if shift else "-d"


def _range(first: str, end: str, how: str = "-d") -> str:
    section, _, start = first.rpartition("+")
    part = f"-j {quoted(section)} " if section else ""
    return f"{how} --no-show-raw-insn {part}--start-address={start} --stop-address={end.rpartition('+')[2]}"


def of_verdict(subject: str, occurrence: Row, host: str) -> Iterator[str]:
    """The commands that show what an object says of a protection as a whole: by its headers, or how often in its code.

    A count of 0 is an answer, too.
    """
    if occurrence["elf_sha256"] is None:
        return
    name, tool = quoted(file_name(occurrence["path"])), objdump(occurrence["machine"], host)
    if subject in _WORDS:
        yield f"{tool} -d {name} | grep -cw {_WORDS[subject]} || true"
    elif subject == "stack_protector":
        yield f"readelf --dyn-syms -W {name} | grep -c __stack_chk_fail || true"
    elif subject != "stack_clash":
        yield f"readelf {_HEADERS.get(subject, '-hldW')} {name}"


def of_import(uses: Mapping[str, None], occurrence: Row) -> Iterator[str]:
    """The commands that show the imports of functions, of which no call was seen."""
    for symbol in uses:
        yield f"readelf --dyn-syms -W {quoted(file_name(occurrence['path']))} | grep -F -- {quoted(symbol)}"


def of_file(package: str, occurrence: Row) -> Iterator[str]:
    """The commands that show how a file lies in the package, the lines that are meant, and what its scripts do."""
    lines = _lines(occurrence)
    if lines and not occurrence["path"].endswith(_OPENED):
        inside = occurrence["path"].startswith(_CONTROL)
        part, member = ("ctrl", occurrence["path"].removeprefix(_CONTROL)) if inside else ("fsys", occurrence["path"])
        shown = ";".join(f"{line}p" for line in lines)
        yield f"dpkg-deb --{part}-tarfile {quoted(package)} | tar -xO {quoted(f'./{member}')} | sed -n {quoted(shown)}"
    elif occurrence["path"]:
        yield f"dpkg-deb --contents {quoted(package)} | grep -F -- {quoted(occurrence['path'])}"
    if occurrence["privilege_source"] == "postinst":
        yield f"dpkg-deb --info {quoted(package)} postinst"


def _lines(occurrence: Row) -> list[int]:
    """The lines of the file that the evidence names, the first ones."""
    sites = occurrence["evidence"].get("sites", ()) if occurrence["path"] else ()
    found = {site.get("line") for site in sites if isinstance(site, dict)}
    return sorted(line for line in found if isinstance(line, int) and line > 0)[:_MOST_LINES]
