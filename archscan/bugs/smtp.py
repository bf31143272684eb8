"""SMTP: a mail server, asked so that it is known at every moment whether it can have a mail (RFC 5321)."""

from __future__ import annotations

import base64
import contextlib
import smtplib
import ssl
from typing import TYPE_CHECKING

import msgspec

from archscan.bugs.transport import DoubtError, NotSentError, Outgoing, StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 60.0
_OF_ALL = (421, 530, 534, 535, 538)  # closing; encryption or a password is wanted (RFC 3207, 4; RFC 4954, 6)
_END = b"\r\n.\r\n"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A mail server. ``tls``: ``starttls``, ``implicit`` or ``none``. ``user`` is None where it wants no password."""

    host: str
    port: int
    tls: str
    user: str | None = None
    password: str = ""

    @property
    def address(self) -> str:
        """Host and port, as people write them."""
        return f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether that is this machine, to which nothing need be encrypted."""
    return host in _LOOPBACK


class Smtp:
    """A connection that is made when the first mail is sent, and again after it broke. To be closed."""

    paced = True

    def __init__(self, server: Server, seconds: float = _SECONDS) -> None:
        self.server, self.seconds = server, seconds
        self.name = f"smtp {server.address}"
        self._connection: smtplib.SMTP | None = None

    def close(self) -> None:
        """Say goodbye, if anybody is there."""
        if self._connection is not None:
            self._quietly(self._connection.quit)
            self._connection = None

    def has(self, _mail: Outgoing, /) -> bool | None:
        """Nobody knows: a server cannot be asked."""
        return None

    def send(self, mail: Outgoing, /) -> str:
        """What the server said when it took the mail.

        Until the line with the dot is under way it cannot have it; from then on, until it answers, it may.
        """
        connection = self._connected()
        self._told("MAIL", lambda: connection.mail(mail.from_))
        self._told(f"RCPT to {mail.to}", lambda: connection.rcpt(mail.to))
        self._told("DATA", lambda: connection.docmd("DATA"), expected=354)
        try:
            connection.send(_stuffed(mail.data))
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise StoppedError(
                f"{self.server.address}: the connection broke while the mail was sent: {error}"
            ) from error
        try:
            code, said = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise DoubtError(f"{self.server.address}: gone after it was given the whole mail: {error}") from error
        if code != 250:
            self._refused("the mail", code, said)
        return f"{self.server.address}: {code} {_text(said)}"

    def _told(self, what: str, ask: Callable[[], tuple[int, bytes]], expected: int = 250) -> None:
        try:
            code, said = ask()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise StoppedError(f"{self.server.address}: gone at {what}, before it had the mail: {error}") from error
        if code not in (expected, 251):
            self._refused(what, code, said)

    def _refused(self, what: str, code: int, said: bytes) -> None:
        """Raise what a refusal means: 5xx of this mail alone, where the connection still lives; else of all."""
        text = f"{self.server.address}: refused {what}: {code} {_text(said)}"
        connection = self._connection
        if connection is None or code in _OF_ALL or not 500 <= code < 600:
            self._drop()
            raise StoppedError(f"{text}; later, again" if code < 500 else text)
        self._quietly(connection.rset)
        raise NotSentError(text, final=True)

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            try:
                if self._connection.noop()[0] == 250:
                    return self._connection
            except (OSError, smtplib.SMTPException):
                pass
            self._drop()
        try:
            self._connection = self._opened()
        except (OSError, smtplib.SMTPException) as error:
            raise StoppedError(f"{self.server.address}: {_why(error)}") from error
        return self._connection

    def _opened(self) -> smtplib.SMTP:
        server, context = self.server, ssl.create_default_context()
        if server.tls == "implicit":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self.seconds, context=context)
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self.seconds)
        try:
            connection.ehlo_or_helo_if_needed()
            if server.tls == "starttls":
                connection.starttls(context=context)  # raises where the server does not offer it
                connection.ehlo()
            if server.user is not None:
                _log_in(connection, server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _quietly(ask: Callable[[], object]) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            ask()


def _stuffed(data: bytes) -> bytes:
    """A mail with its end: a dot in front of each line that begins with one (RFC 5321, 4.5.2)."""
    lines = data.split(b"\r\n")
    text = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return text.removesuffix(b"\r\n") + _END


def _log_in(connection: smtplib.SMTP, user: str, password: str) -> None:
    """Say who we are, in UTF-8 (RFC 4616, 2), of which smtplib knows ASCII alone. Raises SMTPException."""
    if (user + password).isascii():
        connection.login(user, password)
        return
    words = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    code, said = connection.docmd("AUTH", f"PLAIN {words}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, said)


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        return f"{error.smtp_code} {_text(said if isinstance(said, bytes) else said.encode())}"
    return str(error) or type(error).__name__


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace").replace("\n", " ")[:300]
