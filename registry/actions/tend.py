"""What time alone makes due. Every part of it may be repeated, and by several processes at once."""

from datetime import datetime

from registry.actions import contents, course, draft, message
from registry.actions.desk import Desk


def tend(desk: Desk, now: datetime) -> None:
    """Move reviews that time moves; forget drafts that nobody signed; remind; send mail; look into new images."""
    course.follow_time(desk, now)
    draft.forget_old(desk, now)
    message.remind(desk, now)
    message.relay(desk, now)
    contents.read_new(desk)
