"""The messages of a disposable process as bytes: a length, a letter, and one MessagePack object."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

import msgspec

from archscan.model import Begin, Log, Message

Send = Callable[[Message], None]

_HEADER = struct.Struct("<IB")
_FACT, _LOG = 0, 1
_BUFFER = 256 << 10
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def sender(descriptor: int) -> tuple[Send, Callable[[], None]]:
    """A function that writes messages to a pipe, and one that flushes them.

    What comes before a ``Begin`` is written at once, so that nothing found earlier dies with the process.
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
        if isinstance(message, Begin) or len(buffer) > _BUFFER:
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
    at = 0
    while at + _HEADER.size <= len(view):
        length, letter = _HEADER.unpack_from(view, at)
        if letter not in (_FACT, _LOG):
            raise msgspec.DecodeError(f"a message of no known sort ({letter})")
        start = at + _HEADER.size
        if start + length > len(view):
            return
        yield letter, view[start : start + length]
        at = start + length


def facts(answer: bytes) -> Iterator[Message]:
    """Every whole message of an answer but the log records.

    Raises msgspec.ValidationError or DecodeError for what no honest child writes.
    """
    for _, payload in _frames(answer):
        message = _decoded(payload)
        if not isinstance(message, Log):
            yield message


def logs(answer: bytes) -> Iterator[Log]:
    """The log records of an answer, as far as it makes sense."""
    try:
        for letter, payload in _frames(answer):
            message = _decoded(payload) if letter == _LOG else None
            if isinstance(message, Log):
                yield message
    except msgspec.DecodeError:
        return  # whoever reads the facts says so


def _decoded(payload: memoryview) -> Message:
    try:
        return _DECODER.decode(payload)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
