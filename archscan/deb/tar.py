"""The headers of a tar stream: POSIX ustar and pax, and GNU tar (tar(5)).

The standard library's tarfile is not used: hostile PAX records cost it quadratic time and unbounded memory, a chain of
them its stack, and it takes damage after the first member for the end. Here each header has a budget in bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from archscan.deb.streams import Unpacked
from archscan.errors import DebError, LimitError
from archscan.model import Limits

BLOCK = 512
_LARGEST = 2**63 - 1
_TYPES = {
    b"0": "regular",
    b"\0": "regular",
    b"7": "regular",
    b"1": "hardlink",
    b"2": "symlink",
    b"5": "directory",
    b"S": "sparse",
}
# What has no content whatever its size field says; links of old tars repeat the size of their target there.
_EMPTY = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
_LONG_NAME, _LONG_LINK = b"L", b"K"
_RECORDS = frozenset((b"x", b"X", b"g"))


class Header(msgspec.Struct):
    """What stands before one member. ``stored``: bytes in the stream; ``size``: bytes of the file, if it is sparse."""

    name: bytes
    type: str
    mode: int
    uid: int
    gid: int
    owner: bytes
    group: bytes
    size: int
    stored: int
    link: bytes
    modified: float
    records: dict[bytes, bytes]


class _Before:
    """What extension headers say of the next member, and of all that follow; and what they cost."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.shared: dict[bytes, bytes] = {}
        self.shared_cost = 0
        self.clear()

    def clear(self) -> None:
        self.cost = self.shared_cost
        self.records: dict[bytes, bytes] = {}
        self.name = self.link = b""

    def pay(self, size: int) -> None:
        self.cost += size
        if self.cost > self.limit:
            raise LimitError("header_bytes", f"tar headers of {self.cost} bytes for one member, not {self.limit}")

    def take(self, kind: bytes, body: bytes) -> None:
        if kind == _LONG_NAME:
            self.name = body.partition(b"\0")[0]
        elif kind == _LONG_LINK:
            self.link = body.partition(b"\0")[0]
        elif kind == b"g":
            self.shared.update(_records(body))
            self.shared_cost += BLOCK + len(body)
        else:
            self.records.update(_records(body))


def headers(stream: Unpacked, limits: Limits) -> Iterator[Header]:
    """The header of each member, in order. The stream then stands at its content, of which any part may be read.

    Raises DebError where the archive is damaged, ends before its end mark or goes on after it, LimitError where the
    headers of one member take more than ``limits.header_bytes``, or there are more than ``limits.members``.
    """
    before = _Before(limits.header_bytes)
    count = 0
    while True:
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            raise DebError("truncated", f"the tar archive ends after {count} members without its end mark")
        if block.count(0) == BLOCK:
            break
        kind = block[156:157]
        header = _parsed(block, count)
        if kind in _RECORDS or kind in (_LONG_NAME, _LONG_LINK):
            before.pay(BLOCK + header.stored)
            before.take(kind, _body(stream, header.stored))
            continue
        count += 1
        if count > limits.members:
            raise LimitError("members", f"the tar archive has more than {limits.members} members")
        if kind == b"S":
            _skip_sparse_map(stream, block, before)
        _extend(header, before)
        before.clear()
        end = stream.tell() + _padded(header.stored)
        yield header
        if stream.seek(end) < end:
            raise DebError("truncated", f"the tar stream ends inside member {count}")
    if stream.drain():
        raise DebError("corrupt", "data follows the end mark of the tar archive")


def _parsed(block: bytes, count: int) -> Header:
    """The header as it stands in the block."""
    if not _checked(block):
        raise DebError("corrupt", f"the tar archive is damaged after {count} members: a header's checksum is wrong")
    kind = block[156:157]
    stored = 0 if kind in _EMPTY else _number(block[124:136], "size")
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and block[345]:
        name = _text(block[345:500]) + b"/" + name
    what = _TYPES.get(kind, "other")
    if kind == b"\0" and name.endswith(b"/"):  # before POSIX, a directory was known by its name
        what = "directory"
    return Header(
        name=name,
        type=what,
        mode=_number(block[100:108], "mode") & 0o7777,
        uid=_number(block[108:116], "uid"),
        gid=_number(block[116:124], "gid"),
        owner=_text(block[265:297]),
        group=_text(block[297:329]),
        size=_number(block[483:495], "size") if kind == b"S" else stored,
        stored=stored,
        link=_text(block[157:257]),
        modified=float(_number(block[136:148], "time", signed=True)),
        records={},
    )


def _extend(header: Header, before: _Before) -> None:
    """Let what the extension headers say replace what the header says."""
    records = {**before.shared, **before.records} if before.shared else before.records
    header.name = before.name or header.name
    header.link = before.link or header.link
    if not records:
        return
    header.name = records.get(b"path", header.name)
    header.link = records.get(b"linkpath", header.link)
    header.owner = records.get(b"uname", header.owner)
    header.group = records.get(b"gname", header.group)
    header.records = records
    if b"size" in records and header.type in ("regular", "sparse", "other"):
        header.size = header.stored = _decimal(records[b"size"], "size")
    if b"mtime" in records:
        header.modified = _seconds(records[b"mtime"])
    header.uid = _decimal(records[b"uid"], "uid") if b"uid" in records else header.uid
    header.gid = _decimal(records[b"gid"], "gid") if b"gid" in records else header.gid
    if b"GNU.sparse.major" in records or b"GNU.sparse.size" in records or b"GNU.sparse.map" in records:
        header.type = "sparse"
        header.name = records.get(b"GNU.sparse.name", header.name)
        real = records.get(b"GNU.sparse.realsize") or records.get(b"GNU.sparse.size")
        header.size = _decimal(real, "GNU.sparse.realsize") if real else header.size


def _skip_sparse_map(stream: Unpacked, block: bytes, before: _Before) -> None:
    """The old GNU form: blocks that go on with the map, each with a mark whether another follows."""
    more = block[482]
    while more:
        before.pay(BLOCK)
        more = _body(stream, BLOCK)[504]


def _body(stream: Unpacked, size: int) -> bytes:
    padded = _padded(size)
    body = stream.read(padded)
    if len(body) < padded:
        raise DebError("truncated", "the tar stream ends inside a header")
    return body[:size]


def _padded(size: int) -> int:
    return size + -size % BLOCK


def _records(body: bytes) -> dict[bytes, bytes]:
    r"""The records of a PAX header, each ``length key=value\n`` with a length that counts itself."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(body) and body[at]:
        space = body.find(b" ", at, at + 20)
        digits = body[at : max(space, at)]
        end = at + int(digits) if digits.isdigit() else 0
        key, sign, value = body[space + 1 : end - 1].partition(b"=")
        if not space < end <= len(body) or body[end - 1 : end] != b"\n" or not sign:
            raise DebError("corrupt", f"a PAX header of {len(body)} bytes has a damaged record at {at}")
        records[key] = value
        at = end
    return records


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _checked(block: bytes) -> bool:
    try:
        said = int(_text(block[148:156]).strip() or b"0", 8)
    except ValueError:
        return False
    rest = block[:148] + block[156:]
    total = 256 + sum(rest)
    # Some old programs added up signed characters.
    return said in (total, total - 256 * sum(byte > 127 for byte in rest)) if said != total else True


def _number(field: bytes, what: str, *, signed: bool = False) -> int:
    """Octal digits, or, with the first bit set, a binary number (GNU)."""
    first = field[0]
    if first & 0x80:
        number = int.from_bytes(field, "big", signed=True) if first == 0xFF else int.from_bytes(field, "big")
        number -= 0 if first == 0xFF else 0x80 << 8 * (len(field) - 1)
    else:
        try:
            number = int(_text(field).strip() or b"0", 8)
        except ValueError as error:
            raise DebError("corrupt", f"a tar header whose {what} is no number") from error
    if not (-_LARGEST if signed else 0) <= number <= _LARGEST:
        raise DebError("corrupt", f"a tar header whose {what} is out of range")
    return number


def _seconds(text: bytes) -> float:
    """The time of a PAX record, which has a fraction."""
    try:
        seconds = float(text[:100])
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise DebError("corrupt", "a PAX record mtime that is no number")
    return seconds


def _decimal(text: bytes, what: str) -> int:
    if not text.isdigit() or len(text) > 18:
        raise DebError("corrupt", f"a PAX record {what} that is no number")
    return int(text)
