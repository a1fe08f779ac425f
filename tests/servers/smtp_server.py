"""A mail server on loopback that asks for STARTTLS and a password, and keeps what it takes."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class MailServer:
    """At `address` (host:port); `user` may send with the `password`."""

    address: str
    user: str = "alertmanager"
    password: str = "a password"
    received: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take a mail; the name is aiosmtpd's."""
        mail = message_from_bytes(cast(bytes, envelope.original_content), policy=policy.default)
        self.received.append(mail)
        return "250 OK"

    def admit(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        """Whether a client may send."""
        wanted = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=given == wanted, handled=False)  # it answers a refusal itself


@contextmanager
def run_mail_server(certificate: Path, key: Path) -> Iterator[MailServer]:
    """One that serves this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    loop, mails = asyncio.new_event_loop(), MailServer("")

    def made() -> SMTP:
        return SMTP(
            mails,
            loop=loop,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=mails.admit,
            auth_exclude_mechanism=[
                "LOGIN"
            ],  # its questions differ from server to server, and Alertmanager knows others
        )

    server = loop.run_until_complete(loop.create_server(made, "127.0.0.1", 0))
    host, port = server.sockets[0].getsockname()
    mails.address = f"{host}:{port}"
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield mails
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()
