"""When a session is over, and how often one may try."""

from datetime import UTC, datetime, timedelta

import pytest

from faces.errors import SignInNeeded, TooMany
from faces.rate import RateLimit
from faces.sessions import ABSOLUTE, IDLE, Session, check_live

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened(*, idle: timedelta, old: timedelta) -> Session:
    return Session(hash="0" * 64, subject="meri", began=NOW - old, seen=NOW - idle)


@pytest.mark.parametrize(
    ("idle", "old", "code"),
    [
        (timedelta(), timedelta(), None),
        (IDLE - SECOND, ABSOLUTE - SECOND, None),
        (IDLE, IDLE, "session-over"),
        (timedelta(), ABSOLUTE, "session-over"),
        (-SECOND, -SECOND, "session-over"),
    ],
)
def test_a_session_lives_as_long_as_it_is_used_and_not_too_long(idle, old, code):
    session = opened(idle=idle, old=old)
    if code is None:
        assert check_live(session, NOW) is session
    else:
        with pytest.raises(SignInNeeded) as refusal:
            check_live(session, NOW)
        assert refusal.value.code == code


def test_no_session_is_nobody():
    with pytest.raises(SignInNeeded):
        check_live(None, NOW)


def test_one_caller_may_try_a_few_times_and_another_one_too():
    limit = RateLimit(3, timedelta(minutes=1))
    for _ in range(3):
        limit.check("10.0.0.1", NOW)

    with pytest.raises(TooMany, match="60 seconds"):
        limit.check("10.0.0.1", NOW)
    limit.check("10.0.0.2", NOW)
    limit.check("10.0.0.1", NOW + timedelta(minutes=1))
