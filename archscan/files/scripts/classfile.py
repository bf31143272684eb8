"""A Java class file: its constants, methods and their code (The Java Virtual Machine Specification, chapter 4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAGIC = 0xCAFEBABE
_UTF8, _CLASS, _STRING, _NAME_AND_TYPE = 1, 7, 8, 12
# Bytes behind the tag, JVMS table 4.4-A.
_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
_WIDE = (5, 6)  # long and double take two places
_LONGEST = 4096


class ClassError(ValueError):
    """What was read is no class file, or a damaged one."""


class Reference(NamedTuple):
    """A field or method: the class with points, its name, and its descriptor."""

    owner: str
    name: str
    descriptor: str


class Method(NamedTuple):
    """A method with its code; ``lines`` are pairs of an offset and the line that begins there."""

    name: str
    code: bytes
    lines: Sequence[tuple[int, int]]


class ClassFile:
    """The constants of a class file, and its methods."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at: list[int] = []  # of each constant, behind its tag
        self._tags: list[int] = []
        try:
            self.name, self.methods = self._read()
        except (struct.error, IndexError) as error:
            raise ClassError("cut off") from error

    def _u2(self, at: int) -> int:
        return int(struct.unpack_from(">H", self._data, at)[0])

    def _u4(self, at: int) -> int:
        return int(struct.unpack_from(">I", self._data, at)[0])

    def _read(self) -> tuple[str, list[Method]]:
        if self._u4(0) != _MAGIC:
            raise ClassError("no class file")
        at = self._constants()
        name = self.class_name(self._u2(at + 2))
        at += 8 + 2 * self._u2(at + 6)
        methods: list[Method] = []
        for has_code in (False, True):  # fields, then methods
            count = self._u2(at)
            at += 2
            for _ in range(count):
                told = self.text(self._u2(at + 2))
                attributes, at = self._attributes(at + 6)
                methods += [self._method(told, start) for key, start, _ in attributes if has_code and key == "Code"]
        return name, methods

    def _constants(self) -> int:
        count = self._u2(8)
        at = 10
        self._at, self._tags = [0], [0]
        while len(self._at) < count:
            tag = self._data[at]
            size = 2 + self._u2(at + 1) if tag == _UTF8 else _SIZES.get(tag)
            if size is None:
                raise ClassError(f"constant of kind {tag}")
            self._at.append(at + 1)
            self._tags.append(tag)
            if tag in _WIDE:
                self._at.append(0)
                self._tags.append(0)
            at += 1 + size
        return at

    def _attributes(self, at: int) -> tuple[list[tuple[str, int, int]], int]:
        """Name, first byte and size of each attribute, and where the data goes on."""
        found = []
        count = self._u2(at)
        at += 2
        for _ in range(count):
            size = self._u4(at + 2)
            if at + 6 + size > len(self._data):
                raise ClassError("an attribute reaches beyond the end")
            found.append((self.text(self._u2(at)), at + 6, size))
            at += 6 + size
        return found, at

    def _method(self, name: str, at: int) -> Method:
        size = self._u4(at + 4)
        code = self._data[at + 8 : at + 8 + size]
        after = at + 8 + size
        attributes, _ = self._attributes(after + 2 + 8 * self._u2(after))
        lines: list[tuple[int, int]] = []
        for key, start, _ in attributes:
            if key == "LineNumberTable":
                lines += [(self._u2(start + 2 + 4 * one), self._u2(start + 4 + 4 * one))
                          for one in range(self._u2(start))]  # fmt: skip
        return Method(name, code, sorted(lines))

    def text(self, index: int) -> str:
        """A Utf8 constant; modified UTF-8 that does not decode is marked."""
        if not 0 < index < len(self._tags) or self._tags[index] != _UTF8:
            return ""
        at = self._at[index]
        return self._data[at + 2 : at + 2 + min(self._u2(at), _LONGEST)].decode("utf-8", "replace")

    def string(self, index: int) -> str | None:
        """A String constant; None for any other."""
        if not 0 < index < len(self._tags) or self._tags[index] != _STRING:
            return None
        return self.text(self._u2(self._at[index]))

    def class_name(self, index: int) -> str:
        """The name of a class with points."""
        if not 0 < index < len(self._tags) or self._tags[index] != _CLASS:
            return ""
        return self.text(self._u2(self._at[index])).replace("/", ".")

    def reference(self, index: int) -> Reference | None:
        """The field or method of a constant; also of a call that is found at run time, without a class."""
        if not 0 < index < len(self._tags) or self._tags[index] not in (9, 10, 11, 18):
            return None
        at = self._at[index]
        pair = self._u2(at + 2)
        if not 0 < pair < len(self._tags) or self._tags[pair] != _NAME_AND_TYPE:
            return None
        owner = "" if self._tags[index] == 18 else self.class_name(self._u2(at))
        where = self._at[pair]
        return Reference(owner, self.text(self._u2(where)), self.text(self._u2(where + 2)))

    def strings(self) -> Iterator[str]:
        """Every String constant."""
        for index, tag in enumerate(self._tags):
            if tag == _STRING and (text := self.string(index)):
                yield text
