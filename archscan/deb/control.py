"""The control file of a package as values: every field kept, the ones that people ask for in columns."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

import msgspec
from debian.deb822 import Deb822, PkgRelation

from archscan.errors import DebError
from archscan.model import Package, Relation, escape
from archscan.model.version import version_key

RELATION_FIELDS = (
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Provides",
    "Built-Using",
    "Static-Built-Using",
    "X-Cargo-Built-Using",
)
_SOURCE = re.compile(r"^(\S+)(?:\s+\((.*)\))?\s*$")
_LARGEST = 2 << 20  # bytes; no honest one has a tenth of it, and a million relations are half a gigabyte
_LONGEST = 65_536  # characters of what goes into a column (model.Text)
# python-debian strips what Unicode calls a blank, and wants text: so each byte that is not plain ASCII travels
# through it as a character of the private use area, which is neither blank nor letter.
_PLAIN = {*b"\t\n\r", *range(0x20, 0x7F)}
_ARMOUR = {byte: 0xE000 + byte for byte in range(256) if byte not in _PLAIN}
_BARE = {character: byte for byte, character in _ARMOUR.items()}
# It warns of relations that it cannot parse; they are kept as they stand.
logging.getLogger("debian.deb822").setLevel(logging.ERROR)
_OPERATORS = {"<": "<=", ">": ">=", "<<": "<<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">>"}


def package(text: bytes) -> Package:
    """The package that a control file describes (deb-control(5)); fields that are missing are None.

    Raises DebError where the file cannot be parsed or has no Package or Version, or is larger than any honest one. Of a
    field that is given twice, the last counts.
    """
    fields = _fields(text)
    name, version = _required(fields, "Package"), _required(fields, "Version")
    source = _SOURCE.match(fields.short("Source") or "") or _SOURCE.match(name)
    return Package(
        name=name,
        version=version,
        version_key=version_key(version),
        architecture=fields.short("Architecture"),
        variant=fields.short("Architecture-Variant"),
        source=source[1] if source else name,
        source_version=(source[2] if source else None) or version,
        control_section=fields.short("Section"),
        control_priority=fields.short("Priority"),
        essential=(fields.find("Essential") or "").lower() == "yes",
        maintainer=fields.short("Maintainer"),
        installed_size=_number(fields.find("Installed-Size")),
        control=msgspec.json.encode(fields).decode(),
        relations=tuple(_relations(fields)),
    )


class _Fields(dict[str, str]):
    """Fields under the names that the file gives them, found without regard to case (deb822(5))."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._names = {name.lower(): name for name in self}

    def find(self, name: str) -> str | None:
        """The value of a field, or None."""
        return self.get(self._names.get(name.lower(), name))

    def short(self, name: str) -> str | None:
        """The value of a field that fits a column, or None."""
        value = self.find(name)
        if value is not None and len(value) > _LONGEST:
            raise DebError("limit", f"the field {name} of the control file has {len(value)} characters, not {_LONGEST}")
        return value


def _fields(text: bytes) -> _Fields:
    if len(text) > _LARGEST:
        raise DebError("limit", f"the control file has {len(text)} bytes; at most {_LARGEST} are read")
    try:
        # A list of lines: from one string, python-debian would take everything up to the end.
        lines = text.decode("latin-1").translate(_ARMOUR).split("\n")
        paragraph = Deb822(lines, encoding="utf-8", strict=None)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DebError("corrupt", f"the control file cannot be parsed: {error}") from error
    return _Fields((escape(_bytes(name)), _value(_bytes(value))) for name, value in paragraph.items())


def _bytes(text: object) -> bytes:
    return str(text).translate(_BARE).encode("latin-1")


def _value(value: bytes) -> str:
    """A field's value; the line breaks and tabs of long ones stay, everything else is escaped."""
    return "\n".join("\t".join(map(escape, line.split(b"\t"))) for line in value.strip(b" \t\r\n").split(b"\n"))


def _required(fields: _Fields, name: str) -> str:
    value = fields.short(name)
    if not value:
        raise DebError("corrupt", f"the control file has no field {name}")
    return value


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 18 else None


def _relations(fields: _Fields) -> Iterable[Relation]:
    for field in RELATION_FIELDS:
        value = fields.find(field)
        if value:
            yield from relations(field.lower(), value)


def relations(kind: str, value: str) -> Iterable[Relation]:
    """Each name of a relation field, alternatives apart: ``a (>= 1) | b, c`` gives three.

    What cannot be parsed is a name as it stands; what is too long for a column is left to the package's ``control``.
    """
    for alternatives in PkgRelation.parse_relations(" ".join(value.split())):
        for relation in alternatives:
            operator, version = relation.get("version") or (None, None)
            name = relation.get("name")
            if name and max(len(name), len(version or "")) <= _LONGEST:
                yield Relation(kind, name, _OPERATORS.get(operator) if operator else None, version)
