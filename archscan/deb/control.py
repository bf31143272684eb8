"""The control file of a package as values: every field kept, the ones that people ask for in columns."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from debian.deb822 import Deb822, PkgRelation

from archscan.deb.version import version_key
from archscan.errors import DebError
from archscan.model import Package, Relation, escape

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
_OPERATORS = {"<": "<=", ">": ">=", "<<": "<<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">>"}


def package(text: bytes) -> Package:
    """The package that a control file describes (deb-control(5)); fields that are missing are None.

    Raises DebError where the file cannot be parsed or has no Package or Version.
    """
    fields = _fields(text)
    name, version = _required(fields, "Package"), _required(fields, "Version")
    source = _SOURCE.match(fields.find("Source") or "") or _SOURCE.match(name)
    return Package(
        name=name,
        version=version,
        version_key=version_key(version),
        architecture=fields.find("Architecture"),
        variant=fields.find("Architecture-Variant"),
        source=source[1] if source else name,
        source_version=(source[2] if source else None) or version,
        control_section=fields.find("Section"),
        control_priority=fields.find("Priority"),
        essential=(fields.find("Essential") or "").lower() == "yes",
        maintainer=fields.find("Maintainer"),
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


def _fields(text: bytes) -> _Fields:
    try:
        # A list of lines: from one string, python-debian would take everything up to the end.
        paragraph = Deb822(text.decode("utf-8", "surrogateescape").splitlines(), encoding="utf-8", strict=None)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DebError("corrupt", f"the control file cannot be parsed: {error}") from error
    return _Fields((escape(str(name)), _value(str(value))) for name, value in paragraph.items())


def _value(value: str) -> str:
    """A field's value; the line breaks and tabs of long ones stay, everything else is escaped."""
    return "\n".join("\t".join(map(escape, line.split("\t"))) for line in value.strip().split("\n"))


def _required(fields: _Fields, name: str) -> str:
    value = fields.find(name)
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
    """Each name of a relation field, alternatives apart: ``a (>= 1) | b, c`` gives three."""
    for alternatives in PkgRelation.parse_relations(" ".join(value.split())):
        for relation in alternatives:
            operator, version = relation.get("version") or (None, None)
            name = relation.get("name")
            if name:
                yield Relation(kind, name, _OPERATORS.get(operator) if operator else None, version)
