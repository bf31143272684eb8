"""The messages of a disposable process as bytes: a length, a letter, and one MessagePack object."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from archscan.model import Begin, DebugInfo, Elf, FileFacts, Log, Message, Package, Problem, escape

Send = Callable[[Message], None]

_HEADER = struct.Struct("<IB")
_FACT, _LOG = 0, 1
_BUFFER = 256 << 10
_MOST_MESSAGES = 3_000_000  # of one answer: a place, a file and an object for each of 500,000 members are half of that
_LONGEST_MESSAGE = 64 << 20  # bytes; of GHC's package, the largest that was measured, 7 MB say one library's exports
_MOST_VALUES = 5_000_000  # rows that one answer makes; of GHC's package 550,000
_MOST_RECORDS, _LONGEST_RECORD, _LONGEST_LOGGER = 100, 20_000, 200  # of the log, of one answer; characters
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def sender(descriptor: int) -> tuple[Send, Callable[[], None]]:
    """A function that writes messages to a pipe, and one that flushes them.

    A ``Begin`` and what is said of its member are written at once: nothing that was found dies with the process, and a
    death between two members is not laid at the first one's door.
    """
    buffer = bytearray()

    def flush() -> None:
        view = memoryview(buffer)
        while view:
            view = view[os.write(descriptor, view) :]
        view.release()
        buffer.clear()

    def send(message: Message) -> None:
        payload = _ENCODER.encode(message)
        buffer.extend(_HEADER.pack(len(payload), _LOG if isinstance(message, Log) else _FACT))
        buffer.extend(payload)
        if isinstance(message, Begin | Elf | FileFacts | DebugInfo | Problem) or len(buffer) > _BUFFER:
            flush()

    return send, flush


def said(*messages: Message) -> bytes:
    """An answer that says just these."""
    return b"".join(
        _HEADER.pack(len(payload), _LOG if isinstance(message, Log) else _FACT) + payload
        for message in messages
        for payload in [_ENCODER.encode(message)]
    )


def _frames(answer: bytes) -> Iterator[tuple[int, memoryview]]:
    """The whole frames of an answer; what its writer did not finish is no error: it may have died over it."""
    view = memoryview(answer)
    at = number = 0
    while at + _HEADER.size <= len(view):
        number += 1
        if number > _MOST_MESSAGES:
            raise msgspec.DecodeError(f"more than {_MOST_MESSAGES} messages")
        length, letter = _HEADER.unpack_from(view, at)
        if letter not in (_FACT, _LOG):
            raise msgspec.DecodeError(f"a message of no known sort ({letter})")
        start = at + _HEADER.size
        if start + length > len(view):
            return
        if length > _LONGEST_MESSAGE:
            raise msgspec.DecodeError(f"a message of {length} bytes")
        yield letter, view[start : start + length]
        at = start + length


def facts(answer: bytes) -> Iterator[Message]:
    """Every whole message of an answer but the log records.

    Raises msgspec.ValidationError or DecodeError for what no honest child writes; also for more values than any has to
    say, of which each becomes many times the bytes that it was.
    """
    values = records = 0
    for letter, payload in _frames(answer):
        if letter == _LOG:
            records += 1
            if records > _MOST_RECORDS:
                continue  # nobody will look at it
        message = _decoded(payload)
        if isinstance(message, Log):
            continue
        values += _values(message)
        if values > _MOST_VALUES:
            raise msgspec.DecodeError(f"more than {_MOST_VALUES} values")
        yield message


def _values(message: Message) -> int:
    """How many rows a message makes, about."""
    if isinstance(message, Elf):
        many = (message.needed, message.imports, message.exports, message.components, message.crypto, message.calls,
                message.lines)  # fmt: skip
        return 1 + sum(map(len, many))
    if isinstance(message, Package):
        return 1 + len(message.relations)
    if isinstance(message, DebugInfo):
        return 1 + len(message.units) + len(message.confirmations) + len(message.lines)
    return 1


def logs(answer: bytes) -> Iterator[Log]:
    """The log records of an answer, as far as it makes sense: the first hundred, and no more than some pages of each.

    Whoever chose the package may have chosen their texts, too, and would fill a disk with them.
    """
    try:
        found = (payload for letter, payload in _frames(answer) if letter == _LOG)
        for payload in islice(found, _MOST_RECORDS):
            message = _decoded(payload)
            if isinstance(message, Log):
                text = "\n".join(map(_shown, message.message[:_LONGEST_RECORD].splitlines()))
                yield msgspec.structs.replace(message, logger=_shown(message.logger[:_LONGEST_LOGGER]), message=text)
    except msgspec.DecodeError:
        return  # whoever reads the facts says so


def _shown(text: str) -> str:
    """A line of a log: a child escapes what it says, unless it is no longer ours."""
    return text if text.isprintable() else escape(text)


def place(answer: bytes) -> str | None:
    """The member that was begun and not finished; None where the end came between two."""
    begun: str | None = None
    try:
        for message in facts(answer):
            begun = place_after(begun, message)
    except msgspec.DecodeError:
        pass  # whoever reads the facts says so
    return begun


def place_after(begun: str | None, message: Message) -> str | None:
    """The member that is looked at after a message, if ``begun`` was it before."""
    if isinstance(message, Begin):
        return message.path
    finished = isinstance(message, Elf | FileFacts | DebugInfo | Problem) and message.path == begun
    return None if finished else begun


def _decoded(payload: memoryview) -> Message:
    try:
        return _DECODER.decode(payload)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
