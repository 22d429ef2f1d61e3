"""The arithmetic of a resumable upload: where it may go on, and when it is too much."""

from registry.errors import Conflict, TooLarge


def check_offset(*, claimed: int, actual: int) -> None:
    """Raise Conflict unless the uploader goes on exactly where the stored bytes end.

    Bytes are never overwritten in the middle: a hole or an overlap would make the digest a matter of luck.
    """
    if claimed != actual:
        raise Conflict(
            "upload-offset", f"The upload stands at byte {actual}, not {claimed}. Ask with HEAD and go on there."
        )


def check_room(*, received: int, more: int, limit: int) -> None:
    """Raise TooLarge if `more` bytes on top of `received` would pass `limit`; the limit itself is allowed."""
    if received + more > limit:
        raise TooLarge("image-too-large", f"An image archive may have at most {limit} bytes. Make the image smaller.")


def check_beginnings(*, unfinished: int, limit: int) -> None:
    """Raise Conflict if one more unfinished upload would be one too many for a person."""
    if unfinished >= limit:
        raise Conflict(
            "upload-too-many", f"You have {unfinished} unfinished uploads. Finish or delete one of them first."
        )
