"""Where a person's mail goes: asked for by the person, and confirmed by a link that only that mailbox gets.

1. Asking names an address. Nothing goes there but one letter with a link; where mail went before, it goes on going.
2. The link's code is random, made as the letter leaves (`code_for`), kept as its hash, good once and for an hour. It
   opens a page with a button, since mail servers open links beforehand; and only for the person who asked, signed in: a
   stranger at a misspelt address can confirm nothing.
3. The former address is told of a change and of a removal, and how to object; not where mail goes now.
4. No letter names a person. No address is in a log, in the audit, or in the text of a message.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from faces.errors import TooMany
from registry.actions.code import hash_secret
from registry.actions.desk import Desk
from registry.domain.account import check_may_have_account
from registry.domain.address import LINK_LIVES, REQUESTS_MOST, REQUESTS_WITHIN, check_address
from registry.domain.caller import Caller
from registry.errors import Conflict, Forbidden
from registry.store import address, document, message
from registry.store.base import Transaction
from registry.store.tables_message import Message

PATH: Final = "/account/address"
_ASKED: Final = "address:asked:"
_CHANGED: Final = "address:changed:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a person's mail goes, if anywhere, and which address still waits for its link to be opened."""

    current: str | None
    asked: str | None
    can_mail: bool


def show(desk: Desk, person: str) -> Addresses:
    """Return what the person's own page says of their mail."""
    with desk.store.reading() as tx:
        request = address.request(tx, person)
        return Addresses(
            current=message.address(tx, person),
            asked=request.address if request else None,
            can_mail=desk.mailer is not None,
        )


def ask(desk: Desk, caller: Caller, untrusted_address: str, now: datetime) -> None:
    """Have a link sent to an address, in place of any that was asked for before; only who can sign in can open it."""
    wanted = check_address(untrusted_address)
    check_may_have_account(caller)
    if desk.mailer is None:
        raise Conflict("mail-off", "This registry sends no mail. Read your messages in the inbox.")
    with desk.store.transaction() as tx:
        waiting = address.request(tx, caller.subject)
        if waiting is not None and waiting.address == wanted and waiting.hash is None:
            return  # sent twice; its letter is about to leave
        _check_rate(tx, caller.subject, now)
        row = _message(
            caller.subject,
            _ASKED,
            "Confirm a mail address",
            "Somebody asked this registry to send their messages to a mail address. The letter to that address has a "
            "link: whoever asked opens it within an hour, signed in. If it was not you, do nothing.",
            PATH,
            now,
        )
        address.forget_request(tx, caller.subject)
        message.add(tx, row, to=wanted)
        address.ask(tx, caller.subject, wanted, row.sequence)
        document.record(tx, now, caller.subject, "address.asked", caller.subject)


def code_for(tx: Transaction, sequence: int, now: datetime) -> str:
    """Return a fresh code for the letter that carries this message; empty for a letter that carries none."""
    row = address.request_by_message(tx, sequence)
    if row is None:
        return ""
    code = secrets.token_urlsafe(32)
    row.hash, row.expires = hash_secret(code), now + LINK_LIVES
    return code


def begin_confirming(desk: Desk, person: str, untrusted_code: str, now: datetime) -> str:
    """Return the address that a link would confirm; Forbidden for one that is not this person's, used or too old."""
    with desk.store.reading() as tx:
        return _open_request(tx, person, untrusted_code, now).address


def confirm(desk: Desk, caller: Caller, untrusted_code: str, now: datetime) -> None:
    """Let mail go to the address whose link was opened, use the link up, and tell the former address."""
    with desk.store.transaction() as tx:
        confirmed = _open_request(tx, caller.subject, untrusted_code, now).address
        former = message.address(tx, caller.subject)
        if former is not None and former != confirmed:
            _tell_former(tx, caller.subject, former, "goes to another address from now on", now)
        message.set_address(tx, caller.subject, confirmed)
        address.forget_request(tx, caller.subject)
        document.record(tx, now, caller.subject, "address.set", caller.subject)


def forget(desk: Desk, caller: Caller, now: datetime) -> None:
    """Let mail go nowhere, forget what was asked for, and tell the former address; safe to repeat."""
    with desk.store.transaction() as tx:
        former = message.address(tx, caller.subject)
        address.forget_request(tx, caller.subject)
        if former is not None:
            _tell_former(tx, caller.subject, former, "is not sent any more", now)
            message.set_address(tx, caller.subject, None)
        document.record(tx, now, caller.subject, "address.forgotten", caller.subject)


def _open_request(tx: Transaction, person: str, untrusted_code: str, now: datetime) -> address.AddressRequest:
    row = address.request(tx, person)
    if row is not None and row.hash and row.expires:
        same = hmac.compare_digest(row.hash, hash_secret(untrusted_code))
        if same and now < row.expires:
            return row
    raise Forbidden(
        "address-stale",
        "This link was used, is too old, or is somebody else's. Sign in as whoever asked, or ask for a new link.",
    )


def _check_rate(tx: Transaction, person: str, now: datetime) -> None:
    if message.count(tx, person, _ASKED, now - REQUESTS_WITHIN) >= REQUESTS_MOST:
        raise TooMany("too-many", f"A link was asked for {REQUESTS_MOST} times within an hour. Wait, then try again.")


def _tell_former(tx: Transaction, person: str, former: str, what: str, now: datetime) -> None:
    text = (
        f"The mail of this registry that came to this address {what}. If you did not ask for that, sign in, remove the "
        "passkeys that you do not recognise, and tell your accreditation office."
    )
    message.add(tx, _message(person, _CHANGED, "Your mail address was changed", text, "/account", now), to=former)


def _message(person: str, kind: str, title: str, text: str, path: str, now: datetime) -> Message:
    key = f"{kind}{secrets.token_hex(8)}"
    return Message(person=person, key=key, title=title, text=text, path=path, at=now)
