"""Look into image archives once, keep what was found beside them, and show it to whom the image concerns.

The registry never runs an image and unpacks none: it reads the archive as a node does before it loads it, in one pass
and within the same limits (`protocol.documents.image`), and notes sizes, user, base and packages on the way.
"""

from typing import Final

import structlog

from protocol.documents.image import ImageLimits, read_image
from protocol.documents.strict import build, canonical, parse_object
from protocol.errors import Refused
from registry.actions import image
from registry.actions.desk import Desk
from registry.domain.caller import Caller
from registry.domain.contents import Contents, Reader
from registry.domain.review import ENDED, ReviewState
from registry.store import review

KEPT_BYTES: Final = 16 * 1024 * 1024
FORM: Final = "contents-1"
"""The form of what is kept; a program with another one looks anew."""
_UNDER_WAY: Final = frozenset(ReviewState) - ENDED


def read_new(desk: Desk) -> int:
    """Look into each archive of a version under review that nobody has looked into; return how many those were."""
    with desk.store.reading() as tx:
        named = review.archives(tx, _UNDER_WAY)
    new = [digest for digest in named if desk.blobs.has(digest) and not desk.blobs.is_described(digest, FORM)]
    for digest in new:
        found = _read(desk, digest)
        structlog.get_logger("registry.contents").info("read", archive=digest, packages=len(found.packages))
        desk.blobs.describe(digest, FORM, canonical(found.model_dump(mode="json")))
    return len(new)


def find(desk: Desk, digest: str) -> Contents | None:
    """Return what was found in an archive; None if nobody has looked yet."""
    kept = desk.blobs.description(digest, FORM)
    return build(Contents, parse_object(kept, KEPT_BYTES)) if kept is not None else None


def show(desk: Desk, caller: Caller, digest: str) -> Contents | None:
    """Return what was found in an archive to whom the image concerns; None for everybody else."""
    return find(desk, digest) if image.may_fetch(desk, caller, digest) else None


def _read(desk: Desk, digest: str) -> Contents:
    reader = Reader()
    try:
        with desk.blobs.path(digest).open("rb") as stream:
            found = read_image(stream, ImageLimits(), reader.look)
        identity = found.identity
        return reader.contents(digest, found.untrusted_config, identity.config_digest, identity.layers)
    except Refused as refusal:
        return Contents(archive=digest, refused=str(refusal))
    except Exception as fault:  # no archive of a stranger stops what the registry does by the clock
        structlog.get_logger("registry.contents").error("unread", archive=digest, error=type(fault).__name__)
        return Contents(archive=digest, refused="The registry failed to read it. Its operator finds more in the log.")
