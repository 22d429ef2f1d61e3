"""What time alone makes due. Every part of it may be repeated, and by several processes at once."""

from datetime import datetime

from registry.actions import course, message
from registry.actions.desk import Desk


def tend(desk: Desk, now: datetime) -> None:
    """Move reviews whose deadline has passed or whose approval has expired; remind; send mail."""
    course.follow_time(desk, now)
    message.remind(desk, now)
    message.relay(desk, now)
