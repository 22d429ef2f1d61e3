"""The node's tables, except those of the ledger, which stand beside their rules in `ledger.py`.

The job row is the truth about a job; everything else about its course is an event. A job's id is its order's id.
"""

import datetime as dt
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column

from sandbox.store.base import Base, Moment

DIGEST = String(64)
SLUG = String(100)


class JobRow(Base):
    """One order on its way through the fifteen steps."""

    __tablename__ = "job"
    __table_args__ = (Index(None, "due_at"), Index(None, "algorithm", "project"))

    id: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)  # in order of arrival; chooses the uids of its chambers
    state: Mapped[str] = mapped_column(String(16), index=True)
    code: Mapped[str | None] = mapped_column(SLUG)  # why it waits, was refused, or failed
    sentence: Mapped[str | None] = mapped_column(Text)
    bundle: Mapped[bytes] = mapped_column(LargeBinary)  # the exact bytes received

    # Who works on it. Only the holder of the highest fence may write.
    fence: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[dt.datetime | None] = mapped_column(Moment)
    due_at: Mapped[dt.datetime | None] = mapped_column(Moment)  # no tick does anything earlier; None: nothing to do
    rung_at: Mapped[dt.datetime | None] = mapped_column(Moment)  # when the doorbell last rang, for the sweeper
    run_fence: Mapped[int] = mapped_column(default=0)  # the fence in its containers' names; grows at a take-over only
    machine: Mapped[str | None] = mapped_column(SLUG)  # where it was charged: there it is staged and run
    losses: Mapped[int] = mapped_column(default=0)
    delays: Mapped[int] = mapped_column(default=0)  # consecutive waits, for the growing pause between them
    cancel_requested: Mapped[bool] = mapped_column(default=False)

    # Read from the order for queries and receipts; untrusted until the job is verified.
    researcher: Mapped[str] = mapped_column(SLUG)
    project: Mapped[str] = mapped_column(SLUG)
    dataset: Mapped[str] = mapped_column(SLUG)
    algorithm: Mapped[str] = mapped_column(DIGEST)
    received_at: Mapped[dt.datetime] = mapped_column(Moment)

    # Pinned by the charge: later changes of policy, data or revocations do not change a job that was paid for.
    terms: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    image_id: Mapped[str | None] = mapped_column(String(80))
    rho_charged_nano: Mapped[int] = mapped_column(BigInteger, default=0)
    rho_left_nano: Mapped[int] = mapped_column(BigInteger, default=0)
    charged_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    start_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    slots_end_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    release_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    staged_fence: Mapped[int | None] = mapped_column()  # whose fence names the directory of blocks and outputs
    next_chamber: Mapped[int] = mapped_column(default=0)


JOB = cast("Table", JobRow.__table__)  # for updates that no object in a session has to follow


class JobEvent(Base):
    """One thing that happened to a job; rows are only added."""

    __tablename__ = "job_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), index=True)
    at: Mapped[dt.datetime] = mapped_column(Moment)
    fence: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(SLUG)


class OutboxRow(Base):
    """One ring of the doorbell that is not yet with the broker."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"))


class Sealed(Base):
    """The end of a job: the signed receipt and, for a release, its ciphertext. Written once, sent as often as asked."""

    __tablename__ = "sealed"

    job_id: Mapped[str] = mapped_column(ForeignKey("job.id"), primary_key=True)
    receipt: Mapped[bytes] = mapped_column(LargeBinary)
    ciphertext: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_at: Mapped[dt.datetime] = mapped_column(Moment)
    receipt_acknowledged_at: Mapped[dt.datetime | None] = mapped_column(Moment)
    release_acknowledged_at: Mapped[dt.datetime | None] = mapped_column(Moment)


class DatasetRow(Base):
    """A dataset that this node offers, with the public facts of its current snapshot."""

    __tablename__ = "dataset"

    id: Mapped[str] = mapped_column(SLUG, primary_key=True)
    lineage: Mapped[str] = mapped_column(SLUG)
    snapshot: Mapped[str] = mapped_column(ForeignKey("snapshot.id"))
    added_at: Mapped[dt.datetime] = mapped_column(Moment)


class SnapshotRow(Base):
    """One immutable state of a dataset: public facts, and where its files are."""

    __tablename__ = "snapshot"

    id: Mapped[str] = mapped_column(SLUG, primary_key=True)
    dataset: Mapped[str] = mapped_column(SLUG, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    directory: Mapped[str] = mapped_column(Text)
    added_at: Mapped[dt.datetime] = mapped_column(Moment)


class StatusSeen(Base):
    """The newest Status of each office: an older one is a roll-back."""

    __tablename__ = "status_seen"

    office: Mapped[str] = mapped_column(SLUG, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)


class RosterSeen(Base):
    """When a roster was first seen: it counts after the trust root's delay, and an older one no more.

    The admin's decision comes before the delay: an accepted one counts at once, a rejected one never.
    """

    __tablename__ = "roster_seen"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    committee: Mapped[str] = mapped_column(SLUG, index=True)
    version: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[dt.datetime] = mapped_column(Moment)
    envelope: Mapped[bytes | None] = mapped_column(LargeBinary)  # of rosters seen by older versions, none
    decision: Mapped[str | None] = mapped_column(String(16))
    decided_at: Mapped[dt.datetime | None] = mapped_column(Moment)


class AuditRow(Base):
    """One action of a person or of the node itself; rows are only added."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[dt.datetime] = mapped_column(Moment)
    who: Mapped[str] = mapped_column(SLUG)
    action: Mapped[str] = mapped_column(SLUG)
    subject: Mapped[str] = mapped_column(String(200))
    code: Mapped[str | None] = mapped_column(SLUG)


class Mark(Base):
    """A named moment that must survive a restart, such as the clock's high-water mark."""

    __tablename__ = "mark"

    name: Mapped[str] = mapped_column(SLUG, primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(Moment)
