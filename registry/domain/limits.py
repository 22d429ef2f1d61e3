"""Every limit of the registry, with its unit, in one place."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

DOCUMENT_BYTES: Final = 1 * MIB
"""Largest signed document, and largest body of any request that is not an image or a release."""

RELEASE_BYTES: Final = 16 * MIB
"""Largest encrypted release."""

IMAGE_BYTES: Final = 2 * GIB
"""Largest image archive: exactly this many bytes are still accepted."""

PARTIAL_UPLOADS_PER_PERSON: Final = 4
"""Unfinished uploads one researcher may have lying about, so that nobody fills the disk with beginnings."""

UPLOAD_CHUNK_BYTES: Final = 1 * MIB
"""Bytes gathered from the network before they are hashed and written in one step."""

TOKEN_SECONDS: Final = 600
"""Life of an access token."""

ASSERTION_MEMORY_SECONDS: Final = 3600
"""How long a used login assertion is remembered: longer than any assertion lives, clock skew included."""

WAIT_SECONDS: Final = 60
"""Longest long-poll."""

RECHECK_SECONDS: Final = 2.0
"""A waiting long-poll looks into the database this often even if no bell rang (another process may have written)."""

ORDERS_PER_POLL: Final = 20
"""Bundles in one answer to a node; the rest comes with the next poll."""

REHEARSALS_PER_POLL: Final = 50
"""Rehearsals that one answer to a rehearsal node names."""

PAGE_ITEMS: Final = 50
PAGE_ITEMS_MOST: Final = 200
"""Items on one page of a list, by default and at most."""

DATASETS_PER_NODE: Final = 1000
"""Entries of one node's catalogue."""

DRAIN_BYTES: Final = 16 * MIB
DRAIN_SECONDS: Final = 10
"""How much of a refused body is still taken in, so that its sender gets to read the refusal."""

DRAFT_DAYS: Final = 7
"""How long what was composed on a page waits to be signed."""

PLACES_PER_DRAFT: Final = 50
"""Datasets at nodes that one question may be put to at once."""

DRAFTS_PER_RESEARCHER: Final = 500
"""Composed and unsigned orders of one researcher, so that nobody fills the table."""
