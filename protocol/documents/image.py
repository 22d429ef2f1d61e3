"""What an image archive is: one canonical file that every Docker version loads to the same ID."""

from dataclasses import dataclass
from typing import Annotated, BinaryIO

from pydantic import BaseModel, ConfigDict, Field

Sha256 = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\Z")]


class ImageIdentity(BaseModel):
    """The names of one image that are signed: whatever engine loads it, one of them can be checked.

    All digests are 64 hexadecimal digits of SHA-256. `layers` are the digests of the uncompressed layers, lowest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    config_digest: Sha256
    layers: Annotated[tuple[Sha256, ...], Field(min_length=1, max_length=64)]
    archive_digest: Sha256
    uncompressed_bytes: Annotated[int, Field(gt=0)]
    manifest_digest: Sha256 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """How large an image may be; the bomb stops at the limit, not after it."""

    archive_bytes: int = 2 << 30
    layers: int = 32
    entries: int = 200_000
    file_bytes: int = 1 << 30
    path_bytes: int = 1024
    path_depth: int = 32
    document_bytes: int = 1 << 20


def read_identity(stream: BinaryIO, limits: ImageLimits) -> ImageIdentity:
    """Read a whole image archive and return its identity; raise `Refused` at the first fault."""
    raise NotImplementedError
