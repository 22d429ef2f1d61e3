"""Receive an image archive, as a stream that may break and go on; hand it out to whom it concerns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.errors import SafeconductError
from registry.actions import course
from registry.actions.desk import Desk
from registry.domain.caller import Caller, check_is_researcher, missing
from registry.domain.limits import PARTIAL_UPLOADS_PER_PERSON, UPLOAD_CHUNK_BYTES
from registry.domain.rehearsal import is_rehearser
from registry.domain.upload import check_beginnings, check_offset, check_room
from registry.errors import Unbelievable
from registry.store import document, image, order, review
from registry.store.blobs import Beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one upload request says about itself.

    offset: where its bytes belong; None starts again at 0. total: length of the whole archive, if known. last: whether
    the archive ends with this body when the total is not known.
    """

    digest: str
    offset: int | None
    total: int | None
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an upload has come."""

    received: int
    complete: bool


async def receive(desk: Desk, caller: Caller, part: Part, chunks: AsyncIterator[bytes], now: datetime) -> Progress:
    """Append one request's bytes to the caller's upload, and settle it when it is whole.

    Whatever arrived before a break stays for the next request. A whole archive with another digest than announced
    and one that grows beyond the limit are removed.
    """
    check_is_researcher(caller)
    done = await asyncio.to_thread(_finished, desk, caller, part.digest)
    if done is not None:
        return done
    check_room(received=part.total or 0, more=0, limit=desk.image_bytes)
    if desk.blobs.received(part.digest, caller.subject) == 0:
        check_beginnings(unfinished=desk.blobs.unfinished(caller.subject), limit=PARTIAL_UPLOADS_PER_PERSON)
    with ExitStack() as open_files:
        beginning = open_files.enter_context(desk.blobs.writing(part.digest, caller.subject))
        await _place(beginning, part)
        await _stream(beginning, part, chunks, desk.image_bytes)
        if not (beginning.length == part.total if part.total is not None else part.last):
            return Progress(received=beginning.length, complete=False)
        await asyncio.to_thread(beginning.settle)
    return await asyncio.to_thread(_note, desk, caller, part.digest, beginning.length, now)


async def _place(beginning: Beginning, part: Part) -> None:
    if part.offset is None:
        beginning.restart()
        return
    check_offset(claimed=part.offset, actual=beginning.length)
    await asyncio.to_thread(beginning.resume)


async def _stream(beginning: Beginning, part: Part, chunks: AsyncIterator[bytes], limit: int) -> None:
    gathered = bytearray()
    most = limit if part.total is None else part.total
    try:
        async for chunk in chunks:
            try:
                _check_growth(beginning, len(gathered) + len(chunk), limit, most)
            except SafeconductError:
                gathered.clear()
                beginning.abandon()
                raise
            gathered += chunk
            if len(gathered) >= UPLOAD_CHUNK_BYTES:
                await asyncio.to_thread(beginning.append, bytes(gathered))
                gathered.clear()
    finally:
        await asyncio.to_thread(_rest, beginning, bytes(gathered))


def _check_growth(beginning: Beginning, more: int, limit: int, most: int) -> None:
    check_room(received=beginning.length, more=more, limit=limit)
    if beginning.length + more > most:
        raise Unbelievable("upload-length", "More bytes came than the upload was announced with. Start it again.")


def _rest(beginning: Beginning, chunk: bytes) -> None:
    if chunk:
        beginning.append(chunk)
    beginning.pause()


def standing(desk: Desk, caller: Caller, digest: str) -> Progress:
    """Return how far the caller's upload has come; Missing if there is none."""
    done = _finished(desk, caller, digest)
    if done is not None:
        return done
    received = desk.blobs.received(digest, caller.subject)
    if not received:
        raise missing("image")
    return Progress(received=received, complete=False)


def discard(desk: Desk, caller: Caller, digest: str, now: datetime) -> None:
    """Forget the caller's unfinished upload."""
    if not desk.blobs.discard(digest, caller.subject):
        raise missing("image")
    with desk.store.transaction() as tx:
        document.record(tx, now, caller.subject, "image.discarded", digest)


def fetch(desk: Desk, caller: Caller, digest: str) -> Path:
    """Return the archive's file for its uploader or author, a committee member, a node with an order for it, or to
    rehearse it."""
    if not may_fetch(desk, caller, digest) or not desk.blobs.has(digest):
        raise missing("image")
    return desk.blobs.path(digest)


def may_fetch(desk: Desk, caller: Caller, digest: str) -> bool:
    """Say whether an archive concerns the caller (`registry.domain.caller`); what it holds is shown to nobody else."""
    with desk.store.reading() as tx:
        return (
            order.names_image(tx, caller.subject, digest) or (is_rehearser(caller) and review.names_image(tx, digest))
            if caller.kind == "node"
            else caller.sits
            or image.possesses(tx, digest, caller.subject) is not None
            or review.with_image(tx, digest, caller.subject)
        )


def _finished(desk: Desk, caller: Caller, digest: str) -> Progress | None:
    with desk.store.reading() as tx:
        found = image.possesses(tx, digest, caller.subject)
        return Progress(received=found.bytes, complete=True) if found else None


def _note(desk: Desk, caller: Caller, digest: str, size: int, now: datetime) -> Progress:
    with desk.store.transaction() as tx:
        image.add(tx, digest, caller.subject, size, now)
        document.record(tx, now, caller.subject, "image.received", digest, bytes=size)
        for algorithm in review.of_image(tx, digest):
            course.settle(tx, desk, algorithm, now)
    return Progress(received=size, complete=True)
