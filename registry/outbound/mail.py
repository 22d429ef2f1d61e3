"""The mail door: one message to one address over SMTP. It says only whether the mail server took it.

`smtp://[user:password@]host[:port]` asks for STARTTLS unless the host is this machine; `smtps://…` is TLS at once.
Certificates are checked. Everything that could go wrong on the way is Undelivered.
"""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

from registry.errors import Misconfigured, Undelivered

SECONDS: Final = 20
_PORTS: Final = {"smtp": 25, "smtps": 465}
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is sent. `name` makes the Message-ID: the same letter sent twice is recognised as one."""

    to: str
    title: str
    text: str
    name: str


class Mailer:
    """One mail server and our own address."""

    def __init__(self, url: str, sender: str) -> None:
        """Check the address of the server; nothing is opened yet."""
        found = urlsplit(url)
        if found.scheme not in _PORTS or not found.hostname:
            raise Misconfigured("setting-smtp-url", "smtp_url is like smtp://user:password@host:587. Correct it.")
        if "@" not in sender or any(each.isspace() for each in sender):
            raise Misconfigured("setting-mail-from", "mail_from is the address that mail comes from. Set it.")
        self._host, self._port = found.hostname, found.port or _PORTS[found.scheme]
        self._secret = (unquote(found.username), unquote(found.password or "")) if found.username else None
        self._tls = found.scheme == "smtps"
        self._sender = sender

    def send(self, letter: Letter) -> None:
        """Hand a letter to the mail server; raises Undelivered unless it took it."""
        try:
            with self._open() as server:
                server.send_message(self._message(letter))
        except (OSError, smtplib.SMTPException) as error:
            raise Undelivered(
                "mail-undelivered", "The mail server did not take a message. It is tried again."
            ) from error

    def _open(self) -> smtplib.SMTP:
        if self._tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SECONDS)
        try:
            if not self._tls and self._host not in _HERE:
                server.starttls(context=ssl.create_default_context())
            if self._secret:
                server.login(*self._secret)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self._sender, letter.to
        message["Subject"] = letter.title
        message["Message-ID"] = f"<{letter.name}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message
