"""A mail server in a process of its own, which dies or stops answering where it is told to.

``python -m tests.bugs.server FOLDER [POINT [AFTER]]`` prints its port. Each mail that it takes is a file in FOLDER,
written before it says so. POINT, for the mail after the first AFTER ones: ``rcpt`` (dies before it answers RCPT),
``in-data`` (dies while it is given the mail), ``after-data`` (dies when it has the mail, before it says so),
``stall-rcpt`` and ``stall-after-data`` (never answers), ``refuse`` (says 550 to RCPT), ``later`` (says 451).
With ``--certificate FILE --key FILE`` it speaks TLS, from the first byte with ``--implicit``, else by STARTTLS, without
which it takes nothing; with ``--user USER --password WORD`` it takes nothing without these.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import ssl
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Handler:
    """Takes mails into a folder."""

    def __init__(self, folder: Path, point: str, after: int) -> None:
        self.folder, self.point, self.after = folder, point, after

    def is_due(self) -> bool:
        return len(list(self.folder.glob("*.eml"))) >= self.after

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.is_due():
            if self.point == "rcpt":
                os._exit(1)
            if self.point == "stall-rcpt":
                await self.stall()
            if self.point == "refuse":
                return "550 5.1.1 no such user"
            if self.point == "later":
                return "451 4.7.1 come back"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        due = self.is_due()
        assert isinstance(envelope.content, bytes)
        place = self.folder / f"{len(list(self.folder.glob('*.eml'))):04}.eml"
        head = f"X-Envelope: {envelope.mail_from} {' '.join(envelope.rcpt_tos)}\r\n".encode()
        place.write_bytes(head + envelope.content)
        if due and self.point == "after-data":
            os._exit(1)
        if due and self.point == "stall-after-data":
            await self.stall()
        return "250 taken"

    async def stall(self) -> None:
        (self.folder / "stalled").touch()
        await asyncio.sleep(600)


class Dying(SMTP):
    """Dies in the middle of a mail, where it is told to."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        handler: Handler = self.event_handler
        if handler.point == "in-data" and handler.is_due():
            await self.push("354 go on")
            await self._reader.readexactly(100)
            os._exit(1)
        await super().smtp_DATA(arg)


async def serve(handler: Handler, told: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    listening = socket.socket()
    # Little room, so that a long mail is still under way when the server dies.
    if handler.point == "in-data":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    context = None
    if told.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(told.certificate, told.key)

    def is_right(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any) -> AuthResult:
        theirs = LoginPassword(told.user.encode(), told.password.encode())
        return AuthResult(success=given == theirs, handled=False)

    more: dict[str, Any] = {}
    if context and not told.implicit:
        more = {"tls_context": context, "require_starttls": True}
    if told.user:
        # aiosmtpd takes a connection that was encrypted from its first byte for one that is not.
        more |= {"auth_required": True, "authenticator": is_right, "auth_require_tls": not told.implicit}
    made: Any = lambda: Dying(handler, data_size_limit=64 << 20, loop=loop, **more)  # noqa: E731
    server = await loop.create_server(made, sock=listening, ssl=context if told.implicit else None)
    print(listening.getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


def _told() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("point", nargs="?", default="")
    parser.add_argument("after", nargs="?", default=0, type=int)
    for name in ("--certificate", "--key", "--user", "--password"):
        parser.add_argument(name)
    parser.add_argument("--implicit", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    said = _told()
    asyncio.run(serve(Handler(said.folder, said.point, said.after), said))
