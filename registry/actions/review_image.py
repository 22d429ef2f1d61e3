"""What a reader of a review may see of the version's image."""

from dataclasses import dataclass

from protocol.documents.algorithm import Algorithm
from registry.actions import contents, image
from registry.actions.desk import Desk
from registry.domain.caller import Caller
from registry.domain.contents import Contents


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSeen:
    """One image: whether it concerns the reader, what is known of it, and whether that is what the author signed."""

    concerns: bool
    contents: Contents | None
    is_signed: bool

    @property
    def bytes(self) -> int:
        """The bytes of the files in all its layers."""
        return sum(layer.bytes for layer in self.contents.layers) if self.contents else 0

    @property
    def entries(self) -> int:
        """The files, folders and links in all its layers."""
        return sum(layer.entries for layer in self.contents.layers) if self.contents else 0


def image_of(desk: Desk, caller: Caller, algorithm: Algorithm) -> ImageSeen | None:
    """Return what the reader may see of a version's image; None where it has none."""
    if algorithm.image is None:
        return None
    found = contents_of(desk, caller, algorithm)
    layers = tuple(layer.digest for layer in found.layers) if found else ()
    signed = found is not None and (found.config_digest, layers) == (
        algorithm.image.config_digest,
        algorithm.image.layers,
    )
    concerns = image.may_fetch(desk, caller, algorithm.image.archive_digest)
    return ImageSeen(concerns=concerns, contents=found, is_signed=signed)


def contents_of(desk: Desk, caller: Caller, algorithm: Algorithm) -> Contents | None:
    """Return what is in a version's image, as far as the reader may know it."""
    return contents.show(desk, caller, algorithm.image.archive_digest) if algorithm.image else None
