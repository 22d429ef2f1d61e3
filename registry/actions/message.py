"""Tell people what happened to a review, and what waits for them.

1. A message is written in the transaction of what it tells; nothing is sent there. A key names the event, so that a
   repeated act tells nobody twice.
2. The relay sends what is due, one claim for each try: a mail server that is down costs time, never a message. A crash
   between sending and noting sends again, under the same Message-ID. Mail goes to confirmed addresses
   (`registry.actions.address`).
3. A message says which version, where it stands and what happens next, with a link; no vote, no reason, no comment, no
   condition, no person.
4. On working days each member who is waited for gets one digest, and a reminder when a deadline comes near.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from registry.actions import address, ballots
from registry.actions.desk import Desk
from registry.domain.caller import Caller
from registry.domain.review import ABOUT, ReviewState
from registry.domain.tally import Outcome, Tally
from registry.domain.workflow import is_working_day
from registry.errors import Undelivered
from registry.outbound.mail import Letter
from registry.store import document, message, review, tables
from registry.store.base import Transaction
from registry.store.tables_message import Message

LEASE: Final = timedelta(minutes=5)
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=6)
AT_ONCE: Final = 20
_LOOKED_AT: Final = frozenset({ReviewState.IN_REVIEW, ReviewState.CONSOLIDATING})
_UNDECIDED: Final = frozenset({Outcome.INDEPENDENT, Outcome.CONSOLIDATING})


def tell_state(
    tx: Transaction, row: tables.Algorithm, state: ReviewState, tallies: Iterable[Tally], now: datetime
) -> None:
    """Tell the author and every member concerned that a review has entered a state."""
    members = {person for each in tallies for person in each.voted | each.waiting}
    about, step = ABOUT[state], now.strftime("%Y%m%dT%H%M%S")
    for person in sorted({row.author} | members):
        _tell(tx, person, f"{state}:{row.digest}:{step}", f"{_named(row)}: {about.words}", about.next, row, now)


def tell_offices(tx: Transaction, row: tables.Algorithm, offices: Iterable[str], now: datetime) -> None:
    """Tell the offices concerned that a chair has suspended a version: only they can stop nodes."""
    text = "A chair has suspended it. Nodes do not learn of that: read the reason, and revoke it if it must be stopped."
    for office in sorted(offices):
        _tell(tx, office, f"suspended:{row.digest}:{now:%Y%m%dT%H%M%S}", f"{_named(row)}: suspended", text, row, now)


def tell_asked(tx: Transaction, row: tables.Algorithm, tallies: Iterable[Tally], now: datetime) -> None:
    """Tell those whose vote is asked for, once."""
    for each in tallies:
        for person in sorted(each.waiting):
            text = f"The committee {each.committee} is asked for its decision. {ABOUT[ReviewState.IN_REVIEW].next}"
            key = f"asked:{row.digest}:{each.committee}:{each.project}"
            _tell(tx, person, key, f"{_named(row)}: your vote is asked for", text, row, now)


def remind(desk: Desk, now: datetime) -> bool:
    """Make this working day's digest and reminders, once; say whether it was done now."""
    if not is_working_day(now, desk.workflow.holidays):
        return False
    with desk.store.transaction() as tx:
        if not message.begin_day(tx, now):
            return False
        rows = review.in_states(tx, _LOOKED_AT)
        found = ballots.load(tx, desk, rows, now)
        waiting = [(row, each) for row in rows for each in ballots.count(found, row) if each.outcome in _UNDECIDED]
        for row, each in waiting:
            _remind(tx, desk, row, each, found.courses[row.digest].opened, now)
        _digest(tx, waiting, now)
        document.record(tx, now, "registry", "digest.made", now.date().isoformat())
        return True


def relay(desk: Desk, now: datetime) -> int:
    """Send what is due; return how many messages the mail server took."""
    mailer = desk.mailer
    if mailer is None:
        return 0
    with desk.store.transaction() as tx:
        claimed = message.claim(tx, now, now + LEASE, AT_ONCE)
        letters = [_letter(desk, each, address.code_for(tx, each.message.sequence, now)) for each in claimed]
    taken = 0
    for each, letter in zip(claimed, letters, strict=True):
        try:
            mailer.send(letter)
        except Undelivered:
            pause = min(FIRST_PAUSE * 2 ** min(each.tries - 1, 16), LONGEST_PAUSE)
            with desk.store.transaction() as tx:
                message.try_again(tx, each.message.sequence, now + pause)
        else:
            taken += 1
            with desk.store.transaction() as tx:
                message.sent(tx, each.message.sequence, now)
    return taken


def read_inbox(desk: Desk, caller: Caller, *, before: int, limit: int) -> Sequence[Message]:
    """Return one page of the caller's messages, newest first."""
    with desk.store.reading() as tx:
        return message.inbox(tx, caller.subject, before=before, limit=limit)


def _remind(
    tx: Transaction, desk: Desk, row: tables.Algorithm, each: Tally, opened: datetime | None, now: datetime
) -> None:
    deadline = desk.workflow.deadline(each.committee, opened) if opened else None
    start = desk.workflow.remind_at(each.committee, opened) if opened else None
    if deadline is None or start is None or now.date() < start.date():
        return
    text = f"The time of {each.committee} ends on {deadline:%Y-%m-%d}. Silence is not consent: nothing is decided then."
    for person in sorted(each.waiting):
        _tell(
            tx,
            person,
            f"remind:{row.digest}:{each.committee}:{each.project}",
            f"{_named(row)}: due soon",
            text,
            row,
            now,
        )


def _digest(tx: Transaction, waiting: Iterable[tuple[tables.Algorithm, Tally]], now: datetime) -> None:
    lists: dict[str, set[str]] = {}
    for row, each in waiting:
        for person in each.waiting:
            lists.setdefault(person, set()).add(_named(row))
    for person, names in sorted(lists.items()):
        title = f"{len(names)} review(s) wait for your vote"
        text = "\n".join(["These wait for your vote:", *(f"- {name}" for name in sorted(names))])
        made = Message(person=person, key=f"digest:{now:%Y-%m-%d}", title=title, text=text, path="/reviews", at=now)
        message.add(tx, made)


def _tell(tx: Transaction, person: str, key: str, title: str, text: str, row: tables.Algorithm, now: datetime) -> None:
    path = f"/reviews/{row.digest}"
    message.add(tx, Message(person=person, key=key, title=title, text=text, path=path, at=now))


def _named(row: tables.Algorithm) -> str:
    return f"Review of {row.name} {row.version}"


def _letter(desk: Desk, each: message.Outgoing, code: str) -> Letter:
    link = f"{desk.page.origin}{each.message.path}" + (f"?code={code}" if code else "")
    name = f"safeconduct.{each.message.sequence}.{each.message.at:%Y%m%dT%H%M%S}"
    name += f".{each.tries}" if code else ""  # each try has a code of its own, so it is another letter
    return Letter(to=each.address, title=each.message.title, text=f"{each.message.text}\n\n{link}\n", name=name)
