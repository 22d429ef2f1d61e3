"""Accounts of the pages: a login passkey for whoever has shown an accredited key, and sessions that end with it.

1. An invitation is asked for by a caller of the API, who has shown possession of an accredited key by logging in there
   (`registry.actions.token`), or issued by the office that vouches for the person. It is random, short-lived, good for
   one passkey, and kept as its hash.
2. Whoever opens it registers a passkey and is signed in. That credential signs in; it is never a key of a roster.
3. A session names a person, not rights: at every request the accreditation, the seats and the revocations are looked
   up again, and a session whose holder stands no more is ended there and then.

The seam for other ways to sign in (OIDC, GA4GH visas): prove a subject in a function beside `sign_in`, and end with
`_open`, which knows nothing about passkeys.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from faces import passkeys
from faces.browser import Browser, new_browser
from faces.errors import PasskeyRefused, SignInNeeded
from faces.passkeys import Ceremony, Credential
from faces.sessions import ABSOLUTE, Session, check_live, is_stale
from protocol.crypto.digest import sha256_hex
from registry.actions import identity
from registry.actions.code import hash_secret
from registry.actions.desk import Desk
from registry.domain.account import Person, check_may_have_account, check_may_invite
from registry.domain.caller import Caller, missing
from registry.errors import Conflict, Unauthenticated
from registry.store import account, accreditation, document, roster
from registry.store.account import Ceremonies, Sessions
from registry.store.base import Transaction

INVITATION_LIVES: Final = timedelta(minutes=30)
SIGN_IN: Final = "sign-in"
ENROL: Final = "enrol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation in clear, seen only here."""

    url: str
    subject: str
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Whom an invitation is for, and what the browser is asked."""

    subject: str
    options: str


def invite(desk: Desk, caller: Caller, subject: str, now: datetime) -> Invited:
    """Give out an invitation for `subject`, who must stand now, to the subject or to its office."""
    code = secrets.token_urlsafe(32)
    with desk.store.transaction() as tx:
        check_may_invite(caller, subject, _offices(tx, subject, now))
        check_may_have_account(identity.find(tx, desk, subject, now).caller)
        Ceremonies(tx).forget_old(now)
        account.invite(tx, hash_secret(code), subject, caller.subject, now + INVITATION_LIVES)
        document.record(tx, now, caller.subject, "invitation.issued", subject)
    return Invited(url=f"{desk.page.origin}/enrol?code={code}", subject=subject, expires=now + INVITATION_LIVES)


def begin_enrolment(desk: Desk, browser: Browser, untrusted_code: str, now: datetime) -> Enrolment:
    """Open the ceremony by which an invited person registers a passkey."""
    with desk.store.transaction() as tx:
        invited = _invitation(tx, untrusted_code, now)
        challenge = _put(tx, browser, ENROL, now)
        known = tuple(row.credential for row in account.passkeys_of(tx, invited.subject))
    handle = secrets.token_bytes(32)
    options = passkeys.registration_options(desk.page, "Safeconduct", invited.subject, handle, challenge, known)
    return Enrolment(subject=invited.subject, options=options)


def enrol(desk: Desk, browser: Browser, untrusted_code: str, untrusted_answer: str, now: datetime) -> Browser:
    """Register the passkey, use the invitation up, and sign the person in; return the browser's new cookie."""
    ceremony = _take(desk, browser, ENROL, now)
    made = passkeys.check_registration(desk.page, ceremony.challenge, untrusted_answer)
    with desk.store.transaction() as tx:
        invited = _invitation(tx, untrusted_code, now)
        check_may_have_account(identity.find(tx, desk, invited.subject, now).caller)
        if account.passkey(tx, _id(made.id)) is not None:
            raise Conflict("passkey-taken", "This passkey is registered already. Sign in with it.")
        tx.add(_row(made, invited.subject, now))
        account.use_invitation(tx, hash_secret(untrusted_code))
        document.record(tx, now, invited.subject, "passkey.registered", invited.subject, passkey=_id(made.id))
        return _open(tx, invited.subject, browser, now)


def begin_sign_in(desk: Desk, browser: Browser, now: datetime) -> str:
    """Open the ceremony by which anybody signs in; return what the browser is asked."""
    with desk.store.transaction() as tx:
        return passkeys.assertion_options(desk.page, _put(tx, browser, SIGN_IN, now))


def sign_in(desk: Desk, browser: Browser, untrusted_answer: str, now: datetime) -> Browser:
    """Sign in whose passkey answered the challenge, if that person stands; return the browser's new cookie."""
    ceremony = _take(desk, browser, SIGN_IN, now)
    id_ = _id(passkeys.untrusted_credential_id(untrusted_answer))
    with desk.store.transaction() as tx:
        row = account.passkey(tx, id_)
        if row is None:
            raise PasskeyRefused("passkey-unknown", "This passkey is not registered here. Ask for an invitation.")
        known = Credential(id=row.credential, public_key=row.public_key, count=row.count)
        row.count = passkeys.check_sign_in(desk.page, ceremony.challenge, untrusted_answer, known)
        row.used = now
        check_may_have_account(identity.find(tx, desk, row.subject, now).caller)
        return _open(tx, row.subject, browser, now)


def whose(desk: Desk, browser: Browser, now: datetime) -> Person:
    """Return who is signed in on this browser now; raises SignInNeeded for nobody, and for nobody any more."""
    try:
        with desk.store.reading() as tx:
            session = check_live(Sessions(tx).get(browser.hash), now)
            person = _person(tx, desk, session, now)
    except (SignInNeeded, Unauthenticated) as refusal:
        if refusal.code != "sign-in-needed":
            _end_fallen(desk, browser, refusal.code, now)
        raise SignInNeeded(refusal.code, refusal.sentence) from refusal
    if is_stale(session, now):
        with desk.store.transaction() as tx:
            Sessions(tx).touch(browser.hash, now)
    return person


def sign_out(desk: Desk, person: Person, browser: Browser, now: datetime) -> None:
    """End the session of this browser."""
    with desk.store.transaction() as tx:
        Sessions(tx).end(browser.hash)
        document.record(tx, now, person.subject, "session.ended", person.subject, why="signed-out")


def sign_out_everywhere(desk: Desk, person: Person, now: datetime) -> int:
    """End all sessions of the person; return how many those were."""
    with desk.store.transaction() as tx:
        ended = Sessions(tx).end_all(person.subject)
        document.record(tx, now, person.subject, "sessions.ended", person.subject, number=ended)
    return ended


def end_session(desk: Desk, person: Person, untrusted_hash: str, now: datetime) -> None:
    """End one session of the person's own; Missing for anybody else's."""
    with desk.store.transaction() as tx:
        found = Sessions(tx).get(untrusted_hash)
        if found is None or found.subject != person.subject:
            raise missing("session")
        Sessions(tx).end(untrusted_hash)
        document.record(tx, now, person.subject, "session.ended", person.subject, why="ended-elsewhere")


def list_sessions(desk: Desk, person: Person, now: datetime) -> tuple[Session, ...]:
    """Return the person's live sessions."""
    with desk.store.reading() as tx:
        return tuple(each for each in Sessions(tx).of(person.subject) if now < each.ends)


def list_passkeys(desk: Desk, person: Person) -> tuple[account.Passkey, ...]:
    """Return the person's login passkeys."""
    with desk.store.reading() as tx:
        return tuple(account.passkeys_of(tx, person.subject))


def remove_passkey(desk: Desk, person: Person, untrusted_id: str, now: datetime) -> None:
    """Forget one of the person's login passkeys, and end every session: whoever held it may have used it."""
    with desk.store.transaction() as tx:
        row = account.passkey(tx, untrusted_id)
        if row is None or row.subject != person.subject:
            raise missing("passkey")
        tx.delete(row)
        Sessions(tx).end_all(person.subject)
        document.record(tx, now, person.subject, "passkey.removed", person.subject, passkey=untrusted_id)


def _open(tx: Transaction, subject: str, former: Browser, now: datetime) -> Browser:
    """Begin a session under a fresh cookie: what the browser had before opens nothing."""
    fresh = new_browser(secure=former.secure)
    sessions = Sessions(tx)
    sessions.forget_before(now - ABSOLUTE)
    sessions.end(former.hash)
    sessions.add(Session(hash=fresh.hash, subject=subject, began=now, seen=now))
    document.record(tx, now, subject, "session.began", subject)
    return fresh


def _end_fallen(desk: Desk, browser: Browser, why: str, now: datetime) -> None:
    with desk.store.transaction() as tx:
        session = Sessions(tx).get(browser.hash)
        if session is not None:
            Sessions(tx).end(browser.hash)
            document.record(tx, now, session.subject, "session.ended", session.subject, why=why)


def _person(tx: Transaction, desk: Desk, session: Session, now: datetime) -> Person:
    found = identity.find(tx, desk, session.subject, now)
    revoked = accreditation.revocations(tx).rosters
    seats = [digest for digest in roster.seats_of(tx, session.subject, now) if digest not in revoked]
    return Person(caller=found.caller, committees=frozenset(row.committee for row in roster.several(tx, seats)))


def _offices(tx: Transaction, subject: str, now: datetime) -> frozenset[str]:
    row = accreditation.current(tx, subject)
    seats = roster.several(tx, roster.seats_of(tx, subject, now))
    return frozenset({seat.office for seat in seats} | ({row.office} if row else set()))


def _put(tx: Transaction, browser: Browser, purpose: str, now: datetime) -> bytes:
    challenge = secrets.token_bytes(32)
    ceremonies = Ceremonies(tx)
    ceremonies.forget_old(now)
    ceremonies.put(Ceremony(browser=browser.hash, purpose=purpose, challenge=challenge, expires=now + passkeys.LIVES))
    return challenge


def _take(desk: Desk, browser: Browser, purpose: str, now: datetime) -> Ceremony:
    """Use up the browser's challenge in a transaction of its own: a failed answer has used it, too."""
    with desk.store.transaction() as tx:
        taken = Ceremonies(tx).take(browser.hash, purpose)
    return passkeys.check_open(taken, now)


def _invitation(tx: Transaction, untrusted_code: str, now: datetime) -> account.Invitation:
    found = account.invitation(tx, hash_secret(untrusted_code))
    if found is None or found.expires <= now:
        raise PasskeyRefused("invitation-stale", "This invitation was used or is too old. Ask for a new one.")
    return found


def _row(made: Credential, subject: str, now: datetime) -> account.Passkey:
    return account.Passkey(
        id=_id(made.id),
        credential=made.id,
        public_key=made.public_key,
        subject=subject,
        count=made.count,
        made=now,
        used=now,
    )


def _id(credential: bytes) -> str:
    return sha256_hex(credential)
