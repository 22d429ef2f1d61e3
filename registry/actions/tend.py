"""What time alone makes due. Every part of it may be repeated, and by several processes at once."""

from datetime import datetime

from registry.actions import contents, course, message
from registry.actions.desk import Desk


def tend(desk: Desk, now: datetime) -> None:
    """Move reviews whose deadline has passed or whose approval has expired; remind; send mail; look into new images."""
    course.follow_time(desk, now)
    message.remind(desk, now)
    message.relay(desk, now)
    contents.read_new(desk)
