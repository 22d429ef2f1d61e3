"""Admins of the node's page: invited on the node's shell, enrolled with a passkey, logged in, logged out.

Whoever has a shell on the node may invite: the file permissions of its directory say who that is.
"""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from faces.passkeys import Credential, untrusted_credential_id
from faces.sessions import ABSOLUTE, check_live, is_stale
from faces.sessions import Session as Seen
from protocol.crypto.digest import sha256_hex
from sandbox.actions.passkey import Site, check_answer, open_enrolment
from sandbox.domain.admin import CODE, check_name, signed_name
from sandbox.errors import BadInput, Refused
from sandbox.store import admin
from sandbox.store.admin import AdminRow, AdminSession
from sandbox.store.audit import record
from sandbox.store.base import Session, Store

LOGIN = "login"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is logged in."""

    name: str

    @property
    def signed(self) -> str:
        """How the audit calls the visitor."""
        return signed_name(self.name)


def invite(store: Store, name: str, now: dt.datetime) -> str:
    """Make a one-time code with which this admin enrols a passkey; one that they have is replaced only then."""
    check_name(name)
    code = secrets.token_urlsafe(18)
    with store.transaction() as session:
        row = session.get(AdminRow, name)
        if row is None:
            row = AdminRow(name=name)
            session.add(row)
        row.invited_at, row.code_digest, row.code_until = now, _digest(code), now + CODE
        record(session, now, "operator", "admin-invited", name)
    return code


def remove(store: Store, name: str, now: dt.datetime) -> None:
    """Take an admin's passkey, code and sessions away; the name stays in the audit."""
    with store.transaction() as session:
        row = session.get(AdminRow, name)
        if row is None:
            raise BadInput("admin-unknown", f"There is no admin {name}; see `safeconduct node admin list`.")
        row.code_digest = row.code_until = row.credential = row.public_key = row.enrolled_at = None
        admin.end_sessions(session, name)
        record(session, now, "operator", "admin-removed", name)


def read_invited(store: Store, code: str, now: dt.datetime) -> str:
    """Whom a code invites; refuses (code-refused) a wrong, used or old one."""
    with store.reading() as session:
        return _by_code(session, code, now).name


def enrol(store: Store, site: Site, code: str, untrusted: str, browser: str, now: dt.datetime) -> str:
    """Give the invited admin the passkey in a browser's answer, and log them in on the browser of this hash."""
    with store.transaction() as session:
        row = _by_code(session, code, now)
        made = open_enrolment(session, site, row.name, untrusted, now)
        owner = admin.by_credential(session, made.id)
        if owner is not None and owner.name != row.name:
            raise Refused("passkey-taken", "Another admin has this passkey; each needs one of their own.")
        row.credential, row.public_key, row.enrolled_at = made.id, made.public_key, now
        row.code_digest = row.code_until = None
        admin.end_sessions(session, row.name)
        record(session, now, signed_name(row.name), "admin-enrolled", row.name)
        return _begin(session, row.name, browser, now)


def log_in(store: Store, site: Site, untrusted: str, browser: str, now: dt.datetime) -> str:
    """Log in whoever owns the passkey that answered, on the browser of this hash; return who that is."""
    with store.transaction() as session:
        row = admin.by_credential(session, untrusted_credential_id(untrusted))
        if row is None:
            raise Refused("passkey-unknown", "No admin of this node has that passkey; ask for an invitation.")
        check_answer(session, site, LOGIN, credential_of(row), untrusted, now)
        record(session, now, signed_name(row.name), "admin-logged-in", row.name)
        return _begin(session, row.name, browser, now)


def read_visitor(store: Store, browser: str, now: dt.datetime, *, prolong: bool) -> Visitor:
    """Who is logged in on a browser; refuses as `check_live` does. `prolong`: a person asked, not a timer."""
    with store.reading() as session:
        row = session.get(AdminSession, browser)
    seen = Seen(hash=browser, subject=row.name, began=row.began_at, seen=row.seen_at) if row else None
    live = check_live(seen, now)
    if prolong and is_stale(live, now):
        with store.transaction() as session:
            if (row := session.get(AdminSession, browser)) is not None:
                row.seen_at = now
    return Visitor(name=live.subject)


def log_out(store: Store, browser: str, now: dt.datetime) -> None:
    """End the session of a browser."""
    with store.transaction() as session:
        found = session.get(AdminSession, browser)
        if found is not None:
            session.delete(found)
            record(session, now, signed_name(found.name), "admin-logged-out", found.name)


def list_admins(store: Store) -> list[dict[str, Any]]:
    """Everybody who was invited, and since when they have a passkey."""
    with store.reading() as session:
        return [
            {"name": row.name, "invited_at": row.invited_at, "enrolled_at": row.enrolled_at}
            for row in admin.admins(session)
        ]


def credential_of(row: AdminRow) -> Credential:
    """The passkey of an enrolled admin."""
    if row.credential is None or row.public_key is None:
        raise Refused("passkey-unknown", "This admin has no passkey; ask for an invitation on the node's shell.")
    return Credential(id=row.credential, public_key=row.public_key, count=0)


def _by_code(session: Session, code: str, now: dt.datetime) -> AdminRow:
    row = admin.by_code(session, _digest(code), now)
    if row is None:
        raise Refused("code-refused", "The code is wrong, used or older than an hour; ask for a new invitation.")
    return row


def _begin(session: Session, name: str, browser: str, now: dt.datetime) -> str:
    admin.forget_old(session, now, ABSOLUTE)
    session.add(AdminSession(digest=browser, name=name, began_at=now, seen_at=now))
    return name


def _digest(secret: str) -> str:
    return sha256_hex(secret.encode())
